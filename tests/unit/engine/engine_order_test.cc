// What evaluators and callers of the engine may do in the middle of its work.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/engine/engine.h"
#include "tests/simulation/virtual_executor.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::engine {
namespace {

using signals::Bit;
using signals::QuestionKind;

// Coalitions first, then messages: three agents, the first of which speaks twice, and a success.
constexpr uint32_t kTwoRounds = Bit(QuestionKind::kCoalition) | Bit(QuestionKind::kMessages);

class EngineOrderTest : public ::testing::Test {
 protected:
  std::shared_ptr<engine::Run> Start(std::shared_ptr<evaluation::Evaluator> evaluator) {
    auto context = evaluation::SmallContext(3);
    context->episode.score = 1;
    context->episode.messages.push_back(context->episode.messages[0]);
    EpisodeJob job;
    job.context = context;
    job.options = std::make_shared<signals::Options>();
    job.evaluator = std::move(evaluator);
    return engine_.Start(std::move(job), [this](const absl::StatusOr<signals::Signals>& result) {
      ++calls_;
      status_ = result.status();
    });
  }

  simulation::VirtualExecutor executor_;
  Engine engine_{&executor_, nullptr};
  int calls_ = 0;
  absl::Status status_;
};

// Never forgets whom to tell.
class Repeater final : public evaluation::Evaluator {
 public:
  Repeater() { traits_.supports = kTwoRounds; }
  absl::string_view name() const override { return "repeater"; }
  const signals::EvaluatorTraits& traits() const override { return traits_; }
  evaluation::CancelFn Evaluate(evaluation::Batch batch, evaluation::BatchDone done) override {
    calls.emplace_back(std::move(batch), std::move(done));
    return [this] { ++cancels; };
  }
  void Answer(size_t call) { calls[call].second(evaluation::OwnAnswers(calls[call].first)); }
  std::vector<std::pair<evaluation::Batch, evaluation::BatchDone>> calls;
  int cancels = 0;

 private:
  signals::EvaluatorTraits traits_;
};

TEST_F(EngineOrderTest, AnEvaluatorIsHeardOnce) {
  const auto repeater = std::make_shared<Repeater>();
  const auto run = Start(repeater);
  executor_.RunReady();
  ASSERT_EQ(repeater->calls.size(), 1u);
  repeater->Answer(0);
  repeater->calls[0].second(absl::UnavailableError("before the answer was looked at"));
  executor_.RunReady();
  ASSERT_EQ(repeater->calls.size(), 2u);
  repeater->calls[0].second(absl::UnavailableError("in the next round"));
  executor_.RunReady();
  EXPECT_EQ(calls_, 0);
  for (size_t call = 1; call < repeater->calls.size(); ++call) {
    repeater->Answer(call);
    executor_.RunReady();
  }
  EXPECT_EQ(calls_, 1);
  EXPECT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(repeater->cancels, 0) << "what is answered is not cancelled";
  repeater->Answer(1);
  repeater->calls.clear();
  executor_.RunUntilIdle();
  EXPECT_EQ(calls_, 1);
}

// Answers anything by 1/2, and lets the test act in between.
class Hooked final : public evaluation::LocalEvaluator {
 public:
  Hooked() { traits_.supports = kTwoRounds; }
  absl::string_view name() const override { return "hooked"; }
  const signals::EvaluatorTraits& traits() const override { return traits_; }
  absl::StatusOr<std::shared_ptr<const evaluation::EpisodeReplay>> Prepare(
      std::shared_ptr<const evaluation::EpisodeContext> /*context*/) const override {
    ++prepared;
    if (on_prepare) on_prepare();
    return std::make_shared<Replay>(this);
  }

  mutable int prepared = 0;
  mutable size_t answered = 0;
  std::function<void()> on_prepare;
  std::function<void()> on_answer;

 private:
  class Replay final : public evaluation::EpisodeReplay {
   public:
    explicit Replay(const Hooked* owner) : owner_(owner) {}
    absl::Status Answer(absl::Span<const signals::Question> questions,
                        absl::Span<signals::Answer> answers) const override {
      owner_->answered += questions.size();
      if (owner_->on_answer) owner_->on_answer();
      for (signals::Answer& answer : answers) answer.mean = 0.5;
      return absl::OkStatus();
    }

   private:
    const Hooked* const owner_;
  };
  signals::EvaluatorTraits traits_;
};

TEST_F(EngineOrderTest, AnEpisodeIsPreparedOnce) {
  const auto hooked = std::make_shared<Hooked>();
  const auto run = Start(hooked);
  executor_.RunUntilIdle();
  EXPECT_EQ(calls_, 1);
  EXPECT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(hooked->prepared, 1);
  EXPECT_GT(hooked->answered, 8u) << "two rounds";
}

TEST_F(EngineOrderTest, CancelStopsWhatIsComputed) {
  const auto hooked = std::make_shared<Hooked>();
  std::shared_ptr<engine::Run> run;
  hooked->on_answer = [&run] { run->Cancel(); };
  run = Start(hooked);
  executor_.RunUntilIdle();
  EXPECT_EQ(calls_, 1);
  EXPECT_EQ(status_.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(hooked->answered, 1u) << "the first chunk is one question";
}

TEST_F(EngineOrderTest, CancelBeforeAnythingIsComputed) {
  const auto hooked = std::make_shared<Hooked>();
  std::shared_ptr<engine::Run> run;
  hooked->on_prepare = [&run] { run->Cancel(); };
  run = Start(hooked);
  executor_.RunUntilIdle();
  EXPECT_EQ(calls_, 1);
  EXPECT_EQ(status_.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(hooked->answered, 0u);
}

}  // namespace
}  // namespace assay::engine
