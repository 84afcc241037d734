#include "server/engine/fan_out.h"

#include <algorithm>
#include <utility>

namespace assay::engine {
namespace {

// Waking a worker costs some ten microseconds.
constexpr absl::Duration kLong = absl::Microseconds(100);
constexpr size_t kMaxChunk = 1024;

}  // namespace

FanOut::FanOut(Executor* executor, std::shared_ptr<const evaluation::EpisodeReplay> replay,
               std::vector<signals::Question> questions, evaluation::BatchDone done)
    : executor_(executor),
      replay_(std::move(replay)),
      questions_(std::move(questions)),
      answers_(questions_.size()),
      done_(std::move(done)),
      left_(questions_.size()) {}

void FanOut::Start() {
  if (questions_.empty()) {
    done_(std::move(answers_));
    return;
  }
  Work(/*alone=*/true);
}

void FanOut::Work(bool alone) {
  const absl::Time start = executor_->Now();
  size_t size = 1;  // nobody knows yet what a question costs
  Chunk chunk;
  while (Take(alone ? size : Share(), chunk)) {
    Answer(chunk);
    if (!alone) continue;
    size = std::min(size * 2, kMaxChunk);
    if (executor_->Now() - start >= kLong) {
      alone = false;
      CallForHelp();
    }
  }
}

void FanOut::CallForHelp() {
  const size_t next = next_.load(std::memory_order_relaxed);
  if (next >= questions_.size()) return;
  const size_t helpers =
      std::min<size_t>(questions_.size() - next, static_cast<size_t>(executor_->workers() - 1));
  for (size_t i = 0; i < helpers; ++i) {
    executor_->Post([self = shared_from_this()] { self->Work(/*alone=*/false); });
  }
}

// Large while much is left, small towards the end, so that all end together.
size_t FanOut::Share() const {
  const size_t next = next_.load(std::memory_order_relaxed);
  const size_t rest = next < questions_.size() ? questions_.size() - next : 0;
  return std::clamp<size_t>(rest / (4 * static_cast<size_t>(executor_->workers())), 1, kMaxChunk);
}

bool FanOut::Take(size_t size, Chunk& chunk) {
  chunk.begin = next_.fetch_add(size, std::memory_order_relaxed);
  chunk.end = std::min(chunk.begin + size, questions_.size());
  return chunk.begin < questions_.size();
}

void FanOut::Answer(const Chunk& chunk) {
  const size_t count = chunk.end - chunk.begin;
  absl::Status status =
      stopped_.load(std::memory_order_relaxed)
          ? absl::CancelledError("cancelled")
          : replay_->Answer(absl::MakeConstSpan(questions_).subspan(chunk.begin, count),
                            absl::MakeSpan(answers_).subspan(chunk.begin, count));
  if (!status.ok()) Fail(chunk.begin, std::move(status));
  if (left_.fetch_sub(count, std::memory_order_acq_rel) != count) return;
  absl::Status failure;
  {
    MutexLock lock(&mutex_);
    failure = std::move(failure_);
  }
  if (failure.ok()) {
    done_(std::move(answers_));
  } else {
    done_(std::move(failure));
  }
}

void FanOut::Fail(size_t question, absl::Status status) {
  MutexLock lock(&mutex_);
  if (!failure_.ok() && failed_question_ <= question) return;
  failed_question_ = question;
  failure_ = std::move(status);
}

}  // namespace assay::engine
