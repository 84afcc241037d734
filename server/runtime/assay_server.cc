#include "server/runtime/assay_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/engine/asio_executor.h"
#include "server/engine/engine.h"
#include "server/evaluation/registry.h"
#include "server/service/version.h"
#include "server/telemetry/exposer.h"
#include "server/telemetry/metrics.h"

namespace assay::runtime {
namespace {

constexpr char kServiceName[] = "assay.v1.SignalService";
// After the drain, for what is not ours: health watches and reflection streams.
constexpr absl::Duration kTransportGrace = absl::Milliseconds(200);
constexpr absl::Duration kDrainPoll = absl::Milliseconds(5);
constexpr int kKeepaliveMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kMinPingIntervalMs = 5'000;

int Workers(const Config& config) {
  if (config.workers > 0) return config.workers;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

telemetry::MetricsConfig MetricsConfigFor(const Config& config, const service::Catalog& catalog) {
  telemetry::MetricsConfig metrics;
  metrics.workers = Workers(config);
  metrics.version = std::string(service::Version());
  metrics.revision = std::string(service::Revision());
  for (const auto& [name, evaluator] : catalog.evaluators) metrics.evaluators.push_back(name);
  for (const auto& remote : config.remotes) metrics.evaluators.push_back(remote.name);
  for (const auto& judge : config.judges) metrics.evaluators.push_back(judge.name);
  return metrics;
}

class Server final : public AssayServer {
 public:
  Server(const Config& config, const service::Catalog& catalog, const telemetry::Log* log)
      : config_(config),
        catalog_(catalog),
        metrics_(MetricsConfigFor(config, catalog)),
        service_log_(log, &metrics_),
        executor_(Workers(config), &metrics_),
        engine_(&executor_, &metrics_),
        admission_(config.max_episodes, config.max_bytes) {
    service::ServiceDeps deps;
    deps.engine = &engine_;
    deps.executor = &executor_;
    deps.config = &config_.session;
    deps.catalog = &catalog_;
    deps.admission = &admission_;
    deps.observer = &service_log_;
    deps.question_observer = &metrics_;
    signals_ = service::SignalServer::Make(deps, config_.streams, &metrics_);
  }
  ~Server() override {
    if (server_ != nullptr) Shutdown(absl::ZeroDuration());
  }

  // Before Serve: streams look evaluators up in the catalog.
  absl::Status AddEvaluators();
  absl::Status Serve();

  int port() const override { return port_; }
  int metrics_port() const override { return exposer_ == nullptr ? 0 : exposer_->port(); }
  int streams() const override { return signals_->streams(); }
  bool Shutdown(absl::Duration grace) override;

 private:
  const Config config_;
  service::Catalog catalog_;
  telemetry::Metrics metrics_;
  telemetry::ServiceLog service_log_;
  engine::AsioExecutor executor_;
  engine::Engine engine_;
  service::Admission admission_;
  std::unique_ptr<service::SignalServer> signals_;
  std::unique_ptr<telemetry::MetricsServer> exposer_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

absl::Status Server::AddEvaluators() {
  evaluation::EvaluatorRegistry registry;
  for (const auto& [name, evaluator] : catalog_.evaluators) {
    if (absl::Status added = registry.Add(evaluator); !added.ok()) return added;
  }
  const auto add = [&](absl::StatusOr<std::shared_ptr<evaluation::Evaluator>> evaluator) {
    return evaluator.ok() ? registry.Add(*std::move(evaluator)) : evaluator.status();
  };
  for (const evaluation::RemoteOptions& remote : config_.remotes) {
    absl::Status added = add(evaluation::MakeRemote(remote, &executor_, &metrics_));
    if (!added.ok()) return added;
  }
  for (const evaluation::JudgeOptions& judge : config_.judges) {
    absl::Status added = add(evaluation::MakeJudge(judge, &executor_, &metrics_));
    if (!added.ok()) return added;
  }
  for (const auto& evaluator : registry.All()) {
    catalog_.evaluators.emplace(std::string(evaluator->name()), evaluator);
  }
  return absl::OkStatus();
}

absl::Status Server::Serve() {
  static std::once_flag plugins;
  std::call_once(plugins, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
  if (!config_.metrics.empty()) {
    auto exposer = telemetry::MetricsServer::Start(config_.metrics, metrics_);
    if (!exposer.ok()) return exposer.status();
    exposer_ = *std::move(exposer);
  }
  const auto transport_bytes = static_cast<int>(config_.session.limits.max_transport_bytes);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(config_.listen, grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(signals_->service());
  builder.SetMaxReceiveMessageSize(transport_bytes);
  builder.SetMaxSendMessageSize(transport_bytes);
  // A second server on the same port must fail and not share it.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kMinPingIntervalMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port_ == 0) {
    server_.reset();
    return absl::UnavailableError(absl::StrCat("listen: cannot listen on ", config_.listen));
  }
  server_->GetHealthCheckService()->SetServingStatus(kServiceName, true);
  return absl::OkStatus();
}

bool Server::Shutdown(absl::Duration grace) {
  const absl::Time deadline = absl::Now() + grace;
  server_->GetHealthCheckService()->SetServingStatus(false);
  signals_->Drain("draining", grace);
  // Our own count is the measure: gRPC also waits for health watches, which never end by
  // themselves.
  while (signals_->calls() > 0 && absl::Now() < deadline) absl::SleepFor(kDrainPoll);
  const bool clean = signals_->calls() == 0;
  server_->Shutdown(absl::ToChronoTime(absl::Now() + kTransportGrace));
  server_->Wait();
  server_.reset();
  return clean;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AssayServer>> AssayServer::Start(const Config& config,
                                                                const service::Catalog& catalog,
                                                                const telemetry::Log* log) {
  if (absl::Status checked = CheckConfig(config); !checked.ok()) return checked;
  auto server = std::make_unique<Server>(config, catalog, log);
  if (absl::Status added = server->AddEvaluators(); !added.ok()) return added;
  if (absl::Status served = server->Serve(); !served.ok()) return served;
  return server;
}

}  // namespace assay::runtime
