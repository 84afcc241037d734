#include "server/evaluation/evaluators/caller.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/retry_after.h"
#include "server/evaluation/answer_check.h"
#include "server/evaluation/wrappers/bounded.h"
#include "server/evaluation/wrappers/cache.h"

namespace assay::evaluation {
namespace {

bool OfRolloutsOnly(const Batch& batch) {
  return std::all_of(batch.questions.begin(), batch.questions.end(),
                     [](const signals::Question& question) { return IsRollout(question.kind); });
}

}  // namespace

CallerEvaluator::CallerEvaluator(signals::EvaluatorTraits traits, std::shared_ptr<CallerSink> sink,
                                 QuestionObservers observers)
    : traits_(traits), observers_(observers), sink_(std::move(sink)) {}

CancelFn CallerEvaluator::Evaluate(Batch batch, BatchDone done) {
  CallerRequest request;
  request.context = batch.context;
  request.questions = batch.questions;
  request.deadline = batch.deadline;
  uint64_t id = 0;
  std::shared_ptr<CallerSink> sink;
  absl::Status closed;
  {
    MutexLock lock(&mutex_);
    closed = closed_;
    sink = sink_;
    if (closed.ok()) {
      id = ++last_id_;
      outstanding_ += static_cast<int64_t>(batch.questions.size());
      pending_.emplace(id, Pending{std::move(batch), std::move(done)});
    }
  }
  if (!closed.ok()) {
    done(closed);  // NOLINT(bugprone-use-after-move): moved only where the stream is open
    return [] {};
  }
  request.evaluation_id = absl::StrCat(id);
  sink->Ask(std::move(request));
  return [self = shared_from_this(), id] { self->Abandon(id); };
}

AnswerFate CallerEvaluator::OnAnswers(absl::string_view evaluation_id,
                                      absl::StatusOr<Answers> answers) {
  uint64_t id = 0;
  const bool is_number = absl::SimpleAtoi(evaluation_id, &id);
  Pending pending;
  bool late = false;
  {
    MutexLock lock(&mutex_);
    // Only the canonical form was ever sent: "07" is not "7".
    if (!is_number || id == 0 || id > last_id_ || evaluation_id != absl::StrCat(id)) {
      return AnswerFate::kUnknown;
    }
    const auto found = pending_.find(id);
    late = found == pending_.end();
    if (!late) {
      pending = std::move(found->second);
      pending_.erase(found);
      outstanding_ -= static_cast<int64_t>(pending.batch.questions.size());
    }
  }
  if (late) {
    observers_.Tell(&QuestionObserver::OnAnswersDropped, name(),
                    answers.ok() ? static_cast<int64_t>(answers->size()) : int64_t{1});
    return AnswerFate::kLate;
  }
  if (!answers.ok() && MayPass(answers.status().code()) && OfRolloutsOnly(pending.batch)) {
    // An environment that failed says nothing of the team, whether it is said once or of each.
    signals::Answer failed;
    failed.error = answers.status();
    answers = Answers(pending.batch.questions.size(), failed);
  }
  if (answers.ok()) {
    absl::Status fault = FailureOf(pending.batch, *answers);
    if (fault.ok()) fault = CheckAnswers(pending.batch, &*answers);
    if (!fault.ok()) answers = std::move(fault);
  }
  pending.done(std::move(answers));
  return AnswerFate::kTaken;
}

void CallerEvaluator::Abandon(uint64_t id) {
  Pending pending;
  {
    MutexLock lock(&mutex_);
    const auto found = pending_.find(id);
    if (found == pending_.end()) return;
    pending = std::move(found->second);
    pending_.erase(found);
    outstanding_ -= static_cast<int64_t>(pending.batch.questions.size());
  }
  pending.done(absl::CancelledError("cancelled"));
}

void CallerEvaluator::Close(const absl::Status& status) {
  std::map<uint64_t, Pending> pending;
  std::shared_ptr<CallerSink> sink;
  {
    MutexLock lock(&mutex_);
    if (!closed_.ok()) return;
    closed_ = status;
    sink = std::move(sink_);
    pending.swap(pending_);
    outstanding_ = 0;
  }
  for (auto& [id, waiting] : pending) waiting.done(status);
}

int64_t CallerEvaluator::outstanding_questions() const {
  MutexLock lock(&mutex_);
  return outstanding_;
}

CallerStack MakeCaller(signals::EvaluatorTraits traits, const CallerLimits& limits,
                       std::shared_ptr<CallerSink> sink, QuestionObservers observers) {
  CallerStack stack;
  stack.caller = std::make_shared<CallerEvaluator>(traits, std::move(sink), observers);
  Bounds bounds;
  bounds.batch_size = limits.batch_size;
  bounds.max_team_bytes = limits.max_request_bytes;
  bounds.max_calls = limits.max_outstanding;
  bounds.max_questions = limits.max_outstanding;
  stack.evaluator = Bounded(stack.caller, bounds);
  if (limits.cache_bytes > 0) {
    stack.evaluator = Cached(std::move(stack.evaluator), limits.cache_bytes, observers);
  }
  return stack;
}

}  // namespace assay::evaluation
