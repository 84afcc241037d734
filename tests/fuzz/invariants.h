// The invariants of every answer, whatever was sent: proto/signals.md#invariants.
#ifndef ASSAY_TESTS_FUZZ_INVARIANTS_H_
#define ASSAY_TESTS_FUZZ_INVARIANTS_H_

#include "assay/v1/episode.pb.h"
#include "assay/v1/options.pb.h"
#include "assay/v1/signal_service.pb.h"

namespace assay::fuzz {

// `options` as resolved.
void CheckSignals(const v1::EpisodeSignals& signals, const v1::Episode& episode,
                  const v1::AttributionOptions& options);

// An error says what is wrong, by a code of gRPC.
void CheckError(const v1::Error& error);

// A group counts right, and its advantages are numbers in their bounds.
void CheckGroup(const v1::GroupResult& group);

}  // namespace assay::fuzz

#endif  // ASSAY_TESTS_FUZZ_INVARIANTS_H_
