#include "server/runtime/config_file.h"

#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "server/runtime/server_config.pb.h"

namespace assay::runtime {
namespace {

using evaluation::JudgeOptions;
using signals::QuestionKind;

absl::Status Invalid(const EvaluatorConfig& from, absl::string_view field, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("config: evaluator \"", from.name(), "\": ", field, ": ", what));
}

absl::Status ReadPolicy(const EvaluatorConfig& from, evaluation::CallPolicy* policy) {
  if (from.has_timeout()) {
    policy->timeout =
        absl::Seconds(from.timeout().seconds()) + absl::Nanoseconds(from.timeout().nanos());
    if (policy->timeout <= absl::ZeroDuration()) return Invalid(from, "timeout", "not positive");
  }
  const std::pair<int32_t, absl::string_view> numbers[] = {{from.concurrency(), "concurrency"},
                                                           {from.batch_size(), "batch_size"},
                                                           {from.max_attempts(), "max_attempts"}};
  for (const auto& [number, field] : numbers) {
    if (number < 0) return Invalid(from, field, "negative");
  }
  if (from.concurrency() > 0) policy->bounds.max_calls = from.concurrency();
  if (from.batch_size() > 0) policy->bounds.batch_size = from.batch_size();
  if (from.max_attempts() > 0) policy->retry.max_attempts = from.max_attempts();
  if (from.has_cache_bytes()) policy->cache_bytes = from.cache_bytes();
  if (from.has_breaker_failures()) policy->breaker.failures = from.breaker_failures();
  return absl::OkStatus();
}

absl::Status ReadTraits(const EvaluatorConfig& from, signals::EvaluatorTraits* traits) {
  static const std::map<std::string, QuestionKind>& kinds =
      *new std::map<std::string, QuestionKind>{{"coalition", QuestionKind::kCoalition},
                                               {"messages", QuestionKind::kMessages},
                                               {"prefix", QuestionKind::kPrefix},
                                               {"correction", QuestionKind::kCorrection},
                                               {"message_scores", QuestionKind::kMessageScores}};
  for (const std::string& name : from.remote().traits().supports()) {
    const auto kind = kinds.find(name);
    if (kind == kinds.end()) {
      return Invalid(from, "remote.traits.supports", absl::StrCat("no kind of question is ", name));
    }
    traits->supports |= Bit(kind->second);
  }
  if (traits->supports == 0) traits->supports = Bit(QuestionKind::kCoalition);
  traits->free = from.remote().traits().free();
  traits->deterministic = from.remote().traits().deterministic();
  return absl::OkStatus();
}

absl::Status ReadRemote(const EvaluatorConfig& from, Config* config) {
  const RemoteConfig& remote = from.remote();
  evaluation::RemoteOptions options;
  options.name = from.name();
  options.endpoints.assign(remote.endpoints().begin(), remote.endpoints().end());
  if (options.endpoints.empty()) return Invalid(from, "remote.endpoints", "none");
  if (remote.has_tls()) {
    options.tls = evaluation::RemoteTls{remote.tls().ca_file(), remote.tls().cert_file(),
                                        remote.tls().key_file(), remote.tls().server_name()};
  }
  if (remote.has_traits()) {
    const absl::Status status = ReadTraits(from, &options.traits.emplace());
    if (!status.ok()) return status;
  }
  const absl::Status status = ReadPolicy(from, &options.policy);
  if (status.ok()) config->remotes.push_back(std::move(options));
  return status;
}

absl::Status ReadJudge(const EvaluatorConfig& from, Config* config) {
  const JudgeConfig& judge = from.judge();
  static const std::map<std::string, JudgeOptions::Verdict>& verdicts =
      *new std::map<std::string, JudgeOptions::Verdict>{
          {"", JudgeOptions::Verdict::kAuto},
          {"auto", JudgeOptions::Verdict::kAuto},
          {"logprobs", JudgeOptions::Verdict::kLogprobs},
          {"json", JudgeOptions::Verdict::kJson}};
  const auto verdict = verdicts.find(judge.verdict());
  if (verdict == verdicts.end()) {
    return Invalid(from, "judge.verdict", "not auto, logprobs or json");
  }
  if (!(std::isfinite(judge.temperature()) && judge.temperature() >= 0)) {
    return Invalid(from, "judge.temperature", "not a number >= 0");
  }
  JudgeOptions options;
  options.name = from.name();
  options.url = judge.url();
  options.model = judge.model();
  options.api_key_file = judge.api_key_file();
  options.api_key_env = judge.api_key_env();
  options.ca_file = judge.ca_file();
  options.prompts_folder = judge.prompts_folder();
  options.verdict = verdict->second;
  options.step_by_step = judge.step_by_step();
  options.temperature = judge.temperature();
  const absl::Status status = ReadPolicy(from, &options.policy);
  if (status.ok()) config->judges.push_back(std::move(options));
  return status;
}

absl::Status ReadEvaluator(const EvaluatorConfig& from, Config* config) {
  switch (from.kind_case()) {
    case EvaluatorConfig::kRemote:
      return ReadRemote(from, config);
    case EvaluatorConfig::kJudge:
      return ReadJudge(from, config);
    case EvaluatorConfig::KIND_NOT_SET:
      return Invalid(from, "kind", "neither remote nor judge");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadConfigFile(const std::string& path, Config* config) {
  std::ifstream file(path, std::ios::binary);
  const std::string json((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) return absl::InvalidArgumentError(absl::StrCat("config: cannot read ", path));
  return ParseConfig(json, config);
}

absl::Status ParseConfig(const std::string& json, Config* config) {
  ServerConfig parsed;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &parsed);
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("config: ", std::string(status.message().data(), status.message().size())));
  }
  for (const EvaluatorConfig& evaluator : parsed.evaluators()) {
    const absl::Status read = ReadEvaluator(evaluator, config);
    if (!read.ok()) return read;
  }
  return absl::OkStatus();
}

}  // namespace assay::runtime
