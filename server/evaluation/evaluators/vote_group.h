// Vote replay of a group: elections of teams put together from its episodes.
#ifndef ASSAY_SERVER_EVALUATION_EVALUATORS_VOTE_GROUP_H_
#define ASSAY_SERVER_EVALUATION_EVALUATORS_VOTE_GROUP_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

// `ballots`: the final ballot of each agent in each member of the group, member by member. Answers
// kTeam and kAllTeams; UNIMPLEMENTED for any other kind of question.
std::shared_ptr<const EpisodeReplay> MakeVoteGroup(std::shared_ptr<const EpisodeContext> context,
                                                   std::vector<int32_t> ballots);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_EVALUATORS_VOTE_GROUP_H_
