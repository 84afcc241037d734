// One thread, a virtual clock and a seeded scheduler: every order in which tasks could run, chosen
// by the seed and repeatable from it.
#ifndef ASSAY_TESTS_SIMULATION_VIRTUAL_EXECUTOR_H_
#define ASSAY_TESTS_SIMULATION_VIRTUAL_EXECUTOR_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "server/engine/executor.h"

namespace assay::simulation {

// Not thread safe. `seed` 0 runs tasks in the order posted.
class VirtualExecutor final : public engine::Executor {
 public:
  explicit VirtualExecutor(uint64_t seed = 0, int workers = 2)
      : seeded_(seed != 0), random_(seed), workers_(workers) {}

  absl::Time Now() const override { return now_; }
  int workers() const override { return workers_; }
  void Post(Task task) override { ready_.push_back(std::move(task)); }
  TimerId After(absl::Duration delay, Task task) override {
    const TimerId id = ++last_timer_;
    const absl::Time when = now_ + std::max(delay, absl::ZeroDuration());
    timers_.emplace(std::make_pair(when, id), std::move(task));
    times_.emplace(id, when);
    return id;
  }
  void Cancel(TimerId id) override {
    const auto found = times_.find(id);
    if (found == times_.end()) return;
    timers_.erase({found->second, id});
    times_.erase(found);
  }

  // Runs one task that is ready. False: there is none.
  bool RunOne() {
    if (ready_.empty()) return false;
    const size_t pick = seeded_ ? random_() % ready_.size() : 0;
    Task task = std::move(ready_[pick]);
    ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(pick));
    task();
    return true;
  }

  // Runs what is ready, now.
  void RunReady() {
    while (RunOne()) {
    }
  }

  // Moves the clock to the next timer and makes it ready. False: there is none before `limit`.
  bool Advance(absl::Time limit = absl::InfiniteFuture()) {
    if (timers_.empty() || timers_.begin()->first.first > limit) return false;
    auto node = timers_.extract(timers_.begin());
    now_ = node.key().first;
    times_.erase(node.key().second);
    Post(std::move(node.mapped()));
    return true;
  }

  void RunFor(absl::Duration duration) {
    const absl::Time end = now_ + duration;
    do {
      RunReady();
    } while (Advance(end));
    now_ = end;
  }

  // Until nothing is ready and no timer is set.
  void RunUntilIdle() {
    do {
      RunReady();
    } while (Advance());
  }

  size_t pending_timers() const { return timers_.size(); }

 private:
  const bool seeded_;
  std::mt19937_64 random_;
  const int workers_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  TimerId last_timer_ = 0;
  std::vector<Task> ready_;
  std::map<std::pair<absl::Time, TimerId>, Task> timers_;
  std::map<TimerId, absl::Time> times_;
};

}  // namespace assay::simulation

#endif  // ASSAY_TESTS_SIMULATION_VIRTUAL_EXECUTOR_H_
