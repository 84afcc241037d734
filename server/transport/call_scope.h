// What the calls of the service have in common: their observers, and the forms of gRPC.
#ifndef ASSAY_SERVER_TRANSPORT_CALL_SCOPE_H_
#define ASSAY_SERVER_TRANSPORT_CALL_SCOPE_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/message_lite.h"
#include "server/calls/call_observer.h"
#include "server/wire/errors.h"

namespace assay::service {

inline grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

// The machine-readable form of a call's own error: field path and retry_after.
inline void AddDetails(grpc::CallbackServerContext* context, const absl::Status& status) {
  if (!status.ok()) {
    context->AddTrailingMetadata("assay-error-bin", ErrorToWire(status).SerializeAsString());
  }
}

// The message in one piece. Its sizes must be cached: the caller has just counted its bytes.
inline grpc::ByteBuffer Serialise(const google::protobuf::MessageLite& message) {
  grpc::Slice slice(static_cast<size_t>(message.GetCachedSize()));
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
}

// One call, from its start. `method` must outlive it.
class CallScope {
 public:
  CallScope(CallObservers observers, CallObserver::Type type, absl::string_view method)
      : observers_(observers), type_(type), method_(method) {
    observers_.Tell(&CallObserver::OnCallStarted, type_, method_);
  }
  void Received() { observers_.Tell(&CallObserver::OnMessageReceived, type_, method_); }
  void Sent() { observers_.Tell(&CallObserver::OnMessageSent, type_, method_); }
  void Handled(absl::StatusCode code) {
    observers_.Tell(&CallObserver::OnCallHandled, type_, method_, code,
                    absl::FromChrono(std::chrono::steady_clock::now() - started_));
  }

 private:
  const CallObservers observers_;
  const CallObserver::Type type_;
  const absl::string_view method_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_TRANSPORT_CALL_SCOPE_H_
