#include "server/engine/asio_executor.h"

#include <algorithm>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>
#include <atomic>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "server/base/mutex.h"
#include "server/base/time_slice.h"

namespace assay::engine {
namespace {

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
  Impl(int workers, EngineObserver* observer)
      : workers_(std::max(1, workers)),
        observer_(OrNobody(observer)),
        wall_start_(absl::Now()),
        steady_start_(SteadyClock::now()),
        pool_(static_cast<size_t>(workers_)),
        beside_(1),
        alarm_(beside_) {}

  // Asio declares that cancelling a timer may throw; it has nothing to throw where the timer
  // exists.
  ~Impl() {  // NOLINT(bugprone-exception-escape)
    {
      MutexLock lock(&mutex_);
      closed_ = true;
      alarm_.cancel();
    }
    pool_.join();
    beside_.join();
    std::map<std::pair<SteadyClock::time_point, TimerId>, Task> dropped;
    MutexLock lock(&mutex_);
    dropped.swap(timers_);
    due_.clear();
  }

  absl::Time Now() const {
    return wall_start_ + absl::FromChrono(SteadyClock::now() - steady_start_);
  }

  void Post(Task task) {
    ++long_;
    asio::post(pool_, [this, task = std::move(task)]() mutable {
      AskFor(TimeSlice::kLong);
      Run(task);
      --long_;
    });
  }

  void PostBrief(Task task) {
    if (long_.load(std::memory_order_relaxed) < workers_) {
      asio::post(pool_, [this, task = std::move(task)]() mutable {
        AskFor(TimeSlice::kUsual);
        Run(task);
      });
    } else {
      asio::post(beside_, std::move(task));
    }
  }

  TimerId After(absl::Duration delay, Task task) {
    const SteadyClock::time_point due = SteadyClock::now() + ToSteady(delay);
    MutexLock lock(&mutex_);
    const TimerId id = ++last_timer_;
    if (closed_) return id;
    timers_.emplace(std::make_pair(due, id), std::move(task));
    due_.emplace(id, due);
    if (due < armed_) Arm();
    return id;
  }

  void Cancel(TimerId id) {
    Task task;
    MutexLock lock(&mutex_);
    const auto due = due_.find(id);
    if (due == due_.end()) return;
    const auto timer = timers_.find({due->second, id});
    task = std::move(timer->second);
    timers_.erase(timer);
    due_.erase(due);
  }

  int workers() const { return workers_; }

 private:
  // One clock alarm serves all timers: most are cancelled, and that must cost no hand-over.
  void Arm() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (closed_) return;
    armed_ = SteadyClock::time_point::max();
    if (timers_.empty()) return;
    armed_ = timers_.begin()->first.first;
    alarm_.expires_at(armed_);
    alarm_.async_wait([this](const asio::error_code& error) {
      if (!error) FireDue();
    });
  }

  void FireDue() {
    std::vector<Task> due;
    {
      MutexLock lock(&mutex_);
      const SteadyClock::time_point now = SteadyClock::now();
      while (!timers_.empty() && timers_.begin()->first.first <= now) {
        auto node = timers_.extract(timers_.begin());
        due_.erase(node.key().second);
        due.push_back(std::move(node.mapped()));
      }
      Arm();
    }
    for (Task& task : due) PostBrief(std::move(task));
  }

  void Run(Task& task) {
    observer_->OnWorkerBusy(1);
    task();
    task = nullptr;  // what it held is let go while the worker still counts as busy
    observer_->OnWorkerBusy(-1);
  }

  const int workers_;
  EngineObserver* const observer_;
  const absl::Time wall_start_;
  const SteadyClock::time_point steady_start_;
  Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  TimerId last_timer_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::pair<SteadyClock::time_point, TimerId>, Task> timers_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<TimerId, SteadyClock::time_point> due_ ABSL_GUARDED_BY(mutex_);
  SteadyClock::time_point armed_ ABSL_GUARDED_BY(mutex_) = SteadyClock::time_point::max();
  std::atomic<int> long_ = 0;  // tasks of Post that wait or run
  // Their threads use all of the above.
  asio::thread_pool pool_;
  asio::thread_pool beside_;
  asio::steady_timer alarm_ ABSL_GUARDED_BY(mutex_);
};

AsioExecutor::AsioExecutor(int workers, EngineObserver* observer)
    : impl_(std::make_unique<Impl>(workers, observer)) {}
AsioExecutor::~AsioExecutor() = default;
absl::Time AsioExecutor::Now() const { return impl_->Now(); }
AsioExecutor::TimerId AsioExecutor::After(absl::Duration delay, Task task) {
  return impl_->After(delay, std::move(task));
}
void AsioExecutor::Cancel(TimerId id) { impl_->Cancel(id); }
void AsioExecutor::Post(Task task) { impl_->Post(std::move(task)); }
void AsioExecutor::PostBrief(Task task) { impl_->PostBrief(std::move(task)); }
int AsioExecutor::workers() const { return impl_->workers(); }

}  // namespace assay::engine
