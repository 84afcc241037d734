#include "server/transport/unary_call.h"

#include <grpcpp/support/proto_buffer_reader.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/message_memory.h"
#include "server/session/episode_work.h"

namespace assay::service {

struct UnaryCall::Alarm {
  Mutex mutex;
  UnaryCall* call ABSL_GUARDED_BY(mutex) = nullptr;  // null: it is over
  engine::Executor::TimerId timer ABSL_GUARDED_BY(mutex) = 0;
};

UnaryCall::UnaryCall(const ServiceDeps& deps, const Method& method,
                     grpc::GenericCallbackServerContext* context, CallContext caller,
                     CallObservers observers, std::atomic<int>* open)
    : deps_(deps),
      method_(method),
      context_(context),
      caller_(std::move(caller)),
      scope_(observers, CallObserver::Type::kUnary, method.name),
      open_(open),
      alarm_(std::make_shared<Alarm>()) {
  ++*open_;
  MutexLock lock(&alarm_->mutex);
  alarm_->call = this;
}

void UnaryCall::Begin() {
  SetAlarm(deps_.config->limits.request_time);
  StartRead(&incoming_);
}

void UnaryCall::OnReadDone(bool ok) {
  {
    MutexLock lock(&mutex_);
    if (stage_ != Stage::kReading) return;
    stage_ = Stage::kWorking;
  }
  if (!ok) return Reply(ProtocolViolation("a call without request"));
  scope_.Received();
  std::shared_ptr<google::protobuf::Message> request;
  const absl::Status parsed = Parse(&request);
  if (!parsed.ok()) return Reply(parsed);
  method_.handle(this, std::move(request));
}

absl::Status UnaryCall::Parse(std::shared_ptr<google::protobuf::Message>* request) {
  const int64_t limit = deps_.config->limits.max_parsed_bytes();
  {
    grpc::ProtoBufferReader reader(&incoming_);
    request_bytes_ = MemoryOnceParsed(*method_.request->GetDescriptor(), &reader, limit);
  }
  if (request_bytes_ > limit) return ParsedTooLarge(limit);
  const Load load = {0, request_bytes_};
  const Admission::Entry entry = caller_.share->admission.Enter(load);
  if (entry != Admission::Entry::kEntered) {
    deps_.observers.Tell(&SessionObserver::OnRejected, ReasonOf(entry));
    return NotAdmitted(entry, deps_.config->retry_after);
  }
  held_ = load;
  request->reset(method_.request->New());
  grpc::ProtoBufferReader reader(&incoming_);
  const bool parsed = (*request)->ParseFromZeroCopyStream(&reader);
  incoming_.Clear();
  return parsed ? absl::OkStatus()
                : ProtocolViolation(absl::StrCat(
                      "bytes that are no ", std::string(method_.request->GetDescriptor()->name()),
                      ", or that are compressed"));
}

void UnaryCall::ReleaseRequest() {
  caller_.share->admission.Leave(held_);
  held_ = {};
}

void UnaryCall::Reply(const absl::Status& error) { End(error); }

void UnaryCall::Reply(const google::protobuf::Message& answer) {
  const Load answered = {0, static_cast<int64_t>(answer.ByteSizeLong())};
  outgoing_ = Serialise(answer);
  caller_.share->admission.Grow(answered);
  held_.bytes += answered.bytes;
  End(absl::OkStatus());
}

void UnaryCall::End(const absl::Status& status) {
  {
    MutexLock lock(&mutex_);
    if (stage_ == Stage::kWriting || stage_ == Stage::kOver) return;
    stage_ = Stage::kWriting;
  }
  code_ = status.code();
  AddDetails(context_, status);
  SetAlarm(deps_.config->write_stall);
  if (status.ok()) {
    scope_.Sent();
    StartWriteAndFinish(&outgoing_, grpc::WriteOptions(), grpc::Status::OK);
  } else {
    Finish(ToGrpc(status));
  }
}

void UnaryCall::Watch(const std::shared_ptr<BatchCall>& batch) {
  bool cancelled = false;
  {
    MutexLock lock(&mutex_);
    batch_ = batch;
    cancelled = cancelled_;
  }
  if (cancelled) batch->Cancel();
}

bool UnaryCall::cancelled() {
  MutexLock lock(&mutex_);
  return cancelled_;
}

void UnaryCall::OnCancel() {
  std::shared_ptr<BatchCall> batch;
  {
    MutexLock lock(&mutex_);
    cancelled_ = true;
    batch = batch_;
  }
  if (batch != nullptr) batch->Cancel();
}

void UnaryCall::SetAlarm(absl::Duration delay) {
  MutexLock lock(&alarm_->mutex);
  if (alarm_->timer != 0) deps_.executor->Cancel(alarm_->timer);
  alarm_->timer = deps_.executor->After(delay, [alarm = alarm_] {
    MutexLock locked(&alarm->mutex);
    if (alarm->call != nullptr) alarm->call->OnAlarm();
  });
}

// Under the alarm's lock, which keeps the call alive.
void UnaryCall::OnAlarm() {
  {
    MutexLock lock(&mutex_);
    if (stage_ == Stage::kWorking) return;
    if (stage_ == Stage::kReading) {
      stage_ = Stage::kWriting;
      code_ = absl::StatusCode::kDeadlineExceeded;
    } else {
      context_->TryCancel();
      return;
    }
  }
  const absl::Status late = absl::DeadlineExceededError(
      absl::StrCat("the request was not there within ",
                   absl::FormatDuration(deps_.config->limits.request_time)));
  AddDetails(context_, late);
  Finish(ToGrpc(late));
}

void UnaryCall::OnDone() {
  {
    MutexLock lock(&alarm_->mutex);
    alarm_->call = nullptr;
    deps_.executor->Cancel(alarm_->timer);
  }
  caller_.share->admission.Leave(held_);
  const bool cancelled = context_->IsCancelled() && code_ == absl::StatusCode::kOk;
  scope_.Handled(cancelled ? absl::StatusCode::kCancelled : code_);
  --*open_;
  delete this;
}

}  // namespace assay::service
