#include "server/transport/signal_service.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "assay/v1/signal_service.grpc.pb.h"
#include "server/base/message_memory.h"
#include "server/calls/arena_message.h"
#include "server/calls/stream_call.h"
#include "server/guard/connections.h"
#include "server/session/group_result.h"
#include "server/transport/call_scope.h"
#include "server/transport/unary_call.h"
#include "server/wire/errors.h"
#include "server/wire/server_info.h"

namespace assay::service {
namespace {

// The value of a header of the call; empty where it has none of this name.
absl::string_view Header(const grpc::CallbackServerContext& context, const char* name) {
  const auto found = context.client_metadata().find(name);
  if (found == context.client_metadata().end()) return {};
  return {found->second.data(), found->second.size()};
}

class Service;

// A stream of bytes, which are parsed and serialised here: gRPC itself would take bytes that are no
// request for the end of the stream, and would compute the sizes of a response twice more.
class StreamReactor final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                            public StreamTransport {
 public:
  StreamReactor(Service* service, grpc::CallbackServerContext* context,
                std::shared_ptr<CallerShare> share, std::shared_ptr<StreamCall> call,
                const Limits& limits, CallObservers observers);

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

  // Starts to read a stream that the service has taken.
  void Begin() { StartRead(&incoming_); }
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override { call_->OnCancel(); }
  void OnDone() override;

 private:
  bool FitsOnceParsed();

  Service* const service_;
  const Limits& limits_;
  grpc::CallbackServerContext* const context_;
  const std::shared_ptr<CallerShare> share_;
  const std::shared_ptr<StreamCall> call_;
  CallScope scope_;
  const std::string peer_;  // no longer known when the call is over
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  std::atomic<absl::StatusCode> code_ = absl::StatusCode::kUnknown;
};

// Ends a call that is to no method of the service, or is not let in, before its request is read.
class RefusedCall final : public grpc::ServerGenericBidiReactor {
 public:
  RefusedCall(grpc::CallbackServerContext* context, const absl::Status& status) {
    AddDetails(context, status);
    Finish(ToGrpc(status));
  }
  void OnDone() override { delete this; }
};

// The unary methods go to the generic service (UnaryCall says why).
using RawStreamService = v1::SignalService::WithRawCallbackMethod_StreamSignals<
    v1::SignalService::WithGenericMethod_ComputeSignals<
        v1::SignalService::WithGenericMethod_ComputeAdvantages<
            v1::SignalService::WithGenericMethod_GetServerInfo<v1::SignalService::Service>>>>;

class Service final : public SignalServer,
                      public RawStreamService,
                      public grpc::CallbackGenericService {
 public:
  Service(const ServiceDeps& deps, const SignalServiceConfig& config, CallObservers calls,
          CallGate* gate);

  void Register(grpc::ServerBuilder* builder) override {
    builder->RegisterService(this);
    builder->RegisterCallbackGenericService(this);
  }
  int streams() const override { return open_streams_.load(); }
  int calls() const override { return open_streams_.load() + open_unary_.load(); }
  void Drain(absl::string_view reason, absl::Duration grace) override;

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StreamSignals(
      grpc::CallbackServerContext* context) override;
  // Takes every call that is not to StreamSignals.
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

  void OnStreamDone(StreamReactor* reactor, const StreamSummary& summary);

 private:
  // The caller's name, or why it may not call. The guard of its connection is told which.
  absl::StatusOr<std::string> CallerOf(const grpc::CallbackServerContext& context) const;
  void AddMethods();
  void AnswerSignals(UnaryCall* call, std::shared_ptr<google::protobuf::Message> message);
  void AnswerAdvantages(UnaryCall* call, std::shared_ptr<google::protobuf::Message> message);
  void AnswerServerInfo(UnaryCall* call);
  CallContext ContextOf(const grpc::CallbackServerContext& context,
                        const absl::StatusOr<std::string>& caller) const;
  // Whether one more stream may open. `call` is entered in the list of streams in any case.
  absl::Status Register(StreamReactor* reactor, const std::shared_ptr<StreamCall>& call,
                        int of_caller);
  SessionConfig ConfigForStream();

  const ServiceDeps deps_;
  const SignalServiceConfig config_;
  const CallObservers calls_;
  CallGate* const gate_;
  std::map<std::string, UnaryCall::Method, std::less<>> methods_;  // by path
  std::atomic<uint64_t> last_stream_ = 0;
  std::atomic<int> open_streams_ = 0;
  std::atomic<int> open_unary_ = 0;
  Mutex mutex_;
  std::map<StreamReactor*, std::shared_ptr<StreamCall>> streams_ ABSL_GUARDED_BY(mutex_);
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::minstd_rand random_ ABSL_GUARDED_BY(mutex_);
};

StreamReactor::StreamReactor(Service* service, grpc::CallbackServerContext* context,
                             std::shared_ptr<CallerShare> share, std::shared_ptr<StreamCall> call,
                             const Limits& limits, CallObservers observers)
    : service_(service),
      limits_(limits),
      context_(context),
      share_(std::move(share)),
      call_(std::move(call)),
      scope_(observers, CallObserver::Type::kBidiStream, "StreamSignals"),
      peer_(context->peer()) {
  ++share_->streams;
  call_->Attach(this);
}

// Small messages fit whatever is in them.
bool StreamReactor::FitsOnceParsed() {
  constexpr int64_t kMostAByteTakes = 256;
  const int64_t limit = limits_.max_parsed_bytes();
  if (static_cast<int64_t>(incoming_.Length()) * kMostAByteTakes <= limit) return true;
  grpc::ProtoBufferReader reader(&incoming_);
  return MemoryOnceParsed(*v1::StreamSignalsRequest::descriptor(), &reader, limit) <= limit;
}

void StreamReactor::OnReadDone(bool ok) {
  if (!ok) {
    call_->OnHalfClose();
    return;
  }
  scope_.Received();
  if (!FitsOnceParsed()) {
    call_->Refuse(ParsedTooLarge(limits_.max_parsed_bytes()));
    return;
  }
  auto request = MakeOnArena<v1::StreamSignalsRequest>();
  const grpc::Status parsed =
      grpc::SerializationTraits<v1::StreamSignalsRequest>::Deserialize(&incoming_, request.get());
  if (parsed.ok()) {
    call_->OnRequest(std::move(request));
  } else {
    call_->Refuse(ProtocolViolation("bytes that are no StreamSignalsRequest, or compressed ones"));
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
  MutexLock lock(&mutex_);
  config.max_age = DrawnAge(config.max_age, config_.max_age_jitter, &random_);
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
  absl::StatusOr<std::string> name = gate_->Check(caller);
  if (name.ok()) {
    guard::AllConnections().LetIn(context.peer());
  } else {
    guard::AllConnections().RefusedCall(context.peer(), std::chrono::steady_clock::now());
  }
  return name;
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
  auto* reactor = new StreamReactor(this, context, from.share, call, deps_.config->limits, calls_);
  deps_.observers.Tell(&SessionObserver::OnStreamOpen);
  absl::Status refused = Register(reactor, call, from.share->streams);
  if (!caller.ok()) refused = caller.status();
  if (!refused.ok()) {
    if (refused.code() == absl::StatusCode::kResourceExhausted) {
      deps_.observers.Tell(&SessionObserver::OnRejected, RejectReason::kStreams);
    }
    call->Refuse(refused);
  } else {
    reactor->Begin();
  }
  return reactor;
}

void Service::OnStreamDone(StreamReactor* reactor, const StreamSummary& summary) {
  deps_.observers.Tell(&SessionObserver::OnStreamClosed, summary);
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

Service::Service(const ServiceDeps& deps, const SignalServiceConfig& config, CallObservers calls,
                 CallGate* gate)
    : deps_(deps), config_(config), calls_(calls), gate_(gate), random_(std::random_device()()) {
  AddMethods();
}

void Service::AddMethods() {
  const auto add = [this](const char* name, const google::protobuf::Message& request,
                          UnaryCall::Handler handle) {
    methods_.emplace(absl::StrCat("/assay.v1.SignalService/", name),
                     UnaryCall::Method{name, &request, std::move(handle)});
  };
  using Request = std::shared_ptr<google::protobuf::Message>;
  add("ComputeSignals", v1::ComputeSignalsRequest::default_instance(),
      [this](UnaryCall* call, Request request) { AnswerSignals(call, std::move(request)); });
  add("ComputeAdvantages", v1::ComputeAdvantagesRequest::default_instance(),
      [this](UnaryCall* call, Request request) { AnswerAdvantages(call, std::move(request)); });
  add("GetServerInfo", v1::GetServerInfoRequest::default_instance(),
      [this](UnaryCall* call, const Request& /*request*/) { AnswerServerInfo(call); });
}

grpc::ServerGenericBidiReactor* Service::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  const auto method = methods_.find(context->method());
  if (method == methods_.end()) {
    guard::AllConnections().RefusedCall(context->peer(), std::chrono::steady_clock::now());
    return new RefusedCall(context, absl::UnimplementedError("no such method"));
  }
  const absl::StatusOr<std::string> caller = CallerOf(*context);
  auto* const call = new UnaryCall(deps_, method->second, context, ContextOf(*context, caller),
                                   calls_, &open_unary_);
  if (caller.ok()) {
    call->Begin();
  } else {
    call->Reply(caller.status());
  }
  return call;
}

void Service::AnswerSignals(UnaryCall* call, std::shared_ptr<google::protobuf::Message> message) {
  auto request = std::static_pointer_cast<const v1::ComputeSignalsRequest>(std::move(message));
  const auto batch =
      BatchCall::Make(deps_, call->caller(), std::move(request), call->request_bytes(),
                      [call](absl::StatusOr<v1::ComputeSignalsResponse> computed) {
                        if (computed.ok()) {
                          call->Reply(*computed);
                        } else {
                          call->Reply(computed.status());
                        }
                      });
  call->Watch(batch);
  call->ReleaseRequest();
  batch->Start();
}

// Runs on a worker, because a large group takes a while.
void Service::AnswerAdvantages(UnaryCall* call,
                               std::shared_ptr<google::protobuf::Message> message) {
  auto request = std::static_pointer_cast<const v1::ComputeAdvantagesRequest>(std::move(message));
  deps_.executor->Post([this, call, request = std::move(request)] {
    if (call->cancelled()) return call->Reply(absl::CancelledError("nobody waits for it"));
    const auto computed = service::ComputeAdvantages(*request, deps_.config->limits);
    if (computed.ok()) {
      call->Reply(*computed);
    } else {
      call->Reply(computed.status());
    }
  });
}

void Service::AnswerServerInfo(UnaryCall* call) {
  call->Reply(ServerInfo(deps_.config->limits, *deps_.catalog));
}

}  // namespace

absl::Duration DrawnAge(absl::Duration max_age, double jitter, std::minstd_rand* random) {
  if (max_age == absl::InfiniteDuration()) return max_age;
  return max_age * std::uniform_real_distribution<double>(1 - jitter, 1 + jitter)(*random);
}

std::unique_ptr<SignalServer> SignalServer::Make(const ServiceDeps& deps,
                                                 const SignalServiceConfig& config,
                                                 CallObservers calls, CallGate* gate) {
  return std::make_unique<Service>(deps, config, calls, gate);
}

}  // namespace assay::service
