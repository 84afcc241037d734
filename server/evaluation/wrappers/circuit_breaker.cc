#include "server/evaluation/wrappers/circuit_breaker.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"
#include "server/base/retry_after.h"

namespace assay::evaluation {
namespace {

bool IsFailure(absl::StatusCode code) {
  return code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kDeadlineExceeded ||
         code == absl::StatusCode::kInternal || code == absl::StatusCode::kUnknown;
}

class BreakerEvaluator final : public Evaluator,
                               public std::enable_shared_from_this<BreakerEvaluator> {
 public:
  BreakerEvaluator(std::shared_ptr<Evaluator> inner, const BreakerOptions& options, Timers* timers)
      : inner_(std::move(inner)), options_(options), timers_(timers) {}

  absl::string_view name() const override { return inner_->name(); }
  const signals::EvaluatorTraits& traits() const override { return inner_->traits(); }

  CancelFn Evaluate(Batch batch, BatchDone done) override {
    bool probe = false;
    if (const std::optional<absl::Duration> wait = Refuse(&probe); wait.has_value()) {
      done(WithRetryAfter(absl::UnavailableError("failed too often: the circuit is open"), *wait));
      return [] {};
    }
    return inner_->Evaluate(std::move(batch),
                            [self = shared_from_this(), probe,
                             done = std::move(done)](absl::StatusOr<Answers> answers) mutable {
                              self->Note(answers.status(), probe);
                              done(std::move(answers));
                            });
  }

 private:
  // How long to stay away; nothing: the call may go, as the probe where `probe` is set.
  std::optional<absl::Duration> Refuse(bool* probe) {
    MutexLock lock(&mutex_);
    if (options_.failures <= 0 || failures_ < options_.failures) return {};
    const absl::Duration left = open_until_ - timers_->Now();
    if (left > absl::ZeroDuration()) return left;
    // A probe that takes as long as the circuit was open is given a companion.
    open_until_ = timers_->Now() + options_.open_for;
    *probe = true;
    return {};
  }

  void Note(const absl::Status& status, bool probe) {
    MutexLock lock(&mutex_);
    if (status.code() == absl::StatusCode::kCancelled) {
      if (probe) open_until_ = absl::InfinitePast();
      return;
    }
    if (!IsFailure(status.code())) {
      failures_ = 0;
      return;
    }
    failures_ = std::min(failures_ + 1, std::max(1, options_.failures));
    if (failures_ == options_.failures) open_until_ = timers_->Now() + options_.open_for;
  }

  const std::shared_ptr<Evaluator> inner_;
  const BreakerOptions options_;
  Timers* const timers_;
  Mutex mutex_;
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;  // in a row
  absl::Time open_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace

std::shared_ptr<Evaluator> WithCircuitBreaker(std::shared_ptr<Evaluator> inner,
                                              const BreakerOptions& options, Timers* timers) {
  return std::make_shared<BreakerEvaluator>(std::move(inner), options, timers);
}

}  // namespace assay::evaluation
