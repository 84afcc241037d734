#include "server/runtime/config_file.h"

#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "server/runtime/server_config.pb.h"
#include "server/wire/fitted_prior.h"
#include "server/wire/questions.h"

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
    policy->timeout = evaluation::ToDomain(from.timeout());
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
    absl::Status status = ReadTraits(from, &options.traits.emplace());
    if (!status.ok()) return status;
  }
  absl::Status status = ReadPolicy(from, &options.policy);
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
  absl::Status status = ReadPolicy(from, &options.policy);
  if (status.ok()) config->judges.push_back(std::move(options));
  return status;
}

constexpr std::streamoff kMaxFileBytes = std::streamoff{4} << 20;

absl::StatusOr<std::string> ReadFile(absl::string_view setting, const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? std::streamoff{file.tellg()} : -1;
  if (size < 0 || size > kMaxFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat(setting, ": cannot read ", path));
  }
  std::string text(static_cast<size_t>(size), '\0');
  file.seekg(0);
  file.read(text.data(), size);
  return text;
}

template <class To, class From>
void SetUnlessZero(const From& from, To* to) {
  if (from != 0) *to = from;
}

void SetUnlessEmpty(const std::string& from, std::string* to) {
  if (!from.empty()) *to = from;
}

void ReadLimits(const LimitsConfig& from, Config* config) {
  service::SessionConfig& session = config->session;
  SetUnlessZero(from.max_episodes_in_flight(), &session.max_episodes_in_flight);
  SetUnlessZero(from.max_bytes_in_flight(), &session.max_bytes_in_flight);
  SetUnlessZero(from.max_started(), &session.max_started);
  SetUnlessZero(from.max_agents(), &session.limits.max_agents);
  SetUnlessZero(from.max_messages(), &session.limits.max_messages);
  SetUnlessZero(from.max_episode_bytes(), &session.limits.max_episode_bytes);
  SetUnlessZero(from.max_transport_bytes(), &session.limits.max_transport_bytes);
  if (from.has_max_stream_age()) session.max_age = evaluation::ToDomain(from.max_stream_age());
  if (from.has_write_stall()) session.write_stall = evaluation::ToDomain(from.write_stall());
  SetUnlessZero(from.max_episodes(), &config->max_episodes);
  SetUnlessZero(from.max_bytes(), &config->max_bytes);
  SetUnlessZero(from.max_streams(), &config->streams.max_streams);
  SetUnlessZero(from.max_streams_per_caller(), &config->streams.max_streams_per_caller);
  SetUnlessZero(from.max_episodes_per_caller(), &config->max_per_caller.episodes);
  SetUnlessZero(from.max_bytes_per_caller(), &config->max_per_caller.bytes);
}

void ReadServer(const ServerConfig& from, Config* config) {
  SetUnlessEmpty(from.listen(), &config->listen);
  if (!from.metrics().empty()) config->metrics = from.metrics() == "none" ? "" : from.metrics();
  SetUnlessEmpty(from.http(), &config->http);
  SetUnlessEmpty(from.ops(), &config->ops);
  config->insecure = config->insecure || from.insecure();
  SetUnlessZero(from.workers(), &config->workers);
  if (from.has_grace()) config->grace = evaluation::ToDomain(from.grace());
  if (from.has_tls()) {
    Tls tls{from.tls().cert_file(), from.tls().key_file(), from.tls().client_ca_file(), {}};
    tls.allowed_names.assign(from.tls().allowed_names().begin(), from.tls().allowed_names().end());
    config->tls = std::move(tls);
  }
  SetUnlessEmpty(from.token_file(), &config->token_file);
  ReadLimits(from.limits(), config);
}

// What `assay fit` writes.
absl::Status ReadPrior(const PriorConfig& from, Config* config) {
  const std::string setting = absl::StrCat("config: prior \"", from.name(), "\"");
  absl::StatusOr<std::string> json = ReadFile(setting, from.file());
  if (!json.ok()) return json.status();
  v1::FittedPrior prior;
  if (from.name().empty() || !google::protobuf::util::JsonStringToMessage(*json, &prior).ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(setting, ": no name, or no prior as `assay fit` writes it"));
  }
  if (const auto valid = service::ToDomain(prior); !valid.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(setting, ": ", valid.status().message()));
  }
  if (!config->priors.try_emplace(from.name(), std::move(prior)).second) {
    return absl::InvalidArgumentError(absl::StrCat(setting, ": named twice"));
  }
  return absl::OkStatus();
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
  absl::StatusOr<std::string> json = ReadFile("config", path);
  return json.ok() ? ParseConfig(*json, config) : json.status();
}

absl::Status ParseConfig(const std::string& json, Config* config) {
  ServerConfig parsed;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &parsed);
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("config: ", std::string(status.message().data(), status.message().size())));
  }
  ReadServer(parsed, config);
  for (const EvaluatorConfig& evaluator : parsed.evaluators()) {
    absl::Status read = ReadEvaluator(evaluator, config);
    if (!read.ok()) return read;
  }
  for (const PriorConfig& prior : parsed.priors()) {
    absl::Status read = ReadPrior(prior, config);
    if (!read.ok()) return read;
  }
  return absl::OkStatus();
}

}  // namespace assay::runtime
