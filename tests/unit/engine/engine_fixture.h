// An engine on a virtual executor, with what it tells its observer.
#ifndef ASSAY_TESTS_UNIT_ENGINE_ENGINE_FIXTURE_H_
#define ASSAY_TESTS_UNIT_ENGINE_ENGINE_FIXTURE_H_

#include <future>
#include <map>
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/engine/asio_executor.h"
#include "server/engine/engine.h"
#include "server/evaluation/evaluators/outcome_only.h"
#include "server/evaluation/evaluators/vote_replay.h"
#include "tests/simulation/virtual_executor.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::engine {

class CountingObserver final : public EngineObserver {
 public:
  void OnQuestionsAsked(absl::string_view, int64_t count) override { asked += count; }
  void OnQuestionsDone(absl::string_view evaluator, absl::string_view outcome, int64_t count,
                       absl::Duration elapsed) override {
    done[std::string(evaluator) + " " + std::string(outcome)] += count;
    answered_in = elapsed;
  }
  void OnEpisodeQueued(absl::Duration waited) override { queued = waited; }
  int64_t asked = 0;
  absl::Duration answered_in;
  absl::Duration queued;
  std::map<std::string, int64_t> done;
};

struct Result {
  int calls = 0;
  std::optional<absl::StatusOr<signals::Signals>> signals;
  EpisodeDone Done() {
    return [this](absl::StatusOr<signals::Signals> result) {
      ++calls;
      signals = std::move(result);
    };
  }
  absl::StatusCode code() const { return signals->status().code(); }
};

// E4: ballots B, A, B, reference A.
inline std::shared_ptr<evaluation::EpisodeContext> VoteContext() {
  auto context = evaluation::SmallContext(3);
  const char* answers[] = {"B", "A", "B"};
  for (int i = 0; i < 3; ++i) context->episode.messages[i].answer = answers[i];
  return context;
}

class EngineTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  EpisodeJob Job(std::shared_ptr<evaluation::Evaluator> evaluator, int agents = 3) {
    EpisodeJob job;
    job.context = evaluation::SmallContext(agents);
    job.options = options_;
    job.evaluator = std::move(evaluator);
    return job;
  }
  void AnswerAll() {
    executor_.RunReady();
    while (manual_->open() > 0) {
      for (size_t i = 0; i < manual_->calls.size(); ++i) {
        if (!manual_->calls[i]->ended) manual_->Answer(i);
      }
      executor_.RunReady();
    }
  }

  simulation::VirtualExecutor executor_{GetParam()};
  CountingObserver observer_;
  Engine engine_{&executor_, &observer_};
  std::shared_ptr<signals::Options> options_ = std::make_shared<signals::Options>();
  std::shared_ptr<evaluation::ManualEvaluator> manual_ =
      std::make_shared<evaluation::ManualEvaluator>();
  Result result_;
};

}  // namespace assay::engine

#endif  // ASSAY_TESTS_UNIT_ENGINE_ENGINE_FIXTURE_H_
