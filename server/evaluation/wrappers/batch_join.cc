#include "server/evaluation/wrappers/batch_join.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace assay::evaluation {

BatchJoin::BatchJoin(Batch batch, BatchDone done)
    : batch_(std::move(batch)),
      done_(std::move(done)),
      left_(batch_.questions.size()),
      answers_(batch_.questions.size()) {}

Batch BatchJoin::Part(Positions positions) const {
  Batch part;
  part.context = batch_.context;
  part.deadline = batch_.deadline;
  part.questions.reserve(positions.size());
  for (const size_t position : positions) part.questions.push_back(batch_.questions[position]);
  return part;
}

void BatchJoin::Deliver(Positions positions, absl::StatusOr<Answers> answers) {
  if (answers.ok() && answers->size() != positions.size()) {
    answers = absl::InternalError(
        absl::StrCat("answers: ", answers->size(), " answers to ", positions.size(), " questions"));
  }
  if (!answers.ok()) {
    Stop(answers.status());
    return;
  }
  std::vector<CancelFn> unused;
  {
    MutexLock lock(&mutex_);
    if (over_) return;
    for (size_t i = 0; i < positions.size(); ++i) {
      answers_[positions[i]] = std::move((*answers)[i]);
    }
    left_ -= positions.size();
    if (left_ > 0) return;
    over_ = true;
    unused.swap(cancels_);
  }
  done_(std::move(answers_));
}

void BatchJoin::Stop(absl::Status status) {
  std::vector<CancelFn> cancels;
  {
    MutexLock lock(&mutex_);
    if (over_) return;
    over_ = true;
    cancels.swap(cancels_);
  }
  for (CancelFn& cancel : cancels) cancel();
  done_(std::move(status));
}

bool BatchJoin::stopped() const {
  MutexLock lock(&mutex_);
  return over_;
}

void BatchJoin::Attach(CancelFn cancel) {
  {
    MutexLock lock(&mutex_);
    if (!over_) {
      cancels_.push_back(std::move(cancel));
      return;
    }
  }
  cancel();
}

}  // namespace assay::evaluation
