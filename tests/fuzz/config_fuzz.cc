// Configuration: any file, any settings on top. What passes the check keeps what the check
// promises.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "google/protobuf/util/json_util.h"
#include "server/runtime/config.h"
#include "server/runtime/config_file.h"
#include "tests/fuzz/cases.pb.h"
#include "tests/fuzz/mutator.h"

namespace assay::fuzz {
namespace {

std::string Json(const google::protobuf::Message& message) {
  std::string json;
  static_cast<void>(google::protobuf::util::MessageToJsonString(message, &json));
  return json;
}

// The one file that a prior may name.
const std::string& PriorPath() {
  static const std::string& path = *new std::string(
      (std::filesystem::temp_directory_path() / ("assay_fuzz_prior." + std::to_string(getpid())))
          .string());
  return path;
}

void WritePrior(const std::string& text) {
  static const bool removed_at_exit =
      std::atexit([] { static_cast<void>(std::remove(PriorPath().c_str())); }) == 0;
  static_cast<void>(removed_at_exit);
  std::ofstream(PriorPath(), std::ios::binary) << text;
}

// No path but the prior's: an input must not read this machine's files or wait for its pipes.
void KeepOffFiles(runtime::ServerConfig* config) {
  for (runtime::PriorConfig& prior : *config->mutable_priors()) {
    prior.set_file(prior.file().empty() ? "/nowhere" : PriorPath());
  }
  if (!config->token_file().empty()) config->set_token_file(PriorPath());
  if (config->has_tls()) {
    if (!config->tls().cert_file().empty()) config->mutable_tls()->set_cert_file(PriorPath());
    if (!config->tls().key_file().empty()) config->mutable_tls()->set_key_file("/nowhere");
    config->mutable_tls()->clear_client_ca_file();
  }
}

std::string FileOf(const ConfigCase& input) {
  runtime::ServerConfig config = input.config();
  if (!input.has_config() &&
      !google::protobuf::util::JsonStringToMessage(input.raw(), &config).ok()) {
    return input.raw();  // and it will not parse there either
  }
  KeepOffFiles(&config);
  return Json(config);
}

void CheckPromises(const runtime::Config& config) {
  const service::SessionConfig& session = config.session;
  const service::Limits& limits = session.limits;
  Check(config.workers >= 0, "workers");
  Check(limits.max_agents >= 1 && limits.max_agents <= 64, "max_agents");
  Check(limits.max_messages >= 1, "max_messages");
  Check(limits.max_episode_bytes >= 1 && limits.max_episode_bytes < limits.max_transport_bytes,
        "max_episode_bytes");
  Check(session.max_episodes_in_flight >= 1 && session.max_started >= 1, "episodes in flight");
  Check(session.max_bytes_in_flight >= limits.max_episode_bytes, "max_bytes_in_flight");
  Check(config.max_bytes >= session.max_bytes_in_flight, "max_bytes");
  Check(session.write_stall > absl::ZeroDuration() && session.max_age > absl::ZeroDuration(),
        "durations");
  if (!config.insecure && !config.tls.has_value()) {
    Check(runtime::IsLoopback(config.listen), "plaintext beyond loopback:", config.listen.c_str());
  }
  for (const auto& [name, evaluator] : config.evaluators.all()) {
    Check(evaluation::CheckEvaluatorName(name).ok() && evaluator.make != nullptr, "evaluator");
  }
}

void Run(const ConfigCase& input) {
  if (input.has_config() && input.config().priors_size() > 0) {
    WritePrior(input.has_prior() ? Json(input.prior()) : input.raw_prior());
  }
  runtime::Config config;
  const absl::Status parsed = runtime::ParseConfig(FileOf(input), &config);
  Check(parsed.ok() || parsed.code() == absl::StatusCode::kInvalidArgument, "kind of error");
  bool applied = parsed.ok();
  for (const Setting& setting : input.settings()) {
    if (setting.name() == "token_file") continue;
    applied = runtime::ApplySetting(setting.name(), setting.value(), &config).ok() && applied;
  }
  if (runtime::CheckConfig(config).ok() && applied) CheckPromises(config);
}

}  // namespace
}  // namespace assay::fuzz

ASSAY_FUZZ_TARGET(assay::fuzz::ConfigCase, assay::fuzz::Run, nullptr)
