// One unary call, read and written as a stream of one message each way: gRPC's own unary calls read
// and parse a request before anybody may look at who sends it, and tell nobody whether the answer
// is read. On the wire the two are the same.
//
//   head     the token is looked at, before a byte of the request is read
//   request  must be there within Limits::request_time; what it will take in memory is counted and
//            admitted, then it is parsed
//   answer   counts in admission until it is gone; who does not read it is cut off
#ifndef ASSAY_SERVER_TRANSPORT_UNARY_CALL_H_
#define ASSAY_SERVER_TRANSPORT_UNARY_CALL_H_

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "server/base/mutex.h"
#include "server/calls/batch_call.h"
#include "server/transport/call_scope.h"

namespace assay::service {

class UnaryCall final : public grpc::ServerGenericBidiReactor {
 public:
  // What a method does with its request, which is parsed already; it answers by Reply, now or
  // later.
  using Handler =
      std::function<void(UnaryCall* call, std::shared_ptr<google::protobuf::Message> request)>;
  struct Method {
    absl::string_view name;
    const google::protobuf::Message* request;  // an empty one
    Handler handle;
  };

  // `method`, `deps` and `open`, which counts calls, outlive the call. It deletes itself when it
  // is over.
  UnaryCall(const ServiceDeps& deps, const Method& method,
            grpc::GenericCallbackServerContext* context, CallContext caller,
            CallObservers observers, std::atomic<int>* open);

  // Reads the request.
  void Begin();

  // Ends the call with an error or an answer. One of the two is to be called, once.
  void Reply(const absl::Status& error);
  void Reply(const google::protobuf::Message& answer);

  // Cancels `batch` with the call, and keeps it until the call is over, for as long as its episodes
  // count.
  void Watch(const std::shared_ptr<BatchCall>& batch);

  const CallContext& caller() const { return caller_; }
  // What the request takes in memory.
  int64_t request_bytes() const { return request_bytes_; }
  // From here on the request counts elsewhere.
  void ReleaseRequest();
  // Nobody waits for the answer any more.
  bool cancelled();

  void OnReadDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // Ends the call where it still waits at the time for which it was set. Outlives the call.
  struct Alarm;
  enum class Stage : uint8_t { kReading, kWorking, kWriting, kOver };

  absl::Status Parse(std::shared_ptr<google::protobuf::Message>* request);
  void SetAlarm(absl::Duration delay);
  void OnAlarm();
  void End(const absl::Status& status);

  const ServiceDeps& deps_;
  const Method& method_;
  grpc::GenericCallbackServerContext* const context_;
  const CallContext caller_;
  CallScope scope_;
  std::atomic<int>* const open_;
  const std::shared_ptr<Alarm> alarm_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  absl::StatusCode code_ = absl::StatusCode::kUnknown;
  int64_t request_bytes_ = 0;
  Load held_;  // in admission
  Mutex mutex_;
  Stage stage_ ABSL_GUARDED_BY(mutex_) = Stage::kReading;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<BatchCall> batch_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_TRANSPORT_UNARY_CALL_H_
