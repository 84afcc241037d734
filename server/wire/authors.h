// Who speaks for itself in an episode, and what is context.
#ifndef ASSAY_SERVER_WIRE_AUTHORS_H_
#define ASSAY_SERVER_WIRE_AUTHORS_H_

#include <vector>

#include "assay/v1/episode.pb.h"

namespace assay::service {

// Whether the agent is a model: what others say is context.
bool IsModel(const v1::Agent& agent);

// Of each message the index of its author in `agents`, or signals::kContext: nobody wrote it, or
// one who is no model. Unknown authors count as nobody. O(agents + messages).
std::vector<int> Authors(const v1::Episode& episode);

// Whether any message of a model has an answer to vote with.
bool AnyBallot(const v1::Episode& episode);

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_AUTHORS_H_
