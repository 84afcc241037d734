#include "server/evaluation/bounded.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "server/evaluation/mutex.h"

namespace assay::evaluation {
namespace {

// One batch, cut into parts that are on their way at once.
class Join {
 public:
  Join(Batch batch, BatchDone done)
      : batch_(std::move(batch)),
        done_(std::move(done)),
        left_(batch_.questions.size()),
        answers_(batch_.questions.size()) {}

  bool stopped() const {
    MutexLock lock(&mutex_);
    return stopped_;
  }
  Batch Part(size_t begin, size_t end) const {
    return {batch_.context,
            {batch_.questions.begin() + begin, batch_.questions.begin() + end},
            batch_.deadline};
  }

  void Attach(size_t begin, CancelFn cancel) {
    {
      MutexLock lock(&mutex_);
      if (!stopped_) {
        cancels_[begin] = std::move(cancel);
        return;
      }
    }
    cancel();
  }

  void OnPart(size_t begin, size_t size, absl::StatusOr<Answers> answers) {
    if (!answers.ok()) {
      Stop(answers.status());
      return;
    }
    if (answers->size() != size) {
      Stop(absl::InternalError(
          absl::StrCat("answers: ", answers->size(), " answers to ", size, " questions")));
      return;
    }
    {
      MutexLock lock(&mutex_);
      if (stopped_) return;
      std::move(answers->begin(), answers->end(), answers_.begin() + begin);
      left_ -= size;
      if (left_ > 0) return;
      stopped_ = true;
      cancels_.clear();
    }
    done_(std::move(answers_));
  }

  void Stop(absl::Status status) {
    std::map<size_t, CancelFn> cancels;
    {
      MutexLock lock(&mutex_);
      if (stopped_) return;
      stopped_ = true;
      cancels.swap(cancels_);
    }
    for (auto& [begin, cancel] : cancels) cancel();
    done_(std::move(status));
  }

 private:
  const Batch batch_;
  BatchDone done_;  // of whoever sets stopped_
  mutable Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  size_t left_ ABSL_GUARDED_BY(mutex_);
  Answers answers_;  // guarded by mutex_ until stopped_
  std::map<size_t, CancelFn> cancels_ ABSL_GUARDED_BY(mutex_);
};

class BoundedEvaluator final : public Evaluator,
                               public std::enable_shared_from_this<BoundedEvaluator> {
 public:
  BoundedEvaluator(std::shared_ptr<Evaluator> inner, const Bounds& bounds)
      : inner_(std::move(inner)), bounds_(bounds) {}

  absl::string_view name() const override { return inner_->name(); }
  const signals::EvaluatorTraits& traits() const override { return inner_->traits(); }

  CancelFn Evaluate(Batch batch, BatchDone done) override {
    const size_t size = batch.questions.size();
    auto join = std::make_shared<Join>(std::move(batch), std::move(done));
    if (!Enqueue(join, size)) {
      join->Stop(absl::ResourceExhaustedError(
          absl::StrCat("evaluator ", std::string(name()), ": too many questions wait for it")));
      return [] {};
    }
    Pump();
    return [self = shared_from_this(), join] {
      join->Stop(absl::CancelledError("cancelled"));
      self->Pump();
    };
  }

 private:
  struct Part {
    std::shared_ptr<Join> join;
    size_t begin;
    size_t end;
    int64_t size() const { return static_cast<int64_t>(end - begin); }
  };

  bool Enqueue(const std::shared_ptr<Join>& join, size_t size) {
    MutexLock lock(&mutex_);
    DropStopped();
    if (waiting_questions_ + static_cast<int64_t>(size) > bounds_.max_waiting) return false;
    waiting_questions_ += static_cast<int64_t>(size);
    const size_t step = static_cast<size_t>(std::max(1, bounds_.batch_size));
    size_t begin = 0;
    do {
      waiting_.push_back({join, begin, std::min(size, begin + step)});
      begin += step;
    } while (begin < size);
    return true;
  }

  // What was cancelled while it waited must not keep its episode in memory.
  void DropStopped() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (!waiting_.empty() && waiting_.front().join->stopped()) PopFront();
  }

  Part PopFront() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Part part = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_questions_ -= part.size();
    return part;
  }

  bool HasRoom(int64_t questions) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return calls_ == 0 ||
           (calls_ < bounds_.max_calls && questions_ + questions <= bounds_.max_questions);
  }

  // One thread at a time starts calls: an inner evaluator that answers at once would otherwise
  // recurse as deep as the queue is long.
  void Pump() {
    {
      MutexLock lock(&mutex_);
      if (pumping_) return;
      pumping_ = true;
    }
    for (;;) {
      Part part;
      {
        MutexLock lock(&mutex_);
        DropStopped();
        if (waiting_.empty() || !HasRoom(waiting_.front().size())) {
          pumping_ = false;
          return;
        }
        part = PopFront();
        ++calls_;
        questions_ += part.size();
      }
      Start(std::move(part));
    }
  }

  void Start(Part part) {
    const size_t begin = part.begin;
    const size_t size = part.end - part.begin;
    CancelFn cancel = inner_->Evaluate(part.join->Part(part.begin, part.end),
                                       [self = shared_from_this(), join = part.join, begin,
                                        size](absl::StatusOr<Answers> answers) {
                                         {
                                           MutexLock lock(&self->mutex_);
                                           --self->calls_;
                                           self->questions_ -= static_cast<int64_t>(size);
                                         }
                                         self->Pump();
                                         join->OnPart(begin, size, std::move(answers));
                                       });
    part.join->Attach(begin, std::move(cancel));
  }

  const std::shared_ptr<Evaluator> inner_;
  const Bounds bounds_;
  Mutex mutex_;
  std::deque<Part> waiting_ ABSL_GUARDED_BY(mutex_);
  int64_t waiting_questions_ ABSL_GUARDED_BY(mutex_) = 0;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t questions_ ABSL_GUARDED_BY(mutex_) = 0;
  bool pumping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::shared_ptr<Evaluator> Bounded(std::shared_ptr<Evaluator> inner, const Bounds& bounds) {
  return std::make_shared<BoundedEvaluator>(std::move(inner), bounds);
}

}  // namespace assay::evaluation
