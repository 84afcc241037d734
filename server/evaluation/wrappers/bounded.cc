#include "server/evaluation/wrappers/bounded.h"

#include <algorithm>
#include <deque>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "server/base/mutex.h"
#include "server/evaluation/wrappers/batch_join.h"

namespace assay::evaluation {
namespace {

// Of a question about a team in a request: its ids, once in the question and once among the
// episodes of the request. 0 for all others, whose sizes do not depend on what they ask.
int64_t TeamBytes(const Batch& batch, const signals::Question& question) {
  constexpr int64_t kTag = 4;
  int64_t bytes = 0;
  for (const int32_t member : question.team) {
    bytes += kTag;
    if (member == signals::kAbsent) continue;
    const absl::string_view id = batch.context->members[member]->episode.id;
    bytes += 2 * (kTag + static_cast<int64_t>(id.size()));
  }
  return bytes;
}

class BoundedEvaluator final : public Evaluator,
                               public std::enable_shared_from_this<BoundedEvaluator> {
 public:
  BoundedEvaluator(std::shared_ptr<Evaluator> inner, const Bounds& bounds)
      : inner_(std::move(inner)), bounds_(bounds) {}

  absl::string_view name() const override { return inner_->name(); }
  const signals::EvaluatorTraits& traits() const override { return inner_->traits(); }

  CancelFn Evaluate(Batch batch, BatchDone done) override {
    auto join = std::make_shared<BatchJoin>(std::move(batch), std::move(done));
    if (absl::Status fits = CheckTeams(join->batch()); !fits.ok()) {
      join->Stop(std::move(fits));
      return [] {};
    }
    if (!Enqueue(join)) {
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
    std::shared_ptr<BatchJoin> join;
    std::vector<size_t> positions;
    int64_t size() const { return static_cast<int64_t>(positions.size()); }
  };

  // A team that no request has room for.
  absl::Status CheckTeams(const Batch& batch) const {
    for (const signals::Question& question : batch.questions) {
      const int64_t bytes = TeamBytes(batch, question);
      if (bytes > bounds_.max_team_bytes) {
        return absl::ResourceExhaustedError(
            absl::StrCat("evaluator ", std::string(name()), ": a question about a team takes ",
                         bytes, " bytes where a request has room for ", bounds_.max_team_bytes));
      }
    }
    return absl::OkStatus();
  }

  // Of the questions from `begin` on, how many go into one request.
  size_t CountOf(const Batch& batch, size_t begin) const {
    const size_t most = std::min(batch.questions.size() - begin,
                                 static_cast<size_t>(std::max(1, bounds_.batch_size)));
    int64_t bytes = 0;
    for (size_t count = 0; count < most; ++count) {
      bytes += TeamBytes(batch, batch.questions[begin + count]);
      if (bytes > bounds_.max_team_bytes && count > 0) return count;
    }
    return most;
  }

  bool Enqueue(const std::shared_ptr<BatchJoin>& join) {
    const size_t size = join->batch().questions.size();
    MutexLock lock(&mutex_);
    DropStopped();
    if (waiting_questions_ + static_cast<int64_t>(size) > bounds_.max_waiting) return false;
    waiting_questions_ += static_cast<int64_t>(size);
    size_t begin = 0;
    do {
      Part part{join, std::vector<size_t>(CountOf(join->batch(), begin))};
      std::iota(part.positions.begin(), part.positions.end(), begin);
      begin += part.positions.size();
      waiting_.push_back(std::move(part));
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
    std::shared_ptr<BatchJoin> join = part.join;
    Batch batch = join->Part(part.positions);
    CancelFn cancel = inner_->Evaluate(
        std::move(batch),
        [self = shared_from_this(), part = std::move(part)](absl::StatusOr<Answers> answers) {
          {
            MutexLock lock(&self->mutex_);
            --self->calls_;
            self->questions_ -= part.size();
          }
          self->Pump();
          part.join->Deliver(part.positions, std::move(answers));
        });
    join->Attach(std::move(cancel));
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
