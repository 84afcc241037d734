// Durations between Abseil and protobuf.
#ifndef ASSAY_SERVER_WIRE_QUESTIONS_DURATIONS_H_
#define ASSAY_SERVER_WIRE_QUESTIONS_DURATIONS_H_

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"

namespace assay {

absl::Duration DurationFromWire(const google::protobuf::Duration& wire);
// Rounds towards zero to whole nanoseconds.
void DurationToWire(absl::Duration duration, google::protobuf::Duration* wire);

}  // namespace assay

#endif  // ASSAY_SERVER_WIRE_QUESTIONS_DURATIONS_H_
