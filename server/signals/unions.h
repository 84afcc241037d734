// The authors of an episode's messages as the unions of its Owen values.
#ifndef ASSAY_SERVER_SIGNALS_UNIONS_H_
#define ASSAY_SERVER_SIGNALS_UNIONS_H_

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "server/signals/counterfactual.h"
#include "server/signals/episode.h"

namespace assay::signals {

// Unions are numbered in the order of their first messages, and the agents' messages in theirs.
struct Unions {
  absl::InlinedVector<int, 16> union_of;  // of each of the agents' messages
  absl::InlinedVector<int, 8> sizes;      // of each union
  absl::InlinedVector<int, 8> agents;     // of each union
};
Unions MakeUnions(const Episode& episode);

// How many values the answer to a question of this kind has: one, or those of a table. INT64_MAX
// where the number does not fit.
int64_t CountValues(QuestionKind kind, const Episode& episode);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_UNIONS_H_
