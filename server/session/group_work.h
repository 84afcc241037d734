// A group whose members are in, on its way to its result: what is known of them, and what is to be
// asked about teams put together from them.
#ifndef ASSAY_SERVER_SESSION_GROUP_WORK_H_
#define ASSAY_SERVER_SESSION_GROUP_WORK_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/engine/engine.h"
#include "server/recombination/schedule.h"
#include "server/session/answered_member.h"
#include "server/session/episode_work.h"
#include "server/wire/resolve_options.h"

namespace assay::service {

// What a member brings to the teams of its group.
struct TeamSource {
  std::shared_ptr<evaluation::Evaluator> evaluator;
  // The episode; null where it is refused, or was let go for want of room.
  std::shared_ptr<const evaluation::EpisodeContext> context;
  // FAILED_PRECONDITION: the evaluator answers no questions about teams, or a message of the
  // episode had read another one.
  absl::Status refused;
};

// Whether the options ask for recombined values, where the group supports them.
bool WantsTeams(const signals::Options& options);
TeamSource MakeTeamSource(const EpisodeWork& work);

// Which messages the evaluator of these options makes a team of.
recombination::Part PartOf(const ResolvedOptions& options, const evaluation::Evaluator& evaluator);

struct GroupWork {
  std::string id;
  std::map<std::string, AnsweredMember> members;  // answered with signals, by id
  std::vector<std::string> missing;               // read, but not answered with signals; sorted
  int never_sent = 0;
  std::shared_ptr<const ResolvedOptions> options;

  // Who is asked about what. Null where nothing is asked.
  std::shared_ptr<evaluation::Evaluator> evaluator;
  std::shared_ptr<const evaluation::EpisodeContext> context;
  // Why nothing is asked although the options would: the group does not support it.
  absl::Status refused;
  // Likewise: it would, but the episodes were not kept.
  absl::Status without;

  int64_t bytes = 0;  // what it takes in memory until it is answered

  bool asks() const { return context != nullptr; }
  // What the engine runs; it ends at `timeout` from its start.
  engine::GroupJob Job(absl::Duration timeout) const;
  // What the plan may take in memory while it is under way.
  int64_t PlanBytes() const;
};

// Sets who is asked about what. `sources`: of all members, by id.
void AddTeams(const std::map<std::string, TeamSource>& sources, GroupWork* work);

}  // namespace assay::service

#endif  // ASSAY_SERVER_SESSION_GROUP_WORK_H_
