#include "server/runtime/assay_server.h"

#include <grpcpp/ext/channelz_service_plugin.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <sys/resource.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/status_macros.h"
#include "server/base/version.h"
#include "server/engine/asio_executor.h"
#include "server/engine/engine.h"
#include "server/evaluation/registry.h"
#include "server/guard/connections.h"
#include "server/runtime/gate.h"
#include "server/telemetry/exposer.h"
#include "server/telemetry/metrics.h"
#include "server/transport/http_gateway.h"
#include "server/transport/http_routes.h"

namespace assay::runtime {
namespace {

constexpr char kServiceName[] = "assay.v1.SignalService";
// After the drain, for what is not ours: health watches and reflection streams.
constexpr absl::Duration kTransportGrace = absl::Milliseconds(200);
constexpr absl::Duration kDrainPoll = absl::Milliseconds(5);
// Enough for the buffers of connections that do nothing.
constexpr int64_t kMinQuotaBytes = int64_t{64} << 20;
constexpr int kKeepaliveMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kMinPingIntervalMs = 5'000;
// From a connection's first byte to the end of its handshake.
constexpr int kHandshakeTimeoutMs = 20'000;
constexpr int kSpareStreams = 1024;
// Of the ops port: probes, and somebody who looks.
constexpr int kOpsStreams = 100;
constexpr int kOpsMessageBytes = 64 << 10;
constexpr int kPollers = 6;
// Descriptors that are not for gRPC's connections: the HTTP ports, evaluators, files.
constexpr int64_t kOtherDescriptors = 64;
constexpr int64_t kFewestConnections = 16;
constexpr unsigned kCertificateReloadSeconds = 10;

int Workers(const Config& config) {
  if (config.workers > 0) return config.workers;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// As many connections as there are descriptors for, and some to spare.
int32_t MaxConnections(int32_t wanted) {
  rlimit descriptors{};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return wanted;
  const auto most = static_cast<int64_t>(std::min<rlim_t>(descriptors.rlim_cur, 1 << 20));
  const int64_t left = most - std::max<int64_t>(kOtherDescriptors, most / 4);
  return static_cast<int32_t>(
      std::min<int64_t>(std::max<int64_t>(left, kFewestConnections), wanted));
}

// What depends on the process: its workers and descriptors. Two long pieces a worker: one ends, the
// next is there.
Config OfProcess(Config config) {
  config.session.max_long_started = 2 * Workers(config);
  int32_t& connections = config.session.limits.connections.max_connections;
  connections = MaxConnections(connections);
  return config;
}

telemetry::MetricsConfig MetricsConfigFor(const Config& config, const service::Catalog& catalog) {
  telemetry::MetricsConfig metrics;
  metrics.workers = Workers(config);
  metrics.version = std::string(Version());
  metrics.revision = std::string(Revision());
  for (const auto& [name, evaluator] : catalog.evaluators) metrics.evaluators.push_back(name);
  for (const auto& [name, evaluator] : config.evaluators.all()) metrics.evaluators.push_back(name);
  return metrics;
}

// Completion queues that nothing is ever put on, each waited for by a thread. Connections are
// spread over all queues: while one thread works for a connection that sends much, others read the
// rest.
class Pollers {
 public:
  ~Pollers() { Stop(); }
  void AddTo(grpc::ServerBuilder* builder) {
    for (int i = 0; i < kPollers; ++i) queues_.push_back(builder->AddCompletionQueue());
  }
  void Start() {
    for (const auto& queue : queues_) {
      threads_.emplace_back([&queue] { Drain(queue.get()); });
    }
  }
  // After the server has shut down.
  void Stop() {
    for (const auto& queue : queues_) queue->Shutdown();
    if (threads_.empty()) {
      for (const auto& queue : queues_) Drain(queue.get());
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    queues_.clear();
  }

 private:
  static void Drain(grpc::ServerCompletionQueue* queue) {
    void* tag = nullptr;
    bool ok = false;
    while (queue->Next(&tag, &ok)) {
    }
  }
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues_;
  std::vector<std::thread> threads_;
};

// What holds for every port that speaks gRPC.
void BoundTransport(grpc::ServerBuilder* builder) {
  // A second server on the same port must fail and not share it.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // gRPC 1.51 inflates a compressed message before it looks at any size.
  builder->AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              kMinPingIntervalMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
}

class Server final : public AssayServer {
 public:
  Server(const Config& config, const service::Catalog& catalog, const telemetry::Log* log)
      : config_(OfProcess(config)),
        catalog_(catalog),
        metrics_(MetricsConfigFor(config, catalog)),
        service_log_(log),
        admission_({config.max_episodes, config.max_bytes}),
        callers_(config.max_per_caller, &admission_),
        executor_(Workers(config), &metrics_),
        engine_(&executor_, &metrics_),
        gate_(config.token_file,
              config.tls.has_value() ? config.tls->allowed_names : std::vector<std::string>()),
        token_gate_(config.token_file, {}) {
    catalog_.priors.insert(config.priors.begin(), config.priors.end());
    service::ServiceDeps deps;
    deps.engine = &engine_;
    deps.executor = &executor_;
    deps.config = &config_.session;
    deps.catalog = &catalog_;
    deps.callers = &callers_;
    deps.observers = {&metrics_, &service_log_};
    deps.question_observers = &metrics_;
    signals_ = service::SignalServer::Make(deps, config_.streams, &metrics_, &gate_);
    routes_ = std::make_unique<service::HttpRoutes>(deps, &token_gate_);
  }
  ~Server() override {
    if (server_ != nullptr) Shutdown(absl::ZeroDuration());
  }

  absl::Status Serve();

  int port() const override { return port_; }
  int metrics_port() const override { return exposer_ == nullptr ? 0 : exposer_->port(); }
  int ops_port() const override { return ops_port_; }
  int http_port() const override { return gateway_ == nullptr ? 0 : gateway_->port(); }
  int streams() const override { return signals_->streams(); }
  bool Shutdown(absl::Duration grace) override;

 private:
  absl::Status AddEvaluators();
  absl::Status ServeGrpc();
  absl::Status ServeOps();
  int Calls() const { return signals_->calls() + (gateway_ == nullptr ? 0 : gateway_->calls()); }

  const Config config_;
  service::Catalog catalog_;  // complete before anything is served
  telemetry::Metrics metrics_;
  telemetry::ServiceLog service_log_;
  service::Admission admission_;
  service::Callers callers_;
  // After all that an episode may still touch when its stream is gone: the pool ends first.
  engine::AsioExecutor executor_;
  engine::Engine engine_;
  Gate gate_;
  Gate token_gate_;  // the HTTP gateway sees no certificates
  std::unique_ptr<service::SignalServer> signals_;
  std::unique_ptr<service::HttpRoutes> routes_;
  std::unique_ptr<service::HttpGateway> gateway_;
  std::unique_ptr<telemetry::MetricsServer> exposer_;
  Pollers pollers_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<grpc::Server> ops_;
  int port_ = 0;
  int ops_port_ = 0;
};

// Certificates are read again when they change; a client's is asked for where there is an authority
// to check it by.
std::shared_ptr<grpc::ServerCredentials> CredentialsFor(const Config& config) {
  if (!config.tls.has_value()) return grpc::InsecureServerCredentials();
  const Tls& tls = *config.tls;
  namespace x = grpc::experimental;
  x::TlsServerCredentialsOptions options(std::make_shared<x::FileWatcherCertificateProvider>(
      tls.key_file, tls.cert_file, tls.client_ca_file, kCertificateReloadSeconds));
  options.watch_identity_key_cert_pairs();
  if (!tls.client_ca_file.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return x::TlsServerCredentials(options);
}

absl::Status Server::AddEvaluators() {
  for (const auto& [name, evaluator] : catalog_.evaluators) {
    ASSAY_RETURN_IF_ERROR(evaluation::CheckEvaluatorName(name));
  }
  for (const auto& [name, named] : config_.evaluators.all()) {
    ASSAY_ASSIGN_OR_RETURN(auto evaluator, named.make(&executor_, &metrics_));
    if (!catalog_.evaluators.emplace(name, std::move(evaluator)).second) {
      return absl::AlreadyExistsError(absl::StrCat("evaluator \"", name, "\": named twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status Server::Serve() {
  static std::once_flag plugins;
  std::call_once(plugins, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::channelz::experimental::InitChannelzService();
  });
  guard::InstallHooks(config_.session.limits.connections);
  ASSAY_RETURN_IF_ERROR(AddEvaluators());
  if (!config_.metrics.empty()) {
    auto exposer = telemetry::MetricsServer::Start(config_.metrics, metrics_);
    if (!exposer.ok()) return exposer.status();
    exposer_ = *std::move(exposer);
  }
  ASSAY_RETURN_IF_ERROR(ServeGrpc());
  if (!config_.http.empty()) {
    auto gateway = service::HttpGateway::Start(config_.http, routes_.get());
    if (!gateway.ok()) return gateway.status();
    gateway_ = *std::move(gateway);
  }
  return config_.ops.empty() ? absl::OkStatus() : ServeOps();
}

absl::Status Server::ServeGrpc() {
  const auto transport_bytes = static_cast<int>(config_.session.limits.max_transport_bytes);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(config_.listen, CredentialsFor(config_), &port_);
  signals_->Register(&builder);
  builder.SetMaxReceiveMessageSize(transport_bytes);
  builder.SetMaxSendMessageSize(transport_bytes);
  // Requests that are only half there are nobody's episodes yet.
  builder.SetResourceQuota(grpc::ResourceQuota("listen").Resize(
      static_cast<size_t>(std::max<int64_t>(config_.max_bytes, kMinQuotaBytes))));
  BoundTransport(&builder);
  // More than may be open at once: the one too many is told so, and does not wait for ever.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             config_.streams.max_streams + kSpareStreams);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 1);
  pollers_.AddTo(&builder);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port_ == 0) {
    server_.reset();
    pollers_.Stop();
    return absl::UnavailableError(absl::StrCat("listen: cannot listen on ", config_.listen));
  }
  pollers_.Start();
  server_->GetHealthCheckService()->SetServingStatus(kServiceName, true);
  return absl::OkStatus();
}

absl::Status Server::ServeOps() {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(config_.ops, grpc::InsecureServerCredentials(), &ops_port_);
  BoundTransport(&builder);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kOpsStreams);
  builder.SetMaxReceiveMessageSize(kOpsMessageBytes);
  builder.SetResourceQuota(grpc::ResourceQuota("ops").Resize(kMinQuotaBytes));
  ops_ = builder.BuildAndStart();
  if (ops_ == nullptr || ops_port_ == 0) {
    ops_.reset();
    return absl::UnavailableError(absl::StrCat("ops: cannot listen on ", config_.ops));
  }
  ops_->GetHealthCheckService()->SetServingStatus(kServiceName, true);
  return absl::OkStatus();
}

bool Server::Shutdown(absl::Duration grace) {
  const absl::Time deadline = executor_.Now() + grace;  // steady, as the wall clock may jump
  server_->GetHealthCheckService()->SetServingStatus(false);
  if (ops_ != nullptr) ops_->GetHealthCheckService()->SetServingStatus(false);
  signals_->Drain("draining", grace);
  // Our own count is the measure: gRPC also waits for health watches, which never end by
  // themselves.
  while (Calls() > 0 && executor_.Now() < deadline) absl::SleepFor(kDrainPoll);
  const bool clean = Calls() == 0;
  // Each HTTP port takes up to two seconds to close: both at once.
  std::thread closing([this] { exposer_.reset(); });
  gateway_.reset();
  closing.join();
  server_->Shutdown(absl::ToChronoTime(absl::Now() + kTransportGrace));
  server_->Wait();
  pollers_.Stop();
  server_.reset();
  if (ops_ != nullptr) {
    ops_->Shutdown(absl::ToChronoTime(absl::Now() + kTransportGrace));
    ops_.reset();
  }
  return clean;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AssayServer>> AssayServer::Start(const Config& config,
                                                                const service::Catalog& catalog,
                                                                const telemetry::Log* log) {
  ASSAY_RETURN_IF_ERROR(CheckConfig(config));
  auto server = std::make_unique<Server>(config, catalog, log);
  ASSAY_RETURN_IF_ERROR(server->Serve());
  return server;
}

}  // namespace assay::runtime
