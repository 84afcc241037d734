#include "server/transport/signal_service.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "assay/v1/signal_service.grpc.pb.h"
#include "server/calls/arena_message.h"
#include "server/calls/stream_call.h"
#include "server/session/group_result.h"
#include "server/wire/errors.h"
#include "server/wire/server_info.h"

namespace assay::service {
namespace {

constexpr char kErrorDetails[] = "assay-error-bin";

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

// The machine-readable form of a call's own error: field path and retry_after.
void AddDetails(grpc::CallbackServerContext* context, const absl::Status& status) {
  if (!status.ok()) {
    context->AddTrailingMetadata(kErrorDetails, ToWire(status).SerializeAsString());
  }
}

// Empty: not there.
absl::string_view Header(const grpc::CallbackServerContext& context, const char* name) {
  const auto found = context.client_metadata().find(name);
  if (found == context.client_metadata().end()) return {};
  return {found->second.data(), found->second.size()};
}

// Tells the observer of one call's life.
class CallScope {
 public:
  CallScope(CallObserver* observer, CallObserver::Type type, absl::string_view method)
      : observer_(observer), type_(type), method_(method) {
    if (observer_ != nullptr) observer_->OnCallStarted(type_, method_);
  }
  void Received() {
    if (observer_ != nullptr) observer_->OnMessageReceived(type_, method_);
  }
  void Sent() {
    if (observer_ != nullptr) observer_->OnMessageSent(type_, method_);
  }
  void Handled(absl::StatusCode code) {
    if (observer_ != nullptr) {
      observer_->OnCallHandled(type_, method_, code,
                               absl::FromChrono(std::chrono::steady_clock::now() - started_));
    }
  }

 private:
  CallObserver* const observer_;
  const CallObserver::Type type_;
  const absl::string_view method_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

class Service;

// Serialised in one piece. Its sizes are known: the session counted its bytes.
grpc::ByteBuffer Serialise(const v1::StreamSignalsResponse& response) {
  grpc::Slice slice(static_cast<size_t>(response.GetCachedSize()));
  response.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
}

// Bytes as they come: gRPC itself would take what is no request for the end of the stream, and go
// over the sizes of a response twice more.
class StreamReactor final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                            public StreamTransport {
 public:
  StreamReactor(Service* service, grpc::CallbackServerContext* context,
                std::shared_ptr<CallerShare> share, std::shared_ptr<StreamCall> call,
                CallObserver* observer);

  void Write(const v1::StreamSignalsResponse* response, bool more) override {
    grpc::WriteOptions options;
    if (more) options.set_buffer_hint();
    outgoing_ = Serialise(*response);
    StartWrite(&outgoing_, options);
  }
  void Finish(const absl::Status& status) override {
    AddDetails(context_, status);
    code_ = status.code();
    ServerBidiReactor::Finish(ToGrpc(status));
  }
  void Abort() override { context_->TryCancel(); }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override { call_->OnCancel(); }
  void OnDone() override;

 private:
  Service* const service_;
  grpc::CallbackServerContext* const context_;
  const std::shared_ptr<CallerShare> share_;
  const std::shared_ptr<StreamCall> call_;
  CallScope scope_;
  const std::string peer_;  // no longer known when the call is over
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  std::atomic<absl::StatusCode> code_ = absl::StatusCode::kUnknown;
};

class UnaryReactor final : public grpc::ServerUnaryReactor {
 public:
  UnaryReactor(CallObserver* observer, absl::string_view method, std::atomic<int>* open)
      : scope_(observer, CallObserver::Type::kUnary, method), open_(open) {
    ++*open_;
    scope_.Received();
  }
  void Reply(grpc::CallbackServerContext* context, const absl::Status& status) {
    AddDetails(context, status);
    code_ = status.code();
    if (status.ok()) scope_.Sent();
    Finish(ToGrpc(status));
  }
  // `call` is cancelled with the RPC.
  void Watch(const std::shared_ptr<BatchCall>& call) {
    bool cancelled = false;
    {
      MutexLock lock(&mutex_);
      call_ = call;
      cancelled = cancelled_;
    }
    if (cancelled) call->Cancel();
  }
  void OnCancel() override {
    std::shared_ptr<BatchCall> call;
    {
      MutexLock lock(&mutex_);
      cancelled_ = true;
      call = call_.lock();
    }
    if (call != nullptr) call->Cancel();
  }
  void OnDone() override {
    scope_.Handled(code_);
    --*open_;
    delete this;
  }

 private:
  CallScope scope_;
  std::atomic<int>* const open_;
  absl::StatusCode code_ = absl::StatusCode::kUnknown;
  Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::weak_ptr<BatchCall> call_ ABSL_GUARDED_BY(mutex_);
};

using RawStreamService = v1::SignalService::WithRawCallbackMethod_StreamSignals<
    v1::SignalService::WithCallbackMethod_ComputeSignals<
        v1::SignalService::WithCallbackMethod_ComputeAdvantages<
            v1::SignalService::WithCallbackMethod_GetServerInfo<v1::SignalService::Service>>>>;

class Service final : public SignalServer, public RawStreamService {
 public:
  Service(const ServiceDeps& deps, const SignalServiceConfig& config, CallObserver* calls,
          CallGate* gate)
      : deps_(deps), config_(config), calls_(calls), gate_(gate), jitter_(std::random_device()()) {}

  grpc::Service* service() override { return this; }
  int streams() const override { return open_streams_.load(); }
  int calls() const override { return open_streams_.load() + open_unary_.load(); }
  void Drain(absl::string_view reason, absl::Duration grace) override;

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StreamSignals(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* ComputeSignals(grpc::CallbackServerContext* context,
                                           const v1::ComputeSignalsRequest* request,
                                           v1::ComputeSignalsResponse* response) override;
  grpc::ServerUnaryReactor* ComputeAdvantages(grpc::CallbackServerContext* context,
                                              const v1::ComputeAdvantagesRequest* request,
                                              v1::ComputeAdvantagesResponse* response) override;
  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const v1::GetServerInfoRequest* request,
                                          v1::GetServerInfoResponse* response) override;

  void OnStreamDone(StreamReactor* reactor, const StreamSummary& summary);

 private:
  // Its name; or why it may not call.
  absl::StatusOr<std::string> CallerOf(const grpc::CallbackServerContext& context) const;
  CallContext ContextOf(const grpc::CallbackServerContext& context,
                        const absl::StatusOr<std::string>& caller) const;
  // OK where one more stream may open; `call` is entered in the list of streams in any case.
  absl::Status Register(StreamReactor* reactor, const std::shared_ptr<StreamCall>& call,
                        int of_caller);
  SessionConfig ConfigForStream();

  const ServiceDeps deps_;
  const SignalServiceConfig config_;
  CallObserver* const calls_;
  CallGate* const gate_;
  std::atomic<uint64_t> last_stream_ = 0;
  std::atomic<int> open_streams_ = 0;
  std::atomic<int> open_unary_ = 0;
  Mutex mutex_;
  std::map<StreamReactor*, std::shared_ptr<StreamCall>> streams_ ABSL_GUARDED_BY(mutex_);
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::minstd_rand jitter_ ABSL_GUARDED_BY(mutex_);
};

StreamReactor::StreamReactor(Service* service, grpc::CallbackServerContext* context,
                             std::shared_ptr<CallerShare> share, std::shared_ptr<StreamCall> call,
                             CallObserver* observer)
    : service_(service),
      context_(context),
      share_(std::move(share)),
      call_(std::move(call)),
      scope_(observer, CallObserver::Type::kBidiStream, "StreamSignals"),
      peer_(context->peer()) {
  ++share_->streams;
  call_->Attach(this);
  StartRead(&incoming_);
}

void StreamReactor::OnReadDone(bool ok) {
  if (!ok) {
    call_->OnHalfClose();
    return;
  }
  scope_.Received();
  auto request = MakeOnArena<v1::StreamSignalsRequest>();
  const grpc::Status parsed =
      grpc::SerializationTraits<v1::StreamSignalsRequest>::Deserialize(&incoming_, request.get());
  if (parsed.ok()) {
    call_->OnRequest(std::move(request));
  } else {
    call_->Refuse(ProtocolViolation("bytes that are no StreamSignalsRequest"));
  }
  StartRead(&incoming_);
}

void StreamReactor::OnWriteDone(bool ok) {
  if (ok) {
    scope_.Sent();
    call_->OnWriteDone();
  } else {
    call_->OnCancel();
  }
}

void StreamReactor::OnDone() {
  StreamSummary summary = call_->Detach();
  // A cancelled call ends CANCELLED, whatever the handler meant to say.
  const bool cancelled = context_->IsCancelled() && code_ == absl::StatusCode::kOk;
  const absl::StatusCode code = cancelled ? absl::StatusCode::kCancelled : code_.load();
  if (cancelled) summary.status = absl::CancelledError("the client cancelled the stream");
  summary.peer = peer_;
  scope_.Handled(code);
  --share_->streams;
  service_->OnStreamDone(this, summary);
  delete this;
}

SessionConfig Service::ConfigForStream() {
  SessionConfig config = *deps_.config;
  if (config.max_age == absl::InfiniteDuration()) return config;
  MutexLock lock(&mutex_);
  // Streams that opened together must not all reconnect together.
  const double jitter = config_.max_age_jitter;
  config.max_age *= std::uniform_real_distribution<double>(1 - jitter, 1 + jitter)(jitter_);
  return config;
}

absl::StatusOr<std::string> Service::CallerOf(const grpc::CallbackServerContext& context) const {
  if (gate_ == nullptr) return std::string();
  CallerIdentity caller;
  caller.authorization = Header(context, "authorization");
  const auto auth = context.auth_context();
  for (const auto& name : auth->FindPropertyValues(GRPC_X509_SAN_PROPERTY_NAME)) {
    caller.peer_names.emplace_back(name.data(), name.size());
  }
  return gate_->Check(caller);
}

CallContext Service::ContextOf(const grpc::CallbackServerContext& context,
                               const absl::StatusOr<std::string>& caller) const {
  return MakeCallContext(deps_.callers, caller.ok() ? *caller : "", context.peer(),
                         Header(context, "traceparent"));
}

absl::Status Service::Register(StreamReactor* reactor, const std::shared_ptr<StreamCall>& call,
                               int of_caller) {
  MutexLock lock(&mutex_);
  streams_.emplace(reactor, call);
  ++open_streams_;
  if (draining_) return GoingAway("draining");
  if (static_cast<int>(streams_.size()) > config_.max_streams) {
    return Overloaded("the server has as many streams as it takes", deps_.config->retry_after);
  }
  if (of_caller > config_.max_streams_per_caller) {
    return Overloaded("the caller has as many streams as it may", deps_.config->retry_after);
  }
  return absl::OkStatus();
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Service::StreamSignals(
    grpc::CallbackServerContext* context) {
  const absl::StatusOr<std::string> caller = CallerOf(*context);
  const CallContext from = ContextOf(*context, caller);
  auto call =
      std::make_shared<StreamCall>(deps_, from, ConfigForStream(), config_.linger, ++last_stream_);
  auto* reactor = new StreamReactor(this, context, from.share, call, calls_);
  if (deps_.observer != nullptr) deps_.observer->OnStreamOpen();
  absl::Status refused = Register(reactor, call, from.share->streams);
  if (!caller.ok()) refused = caller.status();
  if (!refused.ok()) {
    if (deps_.observer != nullptr && refused.code() == absl::StatusCode::kResourceExhausted) {
      deps_.observer->OnRejected(RejectReason::kStreams);
    }
    call->Refuse(refused);
  }
  return reactor;
}

void Service::OnStreamDone(StreamReactor* reactor, const StreamSummary& summary) {
  if (deps_.observer != nullptr) deps_.observer->OnStreamClosed(summary);
  MutexLock lock(&mutex_);
  streams_.erase(reactor);
  --open_streams_;
}

void Service::Drain(absl::string_view reason, absl::Duration grace) {
  std::vector<std::shared_ptr<StreamCall>> calls;
  {
    MutexLock lock(&mutex_);
    draining_ = true;
    for (const auto& [reactor, call] : streams_) calls.push_back(call);
  }
  for (const auto& call : calls) call->Drain(reason, grace);
}

grpc::ServerUnaryReactor* Service::ComputeSignals(grpc::CallbackServerContext* context,
                                                  const v1::ComputeSignalsRequest* request,
                                                  v1::ComputeSignalsResponse* response) {
  auto* reactor = new UnaryReactor(calls_, "ComputeSignals", &open_unary_);
  const absl::StatusOr<std::string> caller = CallerOf(*context);
  if (!caller.ok()) {
    reactor->Reply(context, caller.status());
    return reactor;
  }
  // An episode that was cancelled may look at its text a moment longer than gRPC keeps the request,
  // which is ours to take: gRPC only destroys it.
  auto kept = std::make_shared<v1::ComputeSignalsRequest>();
  kept->Swap(const_cast<v1::ComputeSignalsRequest*>(request));
  auto call = BatchCall::Make(
      deps_, ContextOf(*context, caller), std::move(kept),
      [context, reactor, response](absl::StatusOr<v1::ComputeSignalsResponse> computed) {
        const absl::Status status = computed.status();
        if (status.ok()) *response = *std::move(computed);
        reactor->Reply(context, status);
      });
  reactor->Watch(call);
  call->Start();
  return reactor;
}

grpc::ServerUnaryReactor* Service::ComputeAdvantages(grpc::CallbackServerContext* context,
                                                     const v1::ComputeAdvantagesRequest* request,
                                                     v1::ComputeAdvantagesResponse* response) {
  auto* reactor = new UnaryReactor(calls_, "ComputeAdvantages", &open_unary_);
  absl::Status status = CallerOf(*context).status();
  if (status.ok()) {
    auto computed = service::ComputeAdvantages(*request, deps_.config->limits);
    status = computed.status();
    if (computed.ok()) *response = *std::move(computed);
  }
  reactor->Reply(context, status);
  return reactor;
}

grpc::ServerUnaryReactor* Service::GetServerInfo(grpc::CallbackServerContext* context,
                                                 const v1::GetServerInfoRequest* /*request*/,
                                                 v1::GetServerInfoResponse* response) {
  auto* reactor = new UnaryReactor(calls_, "GetServerInfo", &open_unary_);
  const absl::Status may_call = CallerOf(*context).status();
  if (may_call.ok()) *response = ServerInfo(deps_.config->limits, *deps_.catalog);
  reactor->Reply(context, may_call);
  return reactor;
}

}  // namespace

std::unique_ptr<SignalServer> SignalServer::Make(const ServiceDeps& deps,
                                                 const SignalServiceConfig& config,
                                                 CallObserver* calls, CallGate* gate) {
  return std::make_unique<Service>(deps, config, calls, gate);
}

}  // namespace assay::service
