#include "server/engine/fan_out.h"

#include <chrono>
#include <future>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/mutex.h"
#include "server/engine/asio_executor.h"
#include "tests/simulation/virtual_executor.h"

namespace assay::engine {
namespace {

using signals::Question;

// Answers coalition c with c; fails from `fail_from` on. Keeps the sizes of the chunks it was
// given, and the threads.
class MaskReplay final : public evaluation::EpisodeReplay {
 public:
  absl::Status Answer(absl::Span<const Question> questions,
                      absl::Span<signals::Answer> answers) const override {
    std::this_thread::sleep_for(pause * questions.size());
    bool first = false;
    {
      MutexLock lock(&mutex);
      first = chunks.empty();
      chunks.push_back(questions.size());
      threads.insert(std::this_thread::get_id());
    }
    while (!first && ThreadsSoFar() < await_threads) std::this_thread::sleep_for(pause);
    for (size_t i = 0; i < questions.size(); ++i) {
      if (questions[i].coalition() >= fail_from) {
        return absl::DataLossError(std::to_string(questions[i].coalition()));
      }
      answers[i].mean = static_cast<double>(questions[i].coalition());
    }
    return absl::OkStatus();
  }
  size_t ThreadsSoFar() const {
    MutexLock lock(&mutex);
    return threads.size();
  }
  uint64_t fail_from = ~uint64_t{0};
  std::chrono::microseconds pause{0};
  size_t await_threads = 0;  // from the second chunk on, answers wait for so many to take part
  mutable Mutex mutex;
  mutable std::vector<size_t> chunks;
  mutable std::set<std::thread::id> threads;
};

std::vector<Question> Questions(size_t count) {
  std::vector<Question> questions(count);
  for (size_t i = 0; i < count; ++i) questions[i].players = PlayerSet::FromMask(i);
  return questions;
}

absl::StatusOr<evaluation::Answers> RunOn(Executor* executor, std::shared_ptr<MaskReplay> replay,
                                          size_t count) {
  std::promise<absl::StatusOr<evaluation::Answers>> promise;
  auto fan_out = std::make_shared<FanOut>(
      executor, std::move(replay), Questions(count),
      [&](absl::StatusOr<evaluation::Answers> answers) { promise.set_value(std::move(answers)); });
  executor->Post([fan_out] { fan_out->Start(); });
  return promise.get_future().get();
}

TEST(FanOut, AnswersEveryQuestionInItsPlace) {
  AsioExecutor executor(4, nullptr);
  for (const size_t count : {size_t{0}, size_t{1}, size_t{7}, size_t{300}}) {
    auto replay = std::make_shared<MaskReplay>();
    replay->pause = std::chrono::microseconds(20);
    const auto answers = RunOn(&executor, replay, count);
    ASSERT_TRUE(answers.ok());
    ASSERT_EQ(answers->size(), count);
    for (size_t i = 0; i < count; ++i) EXPECT_EQ((*answers)[i].mean, static_cast<double>(i));
  }
}

TEST(FanOut, TellsTheFirstQuestionsFailureWhateverTheOrder) {
  AsioExecutor executor(4, nullptr);
  for (int i = 0; i < 50; ++i) {
    auto replay = std::make_shared<MaskReplay>();
    replay->pause = std::chrono::microseconds(5);
    replay->fail_from = 100;
    EXPECT_EQ(RunOn(&executor, replay, 400).status(), absl::DataLossError("100"));
  }
}

// Nobody knows what a question costs: one, then twice as many.
TEST(FanOut, ChunksDoubleWhileWorkIsShort) {
  simulation::VirtualExecutor executor;
  auto replay = std::make_shared<MaskReplay>();
  bool done = false;
  std::make_shared<FanOut>(&executor, replay, Questions(4000), [&](const auto& answers) {
    done = answers.ok();
  })->Start();
  EXPECT_TRUE(done);
  EXPECT_THAT(replay->chunks,
              ::testing::ElementsAre(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024, 929));
}

TEST(FanOut, LongWorkIsShared) {
  AsioExecutor executor(4, nullptr);
  auto replay = std::make_shared<MaskReplay>();
  replay->pause = std::chrono::microseconds(500);
  replay->await_threads = 2;
  ASSERT_TRUE(RunOn(&executor, replay, 200).ok());
  EXPECT_GE(replay->threads.size(), 2u);
  // One alone, which took long; then small shares of what is left.
  for (const size_t chunk : replay->chunks) EXPECT_LE(chunk, 200u / (4 * 4));
}

// On which every look at the clock takes `step`; what is posted is only counted.
class SlowExecutor final : public Executor {
 public:
  explicit SlowExecutor(absl::Duration step = absl::Milliseconds(1)) : step_(step) {}
  absl::Time Now() const override { return now_ += step_; }
  TimerId After(absl::Duration, Task) override { return 1; }
  void Cancel(TimerId) override {}
  void Post(Task) override { ++posted; }
  int workers() const override { return 4; }
  int posted = 0;

 private:
  const absl::Duration step_;
  mutable absl::Time now_ = absl::UnixEpoch();
};

TEST(FanOut, CallsAsManyForHelpAsThereAreOrQuestionsAreLeft) {
  for (const auto& [questions, helpers] : {std::pair(1, 0), {2, 1}, {4, 3}, {100, 3}}) {
    SlowExecutor executor;
    std::make_shared<FanOut>(&executor, std::make_shared<MaskReplay>(), Questions(questions),
                             [](const auto&) {})
        ->Start();
    EXPECT_EQ(executor.posted, helpers) << questions;
  }
}

// A tenth of a millisecond is long. Chunks of 1, 2, 4 and so on are taken until then.
TEST(FanOut, CallsForHelpWhenWorkHasBeenLong) {
  const auto posted = [](absl::Duration step, int questions) {
    SlowExecutor executor(step);
    std::make_shared<FanOut>(&executor, std::make_shared<MaskReplay>(), Questions(questions),
                             [](const auto&) {})
        ->Start();
    return executor.posted;
  };
  EXPECT_EQ(posted(absl::Microseconds(100), 3), 2);
  EXPECT_EQ(posted(absl::Microseconds(99), 3), 0) << "the second chunk leaves nothing";
  EXPECT_EQ(posted(absl::Microseconds(99), 5), 2);
  EXPECT_EQ(posted(absl::Microseconds(50), 4), 1);
}

TEST(FanOut, StopsBetweenQuestions) {
  simulation::VirtualExecutor executor;
  std::optional<absl::Status> status;
  auto fan_out = std::make_shared<FanOut>(
      &executor, std::make_shared<MaskReplay>(), Questions(10),
      [&](absl::StatusOr<evaluation::Answers> answers) { status = answers.status(); });
  fan_out->Stop();
  fan_out->Start();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace assay::engine
