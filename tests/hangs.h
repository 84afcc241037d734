// The only limit of time that a test has: whatever takes so long will never end.
#ifndef ASSAY_TESTS_HANGS_H_
#define ASSAY_TESTS_HANGS_H_

#include "absl/time/time.h"

namespace assay {

// Far beyond what it takes on the busiest machine, and within ctest's own limit (ASSAY_HANGS).
inline constexpr absl::Duration kHangs = absl::Minutes(50);

}  // namespace assay

#endif  // ASSAY_TESTS_HANGS_H_
