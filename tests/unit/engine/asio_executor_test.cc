#include "server/engine/asio_executor.h"

#include <atomic>
#include <future>
#include <vector>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/hangs.h"

namespace assay::engine {
namespace {

// std::promise rather than absl::Notification: see server/base/mutex.h.
class Gate {
 public:
  void Open() { promise_.set_value(); }
  void Wait() { promise_.get_future().wait(); }

 private:
  std::promise<void> promise_;
};

TEST(AsioExecutor, RunsEverythingPostedBeforeItEnds) {
  std::atomic<int> ran = 0;
  {
    AsioExecutor executor(2, nullptr);
    for (int i = 0; i < 1000; ++i) {
      executor.Post([&ran, &executor] {
        ++ran;
        executor.Post([&ran] { ++ran; });
      });
    }
  }
  EXPECT_EQ(ran, 2000);
}

TEST(AsioExecutor, TimersFireInOrderAndNotEarly) {
  AsioExecutor executor(1, nullptr);
  const absl::Time start = executor.Now();
  std::vector<int> order;
  Gate gate;
  executor.After(absl::Milliseconds(20), [&] {
    order.push_back(2);
    EXPECT_GE(executor.Now() - start, absl::Milliseconds(20));
    gate.Open();
  });
  executor.After(absl::Milliseconds(5), [&] { order.push_back(1); });
  gate.Wait();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(AsioExecutor, CancelledAndFiredTimersAreLeftAlone) {
  std::atomic<bool> fired = false;
  AsioExecutor executor(1, nullptr);
  const Executor::TimerId timer = executor.After(absl::Milliseconds(5), [&] { fired = true; });
  executor.Cancel(timer);
  executor.Cancel(timer);
  executor.Cancel(12345);
  Gate gate;
  const Executor::TimerId other = executor.After(absl::Milliseconds(10), [&] { gate.Open(); });
  gate.Wait();
  executor.Cancel(other);
  EXPECT_FALSE(fired);
}

TEST(AsioExecutor, DropsTimersAtItsEnd) {
  std::atomic<bool> fired = false;
  const absl::Time start = absl::Now();
  {
    AsioExecutor executor(2, nullptr);
    executor.After(absl::Hours(1), [&] { fired = true; });
    executor.After(absl::InfiniteDuration(), [&] { fired = true; });
  }
  EXPECT_FALSE(fired);
  EXPECT_LT(absl::Now() - start, kHangs);
}

TEST(AsioExecutor, TellsOfBusyWorkers) {
  class Busy final : public EngineObserver {
   public:
    void OnWorkerBusy(int delta) override {
      const int now = busy += delta;
      EXPECT_GE(now, 0);
      EXPECT_LE(now, 2);
      if (delta > 0) ++begun;
    }
    std::atomic<int> busy = 0;
    std::atomic<int> begun = 0;
  } busy;
  {
    AsioExecutor executor(2, &busy);
    for (int i = 0; i < 100; ++i) executor.Post([] {});
  }
  EXPECT_EQ(busy.busy, 0);
  EXPECT_EQ(busy.begun, 100);
}

}  // namespace
}  // namespace assay::engine
