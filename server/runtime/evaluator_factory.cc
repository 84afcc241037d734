#include "server/runtime/evaluator_factory.h"

#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/runtime/server_config.pb.h"
#include "server/wire/questions/durations.h"

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
    policy->timeout = DurationFromWire(from.timeout());
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
                                               {"message_scores", QuestionKind::kMessageScores},
                                               {"team", QuestionKind::kTeam}};
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

}  // namespace

absl::StatusOr<evaluation::RemoteOptions> RemoteFromConfig(const EvaluatorConfig& from) {
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
    ASSAY_RETURN_IF_ERROR(ReadTraits(from, &options.traits.emplace()));
  }
  ASSAY_RETURN_IF_ERROR(ReadPolicy(from, &options.policy));
  return options;
}

absl::StatusOr<evaluation::JudgeOptions> JudgeFromConfig(const EvaluatorConfig& from) {
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
  ASSAY_RETURN_IF_ERROR(ReadPolicy(from, &options.policy));
  return options;
}

absl::StatusOr<evaluation::NamedEvaluator> EvaluatorFromConfig(const EvaluatorConfig& from) {
  switch (from.kind_case()) {
    case EvaluatorConfig::kRemote: {
      ASSAY_ASSIGN_OR_RETURN(const evaluation::RemoteOptions options, RemoteFromConfig(from));
      return evaluation::NamedRemote(options);
    }
    case EvaluatorConfig::kJudge: {
      ASSAY_ASSIGN_OR_RETURN(const JudgeOptions options, JudgeFromConfig(from));
      return evaluation::NamedJudge(options);
    }
    case EvaluatorConfig::KIND_NOT_SET:
      break;
  }
  return Invalid(from, "kind", "neither remote nor judge");
}

}  // namespace assay::runtime
