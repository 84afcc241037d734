// rho, how much of a message its author had already said or read: proto/signals.md#redundancy.
#ifndef ASSAY_SERVER_SIGNALS_REDUNDANCY_H_
#define ASSAY_SERVER_SIGNALS_REDUNDANCY_H_

#include <vector>

#include "server/signals/episode.h"

namespace assay::signals {

// rho_t in [0, 1] for every message; 0 for context. What the client gave is taken as it is; the
// rest is the share of the message's word 5-shingles (counted with repetition) that were seen
// before it: in context, in the author's own earlier messages, in earlier messages of a lower
// round, and in all earlier messages where one of the two rounds is unknown. A message of fewer
// than five words has rho = 0: "Continue." may be right twice. Words are split at ASCII white space
// and compared in ASCII lower case.
//
// Where `compute` is false, rho is 0 wherever the episode gives none. One pass, O(bytes).
std::vector<double> Redundancies(const Episode& episode, bool compute);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_REDUNDANCY_H_
