// Votes of teams put together from several episodes, by counting ballots and not by holding each
// election.
#ifndef ASSAY_SERVER_EVALUATION_EVALUATORS_VOTE_TEAMS_H_
#define ASSAY_SERVER_EVALUATION_EVALUATORS_VOTE_TEAMS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace assay::evaluation {

// A ballot is the class of its answer, by number: equal answers have equal numbers.
inline constexpr int32_t kNoBallot = -1;
inline constexpr int32_t kRightBallot = 0;

// The share of the right answer in the election that these ballots hold: 1/k in a tie of k, 0 where
// it has not the most votes.
double RightShare(absl::Span<const int32_t> ballots);

// For each member and agent the mean share of the right answer over the teams in which the agent
// casts the ballot of this member and all other agents cast those of one and the same member; the
// mean is over all choices of that member.
// `ballots`: one a member and agent, member by member; so is the result. Sums count ties, so that
// the order of the members makes no difference to the last bit.
// O(members agents (agents + different ballots of an agent)).
std::vector<double> MeanRightShares(absl::Span<const int32_t> ballots, int agents);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_EVALUATORS_VOTE_TEAMS_H_
