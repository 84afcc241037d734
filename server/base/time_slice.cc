#include "server/base/time_slice.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace assay {
namespace {

constexpr uint64_t kLongNanoseconds = 20'000'000;
constexpr uint64_t kUsualNanoseconds = 0;  // the system's own

// struct sched_attr of Linux in its first form, which headers of systems declare in ways that
// contradict each other.
struct SchedulingAttributes {
  uint32_t size = 0;
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;  // of SCHED_OTHER: the slice, in nanoseconds
  uint64_t deadline = 0;
  uint64_t period = 0;
};

}  // namespace

void AskFor(TimeSlice slice) {
  thread_local TimeSlice current = TimeSlice::kUsual;
  if (slice == std::exchange(current, slice)) return;
  constexpr int kThisThread = 0;
  constexpr unsigned kNoFlags = 0;
  SchedulingAttributes attributes;
  if (syscall(SYS_sched_getattr, kThisThread, &attributes, sizeof(attributes), kNoFlags) != 0) {
    return;
  }
  if (attributes.policy != SCHED_OTHER) return;
  attributes.runtime = slice == TimeSlice::kLong ? kLongNanoseconds : kUsualNanoseconds;
  attributes.flags = 0;
  syscall(SYS_sched_setattr, kThisThread, &attributes, kNoFlags);
}

}  // namespace assay
