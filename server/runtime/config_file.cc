#include "server/runtime/config_file.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/base/json.h"
#include "server/base/read_file.h"
#include "server/base/retry_after.h"
#include "server/base/status_macros.h"
#include "server/runtime/evaluator_factory.h"
#include "server/runtime/server_config.pb.h"
#include "server/wire/fitted_prior.h"
#include "server/wire/questions/durations.h"
#include "server/wire/questions/questions.h"

namespace assay::runtime {
namespace {

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
  SetUnlessZero(from.max_connections(), &session.limits.connections.max_connections);
  if (from.has_max_stream_age()) session.max_age = DurationFromWire(from.max_stream_age());
  if (from.has_write_stall()) session.write_stall = DurationFromWire(from.write_stall());
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
  if (from.has_grace()) config->grace = DurationFromWire(from.grace());
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
  absl::StatusOr<std::string> json = ReadFile(from.file());
  if (!json.ok()) return Annotate(json.status(), absl::StrCat(setting, ": "));
  v1::FittedPrior prior;
  if (from.name().empty() || !FromJson(*json, &prior).ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(setting, ": no name, or no prior as `assay fit` writes it"));
  }
  if (const auto valid = service::FittedPriorFromWire(prior); !valid.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(setting, ": ", valid.status().message()));
  }
  if (!config->priors.try_emplace(from.name(), std::move(prior)).second) {
    return absl::InvalidArgumentError(absl::StrCat(setting, ": named twice"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadConfigFile(const std::string& path, Config* config) {
  const absl::StatusOr<std::string> json = ReadFile(path);
  return json.ok() ? ParseConfig(*json, config) : Annotate(json.status(), "config: ");
}

absl::Status ParseConfig(const std::string& json, Config* config) {
  ServerConfig parsed;
  if (absl::Status status = FromJson(json, &parsed); !status.ok()) {
    return Annotate(status, "config: ");
  }
  ReadServer(parsed, config);
  for (const EvaluatorConfig& evaluator : parsed.evaluators()) {
    ASSAY_ASSIGN_OR_RETURN(evaluation::NamedEvaluator named, EvaluatorFromConfig(evaluator));
    if (absl::Status added = config->evaluators.Add(std::move(named)); !added.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("config: ", added.message()));
    }
  }
  for (const PriorConfig& prior : parsed.priors()) {
    ASSAY_RETURN_IF_ERROR(ReadPrior(prior, config));
  }
  return absl::OkStatus();
}

}  // namespace assay::runtime
