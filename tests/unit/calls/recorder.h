// All of the service but its sockets, and a stream whose messages are kept.
#ifndef ASSAY_TESTS_UNIT_CALLS_RECORDER_H_
#define ASSAY_TESTS_UNIT_CALLS_RECORDER_H_

#include <gtest/gtest.h>

#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/util/delimited_message_util.h"
#include "server/calls/batch_call.h"
#include "server/calls/stream_call.h"
#include "server/engine/engine.h"
#include "tests/simulation/virtual_executor.h"

namespace assay::service {

// Everything of the service but the sockets, on one thread and a clock that stands still.
struct World {
  World() : engine(&executor, nullptr), admission(kPlenty), callers(kPlenty, &admission) {
    deps.engine = &engine;
    deps.executor = &executor;
    deps.config = &config;
    deps.catalog = &catalog;
    deps.callers = &callers;
  }
  CallContext Client() { return {callers.Share("client"), {}}; }

  static constexpr Load kPlenty = {100, int64_t{1} << 30};
  simulation::VirtualExecutor executor;
  engine::Engine engine;
  SessionConfig config;
  Catalog catalog;
  Admission admission;
  Callers callers;
  ServiceDeps deps;
};

// Keeps what is written, each message after its length; answers every question by 1/4.
class Recorder final : public StreamTransport {
 public:
  explicit Recorder(World* world)
      : world_(world),
        call_(std::make_shared<StreamCall>(world->deps, world->Client(), world->config,
                                           absl::Seconds(5), 1)) {
    call_->Attach(this);
  }
  ~Recorder() override { call_->Detach(); }

  void Write(const v1::StreamSignalsResponse* response, bool /*more*/) override {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::util::SerializeDelimitedToZeroCopyStream(*response, &stream);
    auto reply = std::make_shared<v1::StreamSignalsRequest>();
    v1::EvaluateResponse* evaluation = reply->mutable_evaluation();
    evaluation->set_evaluation_id(response->evaluate().evaluation_id());
    for (int k = 0; k < response->evaluate().questions_size(); ++k) {
      evaluation->mutable_answers()->add_answers()->set_mean(0.25);
    }
    world_->executor.Post([this, reply, asked = response->has_evaluate()] {
      call_->OnWriteDone();
      if (asked) call_->OnRequest(reply);
    });
  }
  void Finish(const absl::Status& status) override { end = status; }
  void Abort() override {}

  void Send(const v1::StreamSignalsRequest& request) {
    call_->OnRequest(std::make_shared<const v1::StreamSignalsRequest>(request));
    world_->executor.RunReady();
  }
  void HalfClose() {
    call_->OnHalfClose();
    world_->executor.RunReady();
  }

  std::string bytes;
  absl::Status end = absl::UnknownError("the stream did not end");

 private:
  World* const world_;
  const std::shared_ptr<StreamCall> call_;
};

inline std::vector<v1::StreamSignalsResponse> Messages(const std::string& bytes) {
  std::vector<v1::StreamSignalsResponse> messages;
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  bool clean = false;
  while (google::protobuf::util::ParseDelimitedFromZeroCopyStream(&messages.emplace_back(), &stream,
                                                                  &clean)) {
  }
  messages.pop_back();
  return messages;
}

}  // namespace assay::service

#endif  // ASSAY_TESTS_UNIT_CALLS_RECORDER_H_
