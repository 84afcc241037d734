#include "server/engine/asio_executor.h"

#include <algorithm>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>
#include <chrono>
#include <unordered_map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "server/evaluation/mutex.h"

namespace assay::engine {
namespace {

using evaluation::Mutex;
using evaluation::MutexLock;
using SteadyClock = std::chrono::steady_clock;

// Later than any process lives; keeps the conversion to the clock's unit from overflowing.
constexpr absl::Duration kLongest = absl::Hours(24 * 365 * 10);

SteadyClock::duration ToSteady(absl::Duration delay) {
  return std::chrono::nanoseconds(
      absl::ToInt64Nanoseconds(std::clamp(delay, absl::ZeroDuration(), kLongest)));
}

}  // namespace

class AsioExecutor::Impl {
 public:
  Impl(int workers, Observer* observer)
      : workers_(std::max(1, workers)),
        observer_(observer),
        wall_start_(absl::Now()),
        steady_start_(SteadyClock::now()),
        pool_(static_cast<size_t>(workers_)) {}

  ~Impl() {
    {
      MutexLock lock(&mutex_);
      closed_ = true;
      for (auto& [id, timer] : timers_) timer->cancel();
      timers_.clear();
    }
    pool_.join();
  }

  absl::Time Now() const {
    return wall_start_ + absl::FromChrono(SteadyClock::now() - steady_start_);
  }

  void Post(Task task) {
    asio::post(pool_, [this, task = std::move(task)]() mutable { Run(task); });
  }

  TimerId After(absl::Duration delay, Task task) {
    MutexLock lock(&mutex_);
    const TimerId id = ++last_timer_;
    if (closed_) return id;
    auto timer = std::make_unique<asio::steady_timer>(pool_, ToSteady(delay));
    timer->async_wait([this, id, task = std::move(task)](const asio::error_code& error) mutable {
      if (!error && Take(id)) Run(task);
    });
    timers_.emplace(id, std::move(timer));
    return id;
  }

  void Cancel(TimerId id) {
    std::unique_ptr<asio::steady_timer> timer;
    MutexLock lock(&mutex_);
    const auto found = timers_.find(id);
    if (found == timers_.end()) return;
    timer = std::move(found->second);
    timers_.erase(found);
    timer->cancel();
  }

  int workers() const { return workers_; }

 private:
  // False where the timer was cancelled after it expired and before its handler ran.
  bool Take(TimerId id) {
    std::unique_ptr<asio::steady_timer> timer;
    MutexLock lock(&mutex_);
    const auto found = timers_.find(id);
    if (found == timers_.end()) return false;
    timer = std::move(found->second);
    timers_.erase(found);
    return true;
  }

  void Run(Task& task) {
    if (observer_ != nullptr) observer_->OnWorkerBusy(1);
    task();
    task = nullptr;  // what it held is let go while the worker still counts as busy
    if (observer_ != nullptr) observer_->OnWorkerBusy(-1);
  }

  const int workers_;
  Observer* const observer_;
  const absl::Time wall_start_;
  const SteadyClock::time_point steady_start_;
  Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  TimerId last_timer_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unordered_map<TimerId, std::unique_ptr<asio::steady_timer>> timers_ ABSL_GUARDED_BY(mutex_);
  asio::thread_pool pool_;  // last: its threads use all of the above
};

AsioExecutor::AsioExecutor(int workers, Observer* observer)
    : impl_(std::make_unique<Impl>(workers, observer)) {}
AsioExecutor::~AsioExecutor() = default;
absl::Time AsioExecutor::Now() const { return impl_->Now(); }
AsioExecutor::TimerId AsioExecutor::After(absl::Duration delay, Task task) {
  return impl_->After(delay, std::move(task));
}
void AsioExecutor::Cancel(TimerId id) { impl_->Cancel(id); }
void AsioExecutor::Post(Task task) { impl_->Post(std::move(task)); }
int AsioExecutor::workers() const { return impl_->workers(); }

}  // namespace assay::engine
