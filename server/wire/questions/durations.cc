#include "server/wire/questions/durations.h"

#include <cstdint>

namespace assay {

absl::Duration DurationFromWire(const google::protobuf::Duration& wire) {
  return absl::Seconds(wire.seconds()) + absl::Nanoseconds(wire.nanos());
}

void DurationToWire(absl::Duration duration, google::protobuf::Duration* wire) {
  constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
  const int64_t nanoseconds = absl::ToInt64Nanoseconds(duration);
  wire->set_seconds(nanoseconds / kNanosecondsPerSecond);
  wire->set_nanos(static_cast<int32_t>(nanoseconds % kNanosecondsPerSecond));
}

}  // namespace assay
