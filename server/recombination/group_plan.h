// The plan of a group: what each agent's messages of each episode are worth in teams put together
// from the whole group (proto/signals.md#the-outcome-part-x).
#ifndef ASSAY_SERVER_RECOMBINATION_GROUP_PLAN_H_
#define ASSAY_SERVER_RECOMBINATION_GROUP_PLAN_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/plan/plan.h"
#include "server/recombination/teams.h"
#include "server/signals/counterfactual.h"
#include "server/signals/episode.h"
#include "server/signals/options.h"
#include "server/signals/signals.h"

namespace assay::recombination {

// An episode of the group that was answered with signals.
struct Member {
  const signals::Episode* episode = nullptr;
  double value = 0;  // of the team as it was played: v(N)
};

struct PlanOptions {
  uint64_t seed = 0;
  signals::ValueRange range = {};
  int siblings = 0;             // 0: all where the evaluator is free, else kPaidSiblings
  int max_questions = 0;        // 0: kMaxQuestions
  int samples = 1;              // of each question, >= 1
  bool keep_questions = false;  // Recombined::asked, for an audit
};

inline constexpr int kPaidSiblings = 4;
inline constexpr int kMaxQuestions = 65'536;

struct Recombined {
  int agents = 0;
  int siblings = 0;  // with which each was tried
  // Q, member by member and agent by agent: mean value of the teams that take the agent's messages
  // from this member and everybody else's from one member, over this member and its siblings. NaN
  // where the agent has no message in this member.
  std::vector<double> values;
  std::vector<double> std_errors;  // of them: noise of the answers, choice of the siblings
  std::vector<double> noise;       // variance of each by the answers alone; empty: they are exact
  int64_t questions = 0;           // asked and answered; what was counted from ballots is none
  int64_t samples = 0;             // fresh ones
  std::vector<signals::AskedQuestion> asked;
};

// The siblings that a plan of these numbers tries each message with; 0: its questions allow none.
int SiblingsOf(int members, int agents, const PlanOptions& options,
               const signals::EvaluatorTraits& traits);

class GroupPlan final : public Plan<Recombined, signals::Question, signals::Answer> {
 public:
  // At least 2 members of the same agents, in an order that does not depend on that of their
  // arrival (sorted by id): they are numbered by it, and the seed draws by number. The episodes
  // must outlive the plan. `traits` support kTeam. It asks what each agent's messages of each
  // member are worth in the teams of its siblings. Siblings are the other members that come first
  // in an order that the seed draws. They are the same for all members, so that whatever a sibling
  // adds to one value it adds to all. Teams of equal messages are asked about once, teams that were
  // played never. O(members agents siblings) questions of O(agents).
  GroupPlan(std::vector<Member> members, const PlanOptions& options,
            const signals::EvaluatorTraits& traits);

  bool done() const override { return batch_.empty(); }
  // At most kBatch questions.
  const std::vector<signals::Question>& ask() const override { return batch_; }
  // INVALID_ARGUMENT where an answer is not finite or lies outside the value range; the plan then
  // cannot go on.
  absl::Status tell(absl::Span<const signals::Answer> answers) override;
  // RESOURCE_EXHAUSTED: max_questions allows no sibling.
  absl::StatusOr<Recombined> finish() override;

  static constexpr int kBatch = 4'096;

 private:
  // The value of a team, or where it will come from.
  struct Value {
    double mean = 0;
    double variance = 0;  // of the mean
    int question = -1;    // in the batch; -1: known
    int team = -1;        // its number; -1: none, what was played
  };
  // One team that an agent's messages of a member are tried in.
  struct Trial {
    int entry = 0;  // member * agents + agent
    Value value;
  };
  struct Sums {
    int count = 0;
    double mean = 0;
    double deviations = 0;  // sum of squares about the mean
    double noise = 0;  // variance of the sum: an answer that counts k times counts k^2 times here
  };

  void FindSiblings();
  void PlanBatch();
  void Try(int base, int agent, int member);
  void Add(const Trial& trial);
  absl::Status TellTable(const signals::Answer& answer);
  void Record(size_t question, const signals::Answer& answer);

  const std::vector<Member> members_;
  const PlanOptions options_;
  const Teams teams_;
  const int siblings_;
  const bool by_table_;
  std::vector<std::vector<int>> tried_in_;  // of each base, the members that it is a sibling of
  int next_base_ = 0;
  std::vector<signals::Question> batch_;
  std::vector<std::string> batch_keys_;
  std::vector<Trial> waiting_;
  absl::flat_hash_map<std::string, Value> known_;
  std::vector<Sums> sums_;
  absl::flat_hash_map<std::pair<int, int>, int>
      repeats_;  // how often an entry rests on a noisy team
  Recombined result_;
};

}  // namespace assay::recombination

#endif  // ASSAY_SERVER_RECOMBINATION_GROUP_PLAN_H_
