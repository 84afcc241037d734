// The episodes of one task that were answered with signals, as advantages see them.
#ifndef ASSAY_SERVER_SIGNALS_GROUP_H_
#define ASSAY_SERVER_SIGNALS_GROUP_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "server/signals/options.h"

namespace assay::signals {

struct MemberAgent {
  std::string id;
  std::string policy;                   // agents of one policy are compared with each other
  double credit = 0;                    // in the unit of the value, as everything below
  double std_error = 0;                 // of the credit
  std::optional<double> value_without;  // v(N without the agent), in the value range
};

struct MemberMessage {
  int index = 0;                 // into the episode's messages
  int agent = 0;                 // into GroupMember::agents
  std::optional<double> credit;  // u_t
  std::optional<double> value_change;
  double value_change_variance = 0;
  std::optional<double> process_score;  // in [-1, 1]
};

struct GroupMember {
  std::string id;
  double score = 0;
  bool parallel = false;     // no message was read before all were written
  bool owen_values = false;  // the messages' credits are Owen values, not equal shares
  std::vector<MemberAgent> agents;
  std::vector<MemberMessage> messages;  // the agents' messages, in order
};

// The sum in ascending order of the terms: the members of a group arrive in any order, and the
// bytes of the result must not depend on it.
double SortedSum(std::vector<double> terms);

struct Moments {
  double mean = 0;  // exactly the value where all are equal: rounding makes no difference of none
  double squares = 0;  // sum of squared deviations from the mean
  int count = 0;

  double variance() const { return count == 0 ? 0 : squares / count; }
};
// The moments of the values, summed in ascending order for the same reason.
Moments SortedMoments(std::vector<double> values);
inline double SortedMean(std::vector<double> values) {
  return SortedMoments(std::move(values)).mean;
}

// For each member and agent, member by member, what the agent's messages are worth in teams put
// together from the group, and the variance of that by noise in the evaluator's answers.
struct TeamValues {
  absl::Span<const double> values;  // NaN where the agent has no message; empty: not known
  absl::Span<const double> noise;   // empty: exact
};

// A group laid out flat, where a pair is an agent in an episode. Amounts are shares of the value
// range, because the squares of tiny ranges would vanish, and those of huge ones overflow.
class Group {
 public:
  // `members` and `recombined` must outlive the group. `range` is the size of the value range.
  Group(absl::Span<const GroupMember* const> members, double range,
        const TeamValues& recombined = {});

  absl::Span<const GroupMember* const> members() const { return members_; }
  double range() const { return range_; }
  // One value for each pair, or empty.
  const TeamValues& recombined() const { return recombined_; }

  int pairs() const { return static_cast<int>(agents_.size()); }
  const MemberAgent& agent(int pair) const { return *agents_[pair]; }
  int member_of(int pair) const { return member_of_[pair]; }
  int messages() const { return static_cast<int>(messages_.size()); }
  const MemberMessage& message(int m) const { return *messages_[m]; }
  int pair_of(int m) const { return pair_of_[m]; }

  // The mean score, in the unit of the value and not in shares of the range.
  double mean_score() const { return mean_score_; }
  // The score of a member less the mean score; exactly 0 for all members where all scores are
  // equal.
  double score_deviation(int member) const { return score_deviations_[member]; }
  // The sum of the squares of all score deviations.
  double score_squares() const { return score_squares_; }

  // For each pair the moments of `values` (one for each pair) over the pairs of its policy. A NaN
  // is left out.
  std::vector<Moments> PairMoments(const std::vector<double>& values) const;
  // Likewise the sum.
  std::vector<double> PairSums(const std::vector<double>& values) const;
  // The mean squared deviation of `values` (one for each pair) from the mean of their policy.
  double PairVariance(const std::vector<double>& values) const;
  // For each message the moments of `values` (one for each message) over the messages of its
  // policy.
  std::vector<Moments> MessageMoments(const std::vector<double>& values) const;

 private:
  const absl::Span<const GroupMember* const> members_;
  const double range_;
  const TeamValues recombined_;
  std::vector<const MemberAgent*> agents_;  // of each pair
  std::vector<int> member_of_;              // of each pair
  std::vector<int> policy_of_;              // of each pair
  int policies_ = 0;
  std::vector<const MemberMessage*> messages_;
  std::vector<int> pair_of_;           // of each message
  std::vector<int> message_policies_;  // of each message
  double mean_score_ = 0;
  double score_squares_ = 0;
  std::vector<double> score_deviations_;
};

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_GROUP_H_
