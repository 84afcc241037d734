// How long the kernel lets a thread run before another one has its turn.
#ifndef ASSAY_SERVER_BASE_TIME_SLICE_H_
#define ASSAY_SERVER_BASE_TIME_SLICE_H_

namespace assay {

enum class TimeSlice {
  kUsual,
  // 20 ms. The kernel lets a thread that wakes up interrupt one whose slice is longer than its own;
  // otherwise it waits until that slice is over. So this is for a thread that computes for a long
  // time. Its share of the cores stays the same.
  kLong,
};

// Asks the kernel for such slices for the calling thread; costs nothing where it has them. Linux
// 6.12 and later; without effect on others and where the system forbids it.
void AskFor(TimeSlice slice);

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_TIME_SLICE_H_
