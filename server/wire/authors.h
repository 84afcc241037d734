// Who speaks for itself in an episode, and what is context.
#ifndef ASSAY_SERVER_WIRE_AUTHORS_H_
#define ASSAY_SERVER_WIRE_AUTHORS_H_

#include <vector>

#include "assay/v1/episode.pb.h"

namespace assay::service {

// Whether the agent is a model. What any other agent says is context.
bool IsModel(const v1::Agent& agent);

// For each message the index of its author in `agents`, or signals::kContext where it has no
// author, an unknown one, or one that is not a model. O(agents + messages).
std::vector<int> Authors(const v1::Episode& episode);

// Whether any message of a model has an answer to vote with.
bool AnyBallot(const v1::Episode& episode);

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_AUTHORS_H_
