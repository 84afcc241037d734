// An evaluator that is answered by hand, on an executor of virtual time.
#ifndef ASSAY_TESTS_UNIT_EVALUATION_WRAPPERS_POLICY_FIXTURE_H_
#define ASSAY_TESTS_UNIT_EVALUATION_WRAPPERS_POLICY_FIXTURE_H_

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/retry_after.h"
#include "server/evaluation/wrappers/call_policy.h"
#include "server/evaluation/wrappers/checked.h"
#include "server/evaluation/wrappers/circuit_breaker.h"
#include "server/evaluation/wrappers/deadline.h"
#include "server/evaluation/wrappers/retry.h"
#include "tests/simulation/virtual_executor.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::evaluation {

class Counts final : public QuestionObserver {
 public:
  void OnQuestionsRetried(absl::string_view, int64_t count) override { retried += count; }
  void OnQuestionsCached(absl::string_view, int64_t count) override { cached += count; }
  int64_t retried = 0;
  int64_t cached = 0;
};

class PolicyTest : public ::testing::Test {
 protected:
  ~PolicyTest() override { inner_->Drop(); }

  CancelFn Ask(const std::shared_ptr<Evaluator>& evaluator,
               absl::Duration timeout = absl::InfiniteDuration()) {
    Batch batch = CoalitionBatch(SmallContext(1));
    batch.deadline = clock_.Now() + timeout;
    return evaluator->Evaluate(std::move(batch), seen_.Done());
  }
  absl::StatusCode code() const { return seen_.result->status().code(); }
  std::string message() const { return std::string(seen_.result->status().message()); }

  simulation::VirtualExecutor clock_;
  Counts counts_;
  Outcome seen_;
  std::shared_ptr<ManualEvaluator> inner_ = std::make_shared<ManualEvaluator>();
};

}  // namespace assay::evaluation

#endif  // ASSAY_TESTS_UNIT_EVALUATION_WRAPPERS_POLICY_FIXTURE_H_
