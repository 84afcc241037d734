// Between the wire and the domain, both ways. Pure; nothing here validates.
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
signals::Episode ToDomain(const v1::Episode& episode);

// `episode` points into what `storage` keeps alive.
std::shared_ptr<const evaluation::EpisodeContext> MakeContext(std::shared_ptr<const void> storage,
                                                              const v1::Episode& episode,
                                                              const signals::Options& options,
                                                              const std::string& traceparent);

// All but what the session or the audit adds (audit, effort.evaluator, effort.ballots).
void ToWire(const signals::Signals& signals, const v1::Episode& episode, v1::EpisodeSignals* wire);

// `ids` gives the id of the group's i-th episode.
void ToWire(const blame::Pair& pair, absl::FunctionRef<const std::string&(int)> ids,
            v1::PreferencePair* wire);

// -0 would not survive the JSON mapping.
inline double Plain(double value) { return value == 0 ? 0 : value; }

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_CONVERT_H_
