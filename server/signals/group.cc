#include "server/signals/group.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace assay::signals {
namespace {

// `reduce` of the values of each policy.
template <class Reduce>
auto ByPolicy(const std::vector<double>& values, const std::vector<int>& policy_of, int policies,
              Reduce reduce) {
  std::vector<std::vector<double>> buckets(policies);
  for (size_t k = 0; k < values.size(); ++k) {
    if (!std::isnan(values[k])) buckets[policy_of[k]].push_back(values[k]);
  }
  std::vector<decltype(reduce(buckets.front()))> reduced;
  reduced.reserve(buckets.size());
  for (std::vector<double>& bucket : buckets) reduced.push_back(reduce(std::move(bucket)));
  return reduced;
}

// What belongs to each policy, given to everybody of the policy.
template <class T>
std::vector<T> Spread(const std::vector<T>& of_policy, const std::vector<int>& policy_of) {
  std::vector<T> of_each;
  of_each.reserve(policy_of.size());
  for (int policy : policy_of) of_each.push_back(of_policy[policy]);
  return of_each;
}

double SumInOrder(const std::vector<double>& terms) {
  double sum = 0;
  for (double term : terms) sum += term;
  return sum;
}

}  // namespace

double SortedSum(std::vector<double> terms) {
  std::sort(terms.begin(), terms.end());
  return SumInOrder(terms);
}

Moments SortedMoments(std::vector<double> values) {
  Moments moments;
  moments.count = static_cast<int>(values.size());
  if (values.empty()) return moments;
  std::sort(values.begin(), values.end());
  moments.mean =
      values.front() == values.back() ? values.front() : SumInOrder(values) / moments.count;
  for (double value : values) moments.squares += (value - moments.mean) * (value - moments.mean);
  return moments;
}

Group::Group(absl::Span<const GroupMember* const> members, double range,
             const TeamValues& recombined)
    : members_(members), range_(range), recombined_(recombined) {
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
  for (double& score : scores) {
    score_deviations_.push_back((score - mean_score_) / range_);
    score = score_deviations_.back() * score_deviations_.back();
  }
  score_squares_ = SortedSum(std::move(scores));
}

std::vector<Moments> Group::PairMoments(const std::vector<double>& values) const {
  return Spread(ByPolicy(values, policy_of_, policies_, SortedMoments), policy_of_);
}

std::vector<double> Group::PairSums(const std::vector<double>& values) const {
  return Spread(ByPolicy(values, policy_of_, policies_, SortedSum), policy_of_);
}

double Group::PairVariance(const std::vector<double>& values) const {
  std::vector<double> squares;
  for (const Moments& moments : ByPolicy(values, policy_of_, policies_, SortedMoments)) {
    squares.push_back(moments.squares);
  }
  return values.empty() ? 0 : SortedSum(std::move(squares)) / static_cast<double>(values.size());
}

std::vector<Moments> Group::MessageMoments(const std::vector<double>& values) const {
  return Spread(ByPolicy(values, message_policies_, policies_, SortedMoments), message_policies_);
}

}  // namespace assay::signals
