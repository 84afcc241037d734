// What a stream's driver asks of the executor, and when it gives its transport up.
#include "server/calls/stream_call.h"

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <vector>

#include "tests/simulation/virtual_executor.h"
#include "tests/unit/session/episodes.h"

namespace assay::service {
namespace {

using ::testing::ElementsAre;

class Transport final : public StreamTransport {
 public:
  void Write(const v1::StreamSignalsResponse* response, bool /*more*/) override {
    writing = true;
    if (response->has_result()) ++results;
  }
  void Finish(const absl::Status& status) override { finished = status; }
  void Abort() override { ++aborts; }

  bool writing = false;
  int results = 0;
  int aborts = 0;
  std::optional<absl::Status> finished;
};

class StreamCallTest : public ::testing::Test {
 protected:
  void Open(int workers) {
    executor_.emplace(0, workers);
    engine_.emplace(&*executor_, nullptr);
    ServiceDeps deps;
    deps.engine = &*engine_;
    deps.executor = &*executor_;
    deps.config = &config_;
    deps.catalog = &catalog_;
    deps.callers = &callers_;
    call_ = std::make_shared<StreamCall>(deps, CallContext{callers_.Share("client"), {}}, config_,
                                         absl::Seconds(10), 1);
    transport_ = Transport();
    call_->Attach(&transport_);
    auto request = std::make_shared<v1::StreamSignalsRequest>();
    request->mutable_options();
    call_->OnRequest(std::move(request));
    Read();
  }
  void Send(int episodes) {
    for (; episodes > 0; --episodes) {
      auto request = std::make_shared<v1::StreamSignalsRequest>();
      *request->mutable_episode() = SmallEpisode(absl::StrCat("e", ++sent_), 1);
      call_->OnRequest(std::move(request));
    }
  }
  void Read() {
    while (transport_.writing) {
      transport_.writing = false;
      call_->OnWriteDone();
    }
  }
  // The results of each task that is posted to the executor.
  std::vector<int> ResultsOfTasks() {
    std::vector<int> all;
    for (int before = transport_.results; all.size() < 100 && executor_->RunOne();
         before = transport_.results) {
      Read();
      all.push_back(transport_.results - before);
    }
    return all;
  }

  SessionConfig config_;
  Catalog catalog_;
  Admission admission_{{1000, int64_t{1} << 30}};
  Callers callers_{{1000, int64_t{1} << 30}, &admission_};
  std::optional<simulation::VirtualExecutor> executor_;
  std::optional<engine::Engine> engine_;
  Transport transport_;
  std::shared_ptr<StreamCall> call_;
  int sent_ = 0;
};

// 16 short episodes a task; no more tasks at once than there are workers.
TEST_F(StreamCallTest, ShortEpisodesGoInBursts) {
  config_.max_started = 1000;
  Open(/*workers=*/2);
  EXPECT_THAT(ResultsOfTasks(), ElementsAre());
  Send(1);
  EXPECT_THAT(ResultsOfTasks(), ElementsAre(1));
  Send(16);
  EXPECT_THAT(ResultsOfTasks(), ElementsAre(16));
  Send(17);
  EXPECT_THAT(ResultsOfTasks(), ElementsAre(16, 1));
  Send(32);
  EXPECT_THAT(ResultsOfTasks(), ElementsAre(16, 16));
  Send(40);
  EXPECT_THAT(ResultsOfTasks(), ElementsAre(16, 16, 8));
  call_->Detach();

  Open(/*workers=*/1);
  Send(33);
  EXPECT_THAT(ResultsOfTasks(), ElementsAre(16, 16, 1));
  call_->Detach();
}

// Whoever waits for each answer is soon served on the thread that reads, but for every 32nd
// episode; whoever does not is found out by that one.
TEST_F(StreamCallTest, LoneEpisodesAreWorkedOnWhereTheyAreRead) {
  Open(/*workers=*/2);
  for (int k = 1; k <= 64; ++k) {
    const int before = transport_.results;
    Send(1);
    EXPECT_EQ(transport_.results - before, k >= 8 && k % 32 != 0 ? 1 : 0) << k;
    Read();
    executor_->RunReady();
    Read();
    EXPECT_EQ(transport_.results - before, 1) << k;
  }
  for (int k = 65; k < 96; ++k) {
    Send(1);
    Read();
  }
  const int before = transport_.results;
  Send(2);
  EXPECT_EQ(transport_.results, before) << "the 96th waits for a worker, and the next behind it";
  EXPECT_THAT(ResultsOfTasks(), ElementsAre(2));
  for (int k = 0; k < 7; ++k) {
    Send(1);
    EXPECT_THAT(ResultsOfTasks(), ElementsAre(1));
  }
  Send(1);
  EXPECT_THAT(ResultsOfTasks(), ElementsAre()) << "eight in a row were alone";
  EXPECT_EQ(transport_.results, sent_);
  call_->Detach();
}

TEST_F(StreamCallTest, ATransportThatLingersIsCutOff) {
  Open(/*workers=*/1);
  call_->OnHalfClose();
  ASSERT_TRUE(transport_.finished.has_value());
  executor_->RunFor(absl::Seconds(10) - absl::Nanoseconds(1));
  EXPECT_EQ(transport_.aborts, 0);
  executor_->RunFor(absl::Nanoseconds(1));
  EXPECT_EQ(transport_.aborts, 1);
  executor_->RunFor(absl::Hours(1));
  EXPECT_EQ(transport_.aborts, 1);
  EXPECT_EQ(executor_->pending_timers(), 0u);
  call_->Detach();

  Open(/*workers=*/1);
  call_->OnHalfClose();
  call_->Detach();
  executor_->RunFor(absl::Hours(1));
  EXPECT_EQ(transport_.aborts, 0) << "it is gone";
}

}  // namespace
}  // namespace assay::service
