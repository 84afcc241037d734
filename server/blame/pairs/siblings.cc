// Pairs between the episodes of a group: the tree of their common prefixes, and where it branches.
#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "server/blame/pairs/pairs.h"

namespace assay::blame {
namespace {

struct Node {
  int depth = 0;              // messages before the branch
  std::vector<int> episodes;  // those that share the prefix, ascending
};

// The episodes of a node that go on with the same message.
struct Branch {
  const GroupTurn* turn = nullptr;
  std::vector<int> episodes;
};

struct Gap {
  double size = 0;
  Pair pair;
};

class Grouping {
 public:
  Grouping(absl::Span<const GroupEpisode> episodes, double low, double high,
           const PairOptions& options)
      : episodes_(episodes), low_(low), high_(high), options_(options) {}

  std::vector<Pair> Run() {
    for (const std::vector<int>& task : Tasks()) {
      Trajectories(task);
      std::vector<Node> open = {{0, task}};
      while (!open.empty()) {
        const Node node = std::move(open.back());
        open.pop_back();
        std::vector<Branch> branches = BranchesOf(node);
        Compare(node, branches);
        for (Branch& branch : branches) {
          if (branch.episodes.size() > 1) open.push_back({node.depth + 1, branch.episodes});
        }
      }
    }
    return Sorted();
  }

 private:
  // Episodes by task; those without a message have nothing to compare.
  std::vector<std::vector<int>> Tasks() const {
    std::map<absl::string_view, std::vector<int>> tasks;
    for (int e = 0; e < static_cast<int>(episodes_.size()); ++e) {
      if (!episodes_[e].turns.empty()) tasks[episodes_[e].task].push_back(e);
    }
    std::vector<std::vector<int>> out;
    out.reserve(tasks.size());
    for (auto& [task, members] : tasks) out.push_back(std::move(members));
    return out;
  }

  std::vector<Branch> BranchesOf(const Node& node) const {
    std::map<std::pair<absl::string_view, absl::string_view>, Branch> branches;
    for (const int e : node.episodes) {
      if (static_cast<int>(episodes_[e].turns.size()) == node.depth) continue;
      const GroupTurn& turn = episodes_[e].turns[node.depth];
      Branch& branch = branches[{turn.agent, turn.content}];
      branch.turn = &turn;
      branch.episodes.push_back(e);
    }
    std::vector<Branch> out;
    out.reserve(branches.size());
    for (auto& [key, branch] : branches) out.push_back(std::move(branch));
    return out;
  }

  void Compare(const Node& node, const std::vector<Branch>& branches) {
    for (size_t a = 0; a < branches.size(); ++a) {
      for (size_t b = a + 1; b < branches.size(); ++b) {
        if (branches[a].turn->agent.empty() || branches[a].turn->agent != branches[b].turn->agent) {
          continue;
        }
        Sibling(node.depth, branches[a], branches[b]);
        Suffixes(node.depth, branches[a], branches[b]);
      }
    }
  }

  double SumOfScores(const Branch& branch) const {
    double sum = 0;
    for (const int e : branch.episodes) sum += episodes_[e].score;
    return sum;
  }

  // The branch is represented by its best episode, or its worst.
  int Representative(const Branch& branch, bool best) const {
    int chosen = branch.episodes.front();
    for (const int e : branch.episodes) {
      const double gain = episodes_[e].score - episodes_[chosen].score;
      if (best ? gain > 0 : gain < 0) chosen = e;
    }
    return chosen;
  }

  void Sibling(int depth, const Branch& a, const Branch& b) {
    if (!options_.Wants(PairKind::kSibling)) return;
    const double mean_a = SumOfScores(a) / static_cast<double>(a.episodes.size());
    const double mean_b = SumOfScores(b) / static_cast<double>(b.episodes.size());
    const double gap = std::fabs(mean_a - mean_b);
    if (gap == 0 || gap <= options_.margin) return;
    const Branch& better = mean_a > mean_b ? a : b;
    const Branch& worse = mean_a > mean_b ? b : a;
    const int chosen = Representative(better, true);
    const int rejected = Representative(worse, false);
    Add(siblings_, gap, PairKind::kSibling, depth, {chosen, depth, depth + 1, std::nullopt},
        {rejected, depth, depth + 1, std::nullopt}, ProbabilityOfBetter(better, worse));
  }

  // P(better > worse) by the normal approximation of two Beta posteriors.
  double ProbabilityOfBetter(const Branch& better, const Branch& worse) const {
    const auto moments = [&](const Branch& branch) {
      const double trials = static_cast<double>(branch.episodes.size());
      const double successes = (SumOfScores(branch) - trials * low_) / (high_ - low_);
      const double mean = (successes + 1) / (trials + 2);
      return std::pair(mean, mean * (1 - mean) / (trials + 3));
    };
    const auto [mean_better, variance_better] = moments(better);
    const auto [mean_worse, variance_worse] = moments(worse);
    const double z = (mean_better - mean_worse) / std::sqrt(variance_better + variance_worse);
    return 0.5 * std::erfc(-z / std::sqrt(2.0));
  }

  int Length(int episode) const { return static_cast<int>(episodes_[episode].turns.size()); }

  void Suffixes(int depth, const Branch& a, const Branch& b) {
    if (!options_.Wants(PairKind::kSuffix)) return;
    for (const int x : a.episodes) {
      for (const int y : b.episodes) AddEpisodes(suffixes_, PairKind::kSuffix, depth, x, y);
    }
  }

  void Trajectories(const std::vector<int>& members) {
    if (!options_.Wants(PairKind::kTrajectory)) return;
    for (size_t i = 0; i < members.size(); ++i) {
      for (size_t j = i + 1; j < members.size(); ++j) {
        AddEpisodes(trajectories_, PairKind::kTrajectory, 0, members[i], members[j]);
      }
    }
  }

  void AddEpisodes(std::vector<Gap>& gaps, PairKind kind, int depth, int x, int y) {
    const double gap = std::fabs(episodes_[x].score - episodes_[y].score);
    if (gap == 0 || gap <= options_.margin) return;
    const int chosen = episodes_[x].score > episodes_[y].score ? x : y;
    const int rejected = chosen == x ? y : x;
    Add(gaps, gap, kind, depth, {chosen, depth, Length(chosen), std::nullopt},
        {rejected, depth, Length(rejected), std::nullopt}, 1.0);
  }

  static void Add(std::vector<Gap>& gaps, double gap, PairKind kind, int depth, PairSide chosen,
                  PairSide rejected, double weight) {
    gaps.push_back({gap,
                    {.kind = kind,
                     .context_episode = chosen.episode,
                     .context_length = depth,
                     .chosen = chosen,
                     .rejected = rejected,
                     .weight = weight}});
  }

  std::vector<Pair> Sorted() {
    std::vector<Pair> out;
    for (std::vector<Gap>* gaps : {&siblings_, &suffixes_, &trajectories_}) {
      std::sort(gaps->begin(), gaps->end(), [](const Gap& a, const Gap& b) {
        const auto key = [](const Gap& g) {
          return std::tuple(-g.size, g.pair.chosen->episode, g.pair.rejected->episode,
                            g.pair.context_length);
        };
        return key(a) < key(b);
      });
      const size_t kept = std::min(gaps->size(), static_cast<size_t>(options_.max_pairs));
      for (size_t i = 0; i < kept; ++i) out.push_back((*gaps)[i].pair);
    }
    return out;
  }

  absl::Span<const GroupEpisode> episodes_;
  const double low_, high_;
  const PairOptions& options_;
  std::vector<Gap> siblings_, suffixes_, trajectories_;
};

}  // namespace

std::vector<Pair> GroupPairs(absl::Span<const GroupEpisode> episodes, double low, double high,
                             const PairOptions& options) {
  return Grouping(episodes, low, high, options).Run();
}

}  // namespace assay::blame
