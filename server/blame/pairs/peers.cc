#include "server/blame/pairs/peers.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

namespace assay::blame {
namespace {

// Of the value range: what differs by less is equal.
constexpr double kTie = 1e-9;
constexpr double kZero = 1e-12;

// The two highest rounds of different authors: the highest of everybody but one author.
class HighestRounds {
 public:
  void Add(absl::string_view agent, int round) {
    if (agent == best_[0].agent) {
      best_[0].round = std::max(best_[0].round, round);
    } else if (round > best_[0].round) {
      best_[1] = std::exchange(best_[0], {agent, round});
    } else if (round > best_[1].round) {
      best_[1] = {agent, round};
    }
  }
  int OfOthers(absl::string_view agent) const {
    return best_[agent == best_[0].agent ? 1 : 0].round;
  }

 private:
  struct Best {
    absl::string_view agent;
    int round = INT_MIN;
  };
  std::array<Best, 2> best_;
};

// The rounds that count: where nobody had read anybody there is only one.
int RoundOf(const PeerEpisode& episode, int t) {
  return episode.parallel ? 1 : episode.turns[t].round;
}

bool IsContext(const PeerEpisode& episode, int t) { return episode.turns[t].turn.agent.empty(); }

// Whether the author of `t` had read the earlier turn `s`.
bool HadRead(const PeerEpisode& episode, int t, int s) {
  if (IsContext(episode, s)) return true;
  if (episode.turns[s].turn.agent == episode.turns[t].turn.agent) return true;
  const int round = RoundOf(episode, t);
  const int other = RoundOf(episode, s);
  return round == 0 || other == 0 || other < round;
}

// A message of which something is known, in the place where it stands.
struct Peer {
  int episode = 0;
  int index = 0;
  int context = 0;  // turns
  const PeerTurn* turn = nullptr;
  double value() const { return *turn->value; }
};

struct Gap {
  double size = 0;
  Pair pair;
};

// The messages of an episode of which something is known, by how much their authors had read.
std::vector<Peer> PeersOf(const PeerEpisode& episode, int number) {
  const std::vector<int> lengths = ReadLengths(episode);
  std::vector<Peer> peers;
  for (int t = 0; t < static_cast<int>(episode.turns.size()); ++t) {
    const PeerTurn& turn = episode.turns[t];
    if (lengths[t] >= 0 && turn.value.has_value()) peers.push_back({number, t, lengths[t], &turn});
  }
  std::stable_sort(peers.begin(), peers.end(),
                   [](const Peer& a, const Peer& b) { return a.context < b.context; });
  return peers;
}

// Walks the tree of the common prefixes of all episodes, no further than two of them go together.
class Places {
 public:
  explicit Places(absl::Span<const PeerEpisode> episodes) : episodes_(episodes) {
    for (size_t e = 0; e < episodes.size(); ++e) {
      peers_.push_back(PeersOf(episodes[e], static_cast<int>(e)));
    }
  }

  // Visits the messages of each place with more than one.
  template <class Visit>
  void ForEach(Visit visit) const {
    std::map<absl::string_view, std::vector<int>> tasks;
    for (size_t e = 0; e < episodes_.size(); ++e) {
      tasks[episodes_[e].task].push_back(static_cast<int>(e));
    }
    std::vector<Node> open;
    for (auto& [task, episodes] : tasks) open.push_back({0, std::move(episodes)});
    while (!open.empty()) {
      const Node node = std::move(open.back());
      open.pop_back();
      if (node.episodes.size() < 2) continue;
      VisitNode(node, visit);
      std::map<std::pair<absl::string_view, absl::string_view>, Node> next;
      for (const int e : node.episodes) {
        if (static_cast<int>(episodes_[e].turns.size()) == node.depth) continue;
        const GroupTurn& turn = episodes_[e].turns[node.depth].turn;
        next[{turn.agent, turn.content}].episodes.push_back(e);
      }
      for (auto& [turn, child] : next) open.push_back({node.depth + 1, std::move(child.episodes)});
    }
  }

 private:
  struct Node {
    int depth = 0;              // turns that all its episodes begin with
    std::vector<int> episodes;  // ascending
  };

  template <class Visit>
  void VisitNode(const Node& node, Visit visit) const {
    std::map<absl::string_view, std::vector<Peer>> authors;
    for (const int e : node.episodes) {
      const auto [begin, end] =
          std::equal_range(peers_[e].begin(), peers_[e].end(), Peer{e, 0, node.depth},
                           [](const Peer& a, const Peer& b) { return a.context < b.context; });
      for (auto peer = begin; peer != end; ++peer) {
        authors[peer->turn->turn.agent].push_back(*peer);
      }
    }
    for (const auto& [author, peers] : authors) {
      if (peers.size() > 1) visit(peers);
    }
  }

  const absl::Span<const PeerEpisode> episodes_;
  std::vector<std::vector<Peer>> peers_;  // of each episode, by context
};

double ProbabilityOfGap(double gap, const Peer& chosen, const Peer& rejected) {
  const double error = std::hypot(chosen.turn->std_error, rejected.turn->std_error);
  return error == 0 ? 1 : 0.5 * std::erfc(-gap / (error * std::sqrt(2.0)));
}

Gap MakeGap(double gap, const Peer& chosen, const Peer& rejected) {
  Pair pair{.kind = PairKind::kPeer,
            .context_episode = chosen.episode,
            .context_length = chosen.context,
            .chosen = PairSide{chosen.episode, chosen.index, chosen.index + 1},
            .rejected = PairSide{rejected.episode, rejected.index, rejected.index + 1},
            .weight = ProbabilityOfGap(gap, chosen, rejected)};
  return {gap, std::move(pair)};
}

void Compare(const std::vector<Peer>& peers, double range, double margin, std::vector<Gap>* gaps) {
  double most = peers.front().value();
  for (const Peer& peer : peers) most = std::max(most, peer.value());
  std::vector<const Peer*> best;
  for (const Peer& peer : peers) {
    if (peer.value() >= most - kTie * range) best.push_back(&peer);
  }
  size_t turn = 0;
  for (const Peer& peer : peers) {
    if (!(most - peer.value() > std::max(margin, kTie * range))) continue;
    const Peer& chosen = *best[turn++ % best.size()];
    const double gap = chosen.value() - peer.value();
    if (chosen.turn->turn.content == peer.turn->turn.content) continue;
    if (gap > std::max(margin, kZero * range)) gaps->push_back(MakeGap(gap, chosen, peer));
  }
}

}  // namespace

std::vector<int> ReadLengths(const PeerEpisode& episode) {
  const int count = static_cast<int>(episode.turns.size());
  // Of turns without a round nobody is sure to have missed one: they do not count.
  std::vector<HighestRounds> before(count + 1);
  std::vector<int> lowest_behind(count + 1, INT_MAX);
  for (int t = 0; t < count; ++t) {
    before[t + 1] = before[t];
    if (!IsContext(episode, t) && RoundOf(episode, t) > 0) {
      before[t + 1].Add(episode.turns[t].turn.agent, RoundOf(episode, t));
    }
  }
  for (int t = count - 1; t >= 0; --t) {
    const bool counts = !IsContext(episode, t) && RoundOf(episode, t) > 0;
    lowest_behind[t] =
        counts ? std::min(lowest_behind[t + 1], RoundOf(episode, t)) : lowest_behind[t + 1];
  }
  std::vector<int> lengths(count, -1);
  for (int t = 0; t < count; ++t) {
    if (IsContext(episode, t)) continue;
    int length = t;
    while (length > 0 && !HadRead(episode, t, length - 1)) --length;
    const int round = RoundOf(episode, t);
    const bool all_read =
        round == 0 || before[length].OfOthers(episode.turns[t].turn.agent) < round;
    const bool read_later = round > 0 && lowest_behind[t] < round;
    if (all_read && !read_later) lengths[t] = length;
  }
  return lengths;
}

std::vector<Pair> PeerPairs(absl::Span<const PeerEpisode> episodes, double low, double high,
                            const PairOptions& options) {
  if (!options.Wants(PairKind::kPeer)) return {};
  std::vector<Gap> gaps;
  Places(episodes).ForEach(
      [&](const std::vector<Peer>& peers) { Compare(peers, high - low, options.margin, &gaps); });
  std::sort(gaps.begin(), gaps.end(), [](const Gap& a, const Gap& b) {
    const auto key = [](const Gap& g) {
      return std::tuple(-g.size, g.pair.chosen->episode, g.pair.rejected->episode,
                        g.pair.chosen->begin, g.pair.rejected->begin);
    };
    return key(a) < key(b);
  });
  std::vector<Pair> pairs;
  const size_t kept = std::min(gaps.size(), static_cast<size_t>(options.max_pairs));
  pairs.reserve(kept);
  for (size_t k = 0; k < kept; ++k) pairs.push_back(std::move(gaps[k].pair));
  return pairs;
}

}  // namespace assay::blame
