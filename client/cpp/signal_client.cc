#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include "assay/client.h"
#include "assay/v1/signal_service.grpc.pb.h"
#include "client/cpp/reconnecting_stream.h"
#include "client/cpp/refusal.h"
#include "client/cpp/target.h"

namespace assay::client {
namespace {

// The limit of the wire on one message.
constexpr int kMaxMessageBytes = 64 << 20;

absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      WithRefusal(status.error_message()));
}

void Authorize(const std::string& token, grpc::ClientContext* context) {
  if (!token.empty()) context->AddMetadata("authorization", "Bearer " + token);
}

// How long a call tries to reach a server that is not there.
constexpr absl::Duration kConnectTimeout = absl::Seconds(2);
constexpr absl::Duration kConnectPause = absl::Milliseconds(200);

// The server and the right to ask it.
struct Way {
  const std::shared_ptr<grpc::Channel>& channel;
  const std::string& token;
  const std::string& target;
};

template <typename Response, typename Request, typename Method>
absl::StatusOr<Response> CallUnary(const Way& way, Method method, const Request& request,
                                   absl::Duration timeout) {
  const auto stub = v1::SignalService::NewStub(way.channel);
  const absl::Time start = absl::Now();
  for (;;) {
    grpc::ClientContext context;
    Authorize(way.token, &context);
    context.set_deadline(absl::ToChronoTime(start + timeout));
    Response response;
    const grpc::Status status = (stub.get()->*method)(&context, request, &response);
    if (status.ok()) return response;
    const bool again = status.error_code() == grpc::StatusCode::UNAVAILABLE &&
                       absl::Now() + kConnectPause < start + std::min(timeout, kConnectTimeout);
    if (!again) return Explained(FromGrpc(status), way.target);
    absl::SleepFor(kConnectPause);
  }
}

class GrpcConnection : public Connection {
 public:
  GrpcConnection(const std::shared_ptr<grpc::Channel>& channel, const std::string& token)
      : stub_(v1::SignalService::NewStub(channel)) {
    Authorize(token, &context_);
    stream_ = stub_->StreamSignals(&context_);
  }

  bool Read(v1::StreamSignalsResponse* response) override { return stream_->Read(response); }
  bool Write(const v1::StreamSignalsRequest& request) override { return stream_->Write(request); }
  void WritesDone() override { stream_->WritesDone(); }
  void Cancel() override { context_.TryCancel(); }
  absl::Status Finish() override { return FromGrpc(stream_->Finish()); }

 private:
  grpc::ClientContext context_;
  const std::unique_ptr<v1::SignalService::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::StreamSignalsRequest, v1::StreamSignalsResponse>>
      stream_;
};

std::shared_ptr<grpc::ChannelCredentials> Credentials(const ConnectOptions& options) {
  if (!options.tls) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials({options.tls_roots, options.tls_key, options.tls_certificate});
}

}  // namespace

std::unique_ptr<SignalClient> SignalClient::Connect(ConnectOptions options) {
  grpc::ChannelArguments arguments;
  // A proxy of the network never stands between a process and its own machine.
  if (IsLocal(options.target)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // A server that restarts is found again at once rather than after gRPC's default of 20 s.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5000);
  return std::make_unique<SignalClient>(
      grpc::CreateCustomChannel(options.target, Credentials(options), arguments),
      std::move(options.token), options.target);
}

std::unique_ptr<SignalClient> SignalClient::Connect(const std::string& target) {
  ConnectOptions options;
  options.target = target;
  return Connect(std::move(options));
}

SignalClient::SignalClient(std::shared_ptr<grpc::Channel> channel, std::string token,
                           std::string target)
    : channel_(std::move(channel)), token_(std::move(token)), target_(std::move(target)) {}

std::unique_ptr<SignalStream> SignalClient::Stream(StreamConfig config) {
  ConnectFn connect = [channel = channel_, token = token_] {
    return std::make_unique<GrpcConnection>(channel, token);
  };
  return NewReconnectingStream(std::move(config), std::move(connect), target_);
}

absl::StatusOr<v1::ComputeSignalsResponse> SignalClient::ComputeSignals(
    const v1::ComputeSignalsRequest& request, absl::Duration timeout) {
  return CallUnary<v1::ComputeSignalsResponse>(
      {channel_, token_, target_}, &v1::SignalService::Stub::ComputeSignals, request, timeout);
}

absl::StatusOr<v1::ComputeAdvantagesResponse> SignalClient::ComputeAdvantages(
    const v1::ComputeAdvantagesRequest& request, absl::Duration timeout) {
  return CallUnary<v1::ComputeAdvantagesResponse>(
      {channel_, token_, target_}, &v1::SignalService::Stub::ComputeAdvantages, request, timeout);
}

absl::StatusOr<v1::GetServerInfoResponse> SignalClient::GetServerInfo(absl::Duration timeout) {
  return CallUnary<v1::GetServerInfoResponse>({channel_, token_, target_},
                                              &v1::SignalService::Stub::GetServerInfo,
                                              v1::GetServerInfoRequest(), timeout);
}

}  // namespace assay::client
