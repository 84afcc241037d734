// Converts between the messages of the wire and the types of the domain. Nothing here validates.
#ifndef ASSAY_SERVER_WIRE_CONVERT_H_
#define ASSAY_SERVER_WIRE_CONVERT_H_

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "assay/v1/episode.pb.h"
#include "assay/v1/signals.pb.h"
#include "server/blame/pairs/pairs.h"
#include "server/evaluation/evaluator.h"
#include "server/signals/episode.h"
#include "server/signals/options.h"
#include "server/signals/signals.h"

namespace assay::service {

// Every view points into `episode`; no content is copied. `episode` must be valid.
signals::Episode EpisodeFromWire(const v1::Episode& episode);

// The context of one episode for its evaluators. `storage` must keep `episode` alive.
std::shared_ptr<const evaluation::EpisodeContext> MakeContext(std::shared_ptr<const void> storage,
                                                              const v1::Episode& episode,
                                                              const signals::Options& options,
                                                              const std::string& traceparent);

// Fills every field except those that the session or the audit adds: `audit`, `effort.evaluator`
// and `effort.ballots`.
void SignalsToWire(const signals::Signals& signals, const v1::Episode& episode,
                   v1::EpisodeSignals* wire);

// `ids` gives the id of the group's i-th episode.
void PairToWire(const blame::Pair& pair, absl::FunctionRef<const std::string&(int)> ids,
                v1::PreferencePair* wire);

// The value with -0 replaced by 0: the JSON mapping does not keep the sign of a zero.
inline double Plain(double value) { return value == 0 ? 0 : value; }

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_CONVERT_H_
