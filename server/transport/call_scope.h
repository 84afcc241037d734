// What the calls of the service have in common: their observer, and the forms of gRPC.
#ifndef ASSAY_SERVER_TRANSPORT_CALL_SCOPE_H_
#define ASSAY_SERVER_TRANSPORT_CALL_SCOPE_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/message_lite.h"
#include "server/transport/signal_service.h"
#include "server/wire/errors.h"

namespace assay::service {

inline grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

// The machine-readable form of a call's own error: field path and retry_after.
inline void AddDetails(grpc::CallbackServerContext* context, const absl::Status& status) {
  if (!status.ok()) {
    context->AddTrailingMetadata("assay-error-bin", ToWire(status).SerializeAsString());
  }
}

// In one piece. Its sizes are known: somebody has counted its bytes just before.
inline grpc::ByteBuffer Serialise(const google::protobuf::MessageLite& message) {
  grpc::Slice slice(static_cast<size_t>(message.GetCachedSize()));
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
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

}  // namespace assay::service

#endif  // ASSAY_SERVER_TRANSPORT_CALL_SCOPE_H_
