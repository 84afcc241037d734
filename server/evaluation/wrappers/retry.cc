#include "server/evaluation/wrappers/retry.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "server/base/mutex.h"
#include "server/base/retry_after.h"
#include "server/evaluation/wrappers/pending_call.h"

namespace assay::evaluation {
namespace {

// SplitMix64 of a counter, as a number in [0, 1).
double UniformOf(uint64_t call, uint64_t attempt) {
  uint64_t z = call * 0x9e3779b97f4a7c15ull + attempt * 0xd1342543de82ef95ull + 1;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

class RetryEvaluator final : public Evaluator, public std::enable_shared_from_this<RetryEvaluator> {
 public:
  RetryEvaluator(std::shared_ptr<Evaluator> inner, const RetryOptions& options, Timers* timers,
                 QuestionObservers observers)
      : inner_(std::move(inner)),
        options_(options),
        timers_(timers),
        observers_(observers),
        tokens_(options.budget_burst) {}

  absl::string_view name() const override { return inner_->name(); }
  const signals::EvaluatorTraits& traits() const override { return inner_->traits(); }

  CancelFn Evaluate(Batch batch, BatchDone done) override {
    auto call = std::make_shared<Call>();
    call->number = calls_.fetch_add(1, std::memory_order_relaxed);
    call->batch = std::move(batch);
    call->pending = std::make_shared<PendingCall>(std::move(done));
    Attempt(call, 1);
    return [pending = call->pending] { pending->Abort(absl::CancelledError("cancelled")); };
  }

 private:
  struct Call {
    uint64_t number = 0;
    Batch batch;
    std::shared_ptr<PendingCall> pending;
  };

  void Attempt(const std::shared_ptr<Call>& call, int attempt) {
    Batch batch = call->batch;
    call->pending->Attach(
        2 * attempt, inner_->Evaluate(std::move(batch), [self = shared_from_this(), call,
                                                         attempt](absl::StatusOr<Answers> answers) {
          self->OnAnswers(call, attempt, std::move(answers));
        }));
  }

  void OnAnswers(const std::shared_ptr<Call>& call, int attempt, absl::StatusOr<Answers> answers) {
    if (call->pending->finished()) return;
    if (answers.ok()) {
      Earn();
      call->pending->Finish(std::move(answers));
      return;
    }
    const absl::Duration wait = Backoff(call->number, attempt, answers.status());
    const absl::string_view obstacle = Obstacle(call->batch, attempt, wait, answers.status());
    if (!obstacle.empty()) {
      call->pending->Finish(
          Annotate(answers.status(), absl::StrCat("evaluator ", std::string(name()), ": "),
                   attempt > 1 || obstacle != "final"
                       ? absl::StrCat(" (attempt ", attempt, ", ", std::string(obstacle), ")")
                       : ""));
      return;
    }
    const Timers::TimerId timer = timers_->After(wait, [self = shared_from_this(), call, attempt] {
      if (call->pending->finished()) return;
      self->observers_.Tell(&QuestionObserver::OnQuestionsRetried, self->name(),
                            static_cast<int64_t>(call->batch.questions.size()));
      self->Attempt(call, attempt + 1);
    });
    call->pending->Attach(2 * attempt + 1, [timers = timers_, timer] { timers->Cancel(timer); });
  }

  absl::Duration Backoff(uint64_t number, int attempt, const absl::Status& status) const {
    const double factor = std::pow(options_.multiplier, attempt - 1);
    const absl::Duration base =
        std::min(options_.initial_backoff * factor, options_.max_backoff) *
        (1 + options_.jitter * (UniformOf(number, static_cast<uint64_t>(attempt)) - 0.5));
    return std::max(base, RetryAfter(status).value_or(absl::ZeroDuration()));
  }

  // Why there is no other attempt; empty: there is one, and it is paid for.
  absl::string_view Obstacle(const Batch& batch, int attempt, absl::Duration wait,
                             const absl::Status& status) {
    if (!MayPass(status.code())) return "final";
    if (attempt >= options_.max_attempts) return "the last";
    if (RetryAfter(status).value_or(absl::ZeroDuration()) > options_.max_retry_after) {
      return "asked to wait for too long";
    }
    if (timers_->Now() + wait >= batch.deadline) return "no time for another";
    if (!Spend()) return "retry budget spent";
    return "";
  }

  bool Spend() {
    MutexLock lock(&mutex_);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  void Earn() {
    MutexLock lock(&mutex_);
    tokens_ = std::min(options_.budget_burst, tokens_ + options_.budget_ratio);
  }

  const std::shared_ptr<Evaluator> inner_;
  const RetryOptions options_;
  Timers* const timers_;
  const QuestionObservers observers_;
  std::atomic<uint64_t> calls_{0};
  Mutex mutex_;
  double tokens_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<Evaluator> WithRetry(std::shared_ptr<Evaluator> inner, const RetryOptions& options,
                                     Timers* timers, QuestionObservers observers) {
  return std::make_shared<RetryEvaluator>(std::move(inner), options, timers, observers);
}

}  // namespace assay::evaluation
