#include "server/signals/advantages.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/container/btree_map.h"

namespace assay::signals {
namespace {

constexpr double kLocalLimit = 5;

// The sum in ascending order of the terms: the members of a group arrive in any order, and the
// bytes of the result must not depend on it.
double SortedSum(std::vector<double> terms) {
  std::sort(terms.begin(), terms.end());
  double sum = 0;
  for (double term : terms) sum += term;
  return sum;
}

struct Moments {
  double mean;
  double std;
};

Moments ScoreMoments(absl::Span<const GroupMember> members, OutcomeScale scale) {
  const size_t count = members.size();
  std::vector<double> terms(count);
  for (size_t e = 0; e < count; ++e) terms[e] = members[e].score;
  const auto [least, most] = std::minmax_element(terms.begin(), terms.end());
  // Rounding of the mean must not turn equal scores into a difference that the std then magnifies.
  if (count == 0) return {};
  if (*least == *most) return {*least, 0};
  Moments moments;
  moments.mean = SortedSum(terms) / static_cast<double>(count);
  for (double& term : terms) term = (term - moments.mean) * (term - moments.mean);
  const double freedom = static_cast<double>(count - (scale == OutcomeScale::kSample ? 1 : 0));
  moments.std = std::sqrt(SortedSum(terms) / freedom);
  return moments;
}

struct Policy {
  std::vector<double> agent_totals;  // R of every (episode, agent) pair with a message
  std::vector<double> squares;       // of the numerators
  double mean_total = 0;
  double rms = 0;
};
using Policies = absl::btree_map<absl::string_view, Policy>;

struct AgentShare {
  int messages = 0;  // T
  double total = 0;  // R
};

std::vector<AgentShare> Shares(const GroupMember& member) {
  std::vector<AgentShare> shares(member.policies.size());
  for (const MemberMessage& m : member.messages) {
    ++shares[m.agent].messages;
    shares[m.agent].total += m.reward;
  }
  return shares;
}

double Numerator(const AgentShare& share, double reward, const Policy& policy) {
  return share.messages * reward - policy.mean_total;
}

// A range of the least of doubles leaves no epsilon: what deviates by nothing still has no
// advantage.
double Local(double numerator, double divisor) {
  return numerator == 0 ? 0 : std::clamp(numerator / divisor, -kLocalLimit, kLocalLimit);
}

double RootMeanSquare(const std::vector<double>& squares) {
  return squares.empty() ? 0 : std::sqrt(SortedSum(squares) / static_cast<double>(squares.size()));
}

Policies FitPolicies(absl::Span<const GroupMember> members) {
  Policies policies;
  for (const GroupMember& member : members) {
    const std::vector<AgentShare> shares = Shares(member);
    for (size_t i = 0; i < shares.size(); ++i) {
      if (shares[i].messages > 0)
        policies[member.policies[i]].agent_totals.push_back(shares[i].total);
    }
  }
  for (auto& [name, policy] : policies) {
    policy.mean_total =
        SortedSum(policy.agent_totals) / static_cast<double>(policy.agent_totals.size());
  }
  for (const GroupMember& member : members) {
    const std::vector<AgentShare> shares = Shares(member);
    for (const MemberMessage& m : member.messages) {
      Policy& policy = policies[member.policies[m.agent]];
      const double numerator = Numerator(shares[m.agent], m.reward, policy);
      policy.squares.push_back(numerator * numerator);
    }
  }
  for (auto& [name, policy] : policies) policy.rms = RootMeanSquare(policy.squares);
  return policies;
}

}  // namespace

GroupAdvantages ComputeAdvantages(absl::Span<const GroupMember> members,
                                  const AdvantageOptions& options) {
  GroupAdvantages group;
  const Moments scores = ScoreMoments(members, options.scale);
  group.mean_score = scores.mean;
  group.std_score = scores.std;
  const double scale = options.scale == OutcomeScale::kNone ? 1.0 : scores.std + options.epsilon;
  const Policies policies = FitPolicies(members);
  group.members.reserve(members.size());
  for (const GroupMember& member : members) {
    MemberAdvantages result;
    result.outcome = scores.std == 0 ? 0 : (member.score - scores.mean) / scale;
    const std::vector<AgentShare> shares = Shares(member);
    for (const MemberMessage& m : member.messages) {
      const Policy& policy = policies.at(member.policies[m.agent]);
      const double local =
          Local(Numerator(shares[m.agent], m.reward, policy), policy.rms + options.epsilon);
      result.local.push_back(local);
      result.advantage.push_back((1 - options.blend) * result.outcome + options.blend * local);
    }
    group.members.push_back(std::move(result));
  }
  return group;
}

}  // namespace assay::signals
