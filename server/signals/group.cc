#include "server/signals/group.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace assay::signals {
namespace {

// `reduce` of the values of each policy, given back to everybody of the policy.
template <class Reduce>
std::vector<double> ByPolicy(const std::vector<double>& values, const std::vector<int>& policy_of,
                             int policies, Reduce reduce) {
  std::vector<std::vector<double>> buckets(policies);
  for (size_t k = 0; k < values.size(); ++k) buckets[policy_of[k]].push_back(values[k]);
  std::vector<double> reduced;
  reduced.reserve(buckets.size());
  for (std::vector<double>& bucket : buckets) reduced.push_back(reduce(std::move(bucket)));
  std::vector<double> of_each(values.size());
  for (size_t k = 0; k < of_each.size(); ++k) of_each[k] = reduced[policy_of[k]];
  return of_each;
}

double SumOfSorted(const std::vector<double>& terms) {
  double sum = 0;
  for (double term : terms) sum += term;
  return sum;
}

}  // namespace

double SortedSum(std::vector<double> terms) {
  std::sort(terms.begin(), terms.end());
  return SumOfSorted(terms);
}

double SortedMean(std::vector<double> terms) {
  if (terms.empty()) return 0;
  std::sort(terms.begin(), terms.end());
  if (terms.front() == terms.back()) return terms.front();
  return SumOfSorted(terms) / static_cast<double>(terms.size());
}

Group::Group(absl::Span<const GroupMember* const> members, double range)
    : members_(members), range_(range) {
  absl::flat_hash_map<absl::string_view, int> policies;
  std::vector<double> scores;
  for (const GroupMember* member : members) {
    const int first_pair = pairs();
    for (const MemberAgent& agent : member->agents) {
      const int next = static_cast<int>(policies.size());
      policy_of_.push_back(policies.try_emplace(agent.policy, next).first->second);
      member_of_.push_back(static_cast<int>(scores.size()));
      agents_.push_back(&agent);
    }
    for (const MemberMessage& message : member->messages) {
      messages_.push_back(&message);
      pair_of_.push_back(first_pair + message.agent);
      message_policies_.push_back(policy_of_[pair_of_.back()]);
    }
    scores.push_back(member->score);
  }
  policies_ = static_cast<int>(policies.size());
  mean_score_ = SortedMean(scores);
  std::vector<double> squares;
  for (double score : scores) {
    score_deviations_.push_back((score - mean_score_) / range_);
    squares.push_back(score_deviations_.back() * score_deviations_.back());
  }
  score_squares_ = SortedSum(std::move(squares));
}

std::vector<double> Group::PairMeans(const std::vector<double>& values) const {
  return ByPolicy(values, policy_of_, policies_, SortedMean);
}

std::vector<double> Group::PairSums(const std::vector<double>& values) const {
  return ByPolicy(values, policy_of_, policies_, SortedSum);
}

std::vector<double> Group::MessageMeans(const std::vector<double>& values) const {
  return ByPolicy(values, message_policies_, policies_, SortedMean);
}

}  // namespace assay::signals
