#include "absl/strings/str_cat.h"
#include "assay/client.h"

namespace assay::client {

absl::StatusOr<Team> TeamOf(const v1::Question& question, const GroupEpisodes& episodes) {
  if (!question.counterfactual().has_team() || episodes.empty()) {
    return absl::InvalidArgumentError("the question is not about a team of a group");
  }
  const v1::Team& named = question.counterfactual().team();
  // All episodes of a group have the same agents in the same order.
  const v1::Episode& first = *episodes.begin()->second;
  if (named.episode_ids_size() != first.agents_size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a team of ", named.episode_ids_size(), " agents where there are ", first.agents_size()));
  }
  Team team;
  for (int i = 0; i < named.episode_ids_size(); ++i) {
    if (named.episode_ids(i).empty()) continue;
    const auto episode = episodes.find(named.episode_ids(i));
    if (episode == episodes.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the team names an episode that is not there: ", named.episode_ids(i)));
    }
    team.emplace(first.agents(i).id(), episode->second);
  }
  return team;
}

}  // namespace assay::client
