#include "server/evaluation/evaluators/vote_teams.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"

namespace assay::evaluation {
namespace {

// The votes of one election, to which ballots are added and from which they are taken.
class Tally {
 public:
  // `classes`: ballots are below it. At most `voters` are cast.
  Tally(int classes, int voters) : votes_(classes), having_(voters + 2) {}

  void Add(int32_t ballot) { Change(ballot, 1); }
  void Remove(int32_t ballot) { Change(ballot, -1); }

  // In how many answers the right one ties for the most votes if `ballot` is cast as well: 1 where
  // it wins alone, 0 where it loses.
  int TiesWith(int32_t ballot) const {
    const int right = right_ + (ballot == kRightBallot ? 1 : 0);
    int most = most_;
    int tied = most > 0 ? having_[most] : 0;
    if (ballot > kRightBallot) {
      const int votes = votes_[ballot] + 1;
      if (votes > most) {
        most = votes;
        tied = 1;
      } else if (votes == most) {
        ++tied;
      }
    }
    if (right == 0 || right < most) return 0;
    return right > most ? 1 : 1 + tied;
  }

 private:
  void Change(int32_t ballot, int by) {
    if (ballot == kNoBallot) return;
    if (ballot == kRightBallot) {
      right_ += by;
      return;
    }
    --having_[votes_[ballot]];
    votes_[ballot] += by;
    ++having_[votes_[ballot]];
    most_ = std::max(most_, votes_[ballot]);
    while (most_ > 0 && having_[most_] == 0) --most_;
  }

  int right_ = 0;
  int most_ = 0;             // votes of the wrong answer that has the most
  std::vector<int> votes_;   // of each wrong answer
  std::vector<int> having_;  // how many wrong answers have so many votes; of 0 votes it is no count
};

// The different ballots of one agent, and how its teams fared with each.
struct Voter {
  std::vector<int32_t> ballots;  // in the order of the members that cast them first
  std::vector<int> cast;         // of each member, into `ballots`
  std::vector<int> ties;         // for each ballot, how many teams tied in 0, 1, 2, ... answers
};

}  // namespace

double RightShare(absl::Span<const int32_t> ballots) {
  int32_t highest = 0;
  for (const int32_t ballot : ballots) highest = std::max(highest, ballot);
  Tally tally(highest + 1, static_cast<int>(ballots.size()));
  for (const int32_t ballot : ballots) tally.Add(ballot);
  const int ties = tally.TiesWith(kNoBallot);
  return ties == 0 ? 0 : 1.0 / ties;
}

std::vector<double> MeanRightShares(absl::Span<const int32_t> ballots, int agents) {
  const int members = agents == 0 ? 0 : static_cast<int>(ballots.size()) / agents;
  const int counts = agents + 1;  // ties of 0 to `agents` answers
  int32_t highest = 0;
  for (const int32_t ballot : ballots) highest = std::max(highest, ballot);

  std::vector<Voter> voters(agents);
  for (int i = 0; i < agents; ++i) {
    absl::flat_hash_map<int32_t, int> known;
    for (int m = 0; m < members; ++m) {
      const int32_t ballot = ballots[m * agents + i];
      const auto next = static_cast<int>(voters[i].ballots.size());
      const auto [entry, is_new] = known.try_emplace(ballot, next);
      if (is_new) voters[i].ballots.push_back(ballot);
      voters[i].cast.push_back(entry->second);
    }
    voters[i].ties.resize(voters[i].ballots.size() * counts);
  }

  Tally tally(highest + 1, agents);
  for (int m = 0; m < members; ++m) {
    const absl::Span<const int32_t> base = ballots.subspan(m * agents, agents);
    for (const int32_t ballot : base) tally.Add(ballot);
    for (int i = 0; i < agents; ++i) {
      tally.Remove(base[i]);
      for (size_t b = 0; b < voters[i].ballots.size(); ++b) {
        ++voters[i].ties[b * counts + tally.TiesWith(voters[i].ballots[b])];
      }
      tally.Add(base[i]);
    }
    for (const int32_t ballot : base) tally.Remove(ballot);
  }

  std::vector<double> means(ballots.size());
  for (int i = 0; i < agents; ++i) {
    std::vector<double> of_ballot(voters[i].ballots.size());
    for (size_t b = 0; b < of_ballot.size(); ++b) {
      double sum = 0;
      for (int k = agents; k > 0; --k)
        sum += voters[i].ties[b * counts + k] / static_cast<double>(k);
      of_ballot[b] = sum / members;
    }
    for (int m = 0; m < members; ++m) means[m * agents + i] = of_ballot[voters[i].cast[m]];
  }
  return means;
}

}  // namespace assay::evaluation
