#include "server/session/group_pairs.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "server/blame/pairs/pairs.h"
#include "server/blame/pairs/peers.h"
#include "server/signals/findings.h"
#include "server/wire/convert.h"

namespace assay::service {
namespace {

using recombination::Recombined;

// Of an agent's credit in what one of its messages is worth beside its recombined value: it tells
// apart what every team of the group makes up for.
constexpr double kCreditShare = 0.25;

blame::GroupTurn ToTurn(const Transcript& transcript, const Transcript::Turn& turn) {
  const absl::string_view agent =
      turn.agent < 0 ? absl::string_view() : absl::string_view(transcript.agents[turn.agent]);
  return {agent, absl::string_view(turn.digest.data(), turn.digest.size())};
}

blame::GroupEpisode ToGroupEpisode(const AnsweredMember& member) {
  const Transcript& transcript = *member.transcript();
  blame::GroupEpisode episode;
  episode.task = transcript.task;
  episode.score = member.numbers().score;
  episode.turns.reserve(transcript.turns.size());
  for (const Transcript::Turn& turn : transcript.turns) {
    episode.turns.push_back(ToTurn(transcript, turn));
  }
  return episode;
}

// What the messages of one member are worth.
class Worth {
 public:
  // `values` and `std_errors`: one an agent, of this member; empty: not recombined.
  Worth(const signals::GroupMember& member, absl::Span<const double> values,
        absl::Span<const double> std_errors, recombination::Part part)
      : member_(member), values_(values), std_errors_(std_errors), part_(part) {
    messages_of_.resize(member.agents.size());
    for (const signals::MemberMessage& message : member.messages) ++messages_of_[message.agent];
    spoke_.resize(member.agents.size());
  }

  // Message by message, in order.
  void Set(const signals::MemberMessage& message, blame::PeerTurn* turn) {
    const signals::MemberAgent& agent = member_.agents[message.agent];
    const bool counts = part_ == recombination::Part::kAllMessages || !spoke_[message.agent];
    spoke_[message.agent] = true;
    if (!values_.empty() && counts && !std::isnan(values_[message.agent])) {
      const double credit = message.credit.has_value() ? kCreditShare : 0;
      turn->value = values_[message.agent] + credit * agent.credit;
      turn->std_error = std::hypot(std_errors_[message.agent], credit * agent.std_error);
    } else if (message.credit.has_value()) {
      turn->value = *message.credit;
      const bool shared = !member_.owen_values;
      turn->std_error = agent.std_error / (shared ? messages_of_[message.agent] : 1);
    }
  }

 private:
  const signals::GroupMember& member_;
  const absl::Span<const double> values_;
  const absl::Span<const double> std_errors_;
  const recombination::Part part_;
  std::vector<int> messages_of_;
  std::vector<bool> spoke_;
};

blame::PeerEpisode ToPeerEpisode(const AnsweredMember& member, Worth worth) {
  const Transcript& transcript = *member.transcript();
  blame::PeerEpisode episode;
  episode.task = transcript.task;
  episode.parallel = transcript.parallel;
  episode.turns.reserve(transcript.turns.size());
  for (const Transcript::Turn& turn : transcript.turns) {
    episode.turns.push_back({ToTurn(transcript, turn), turn.round, std::nullopt, 0});
  }
  for (const signals::MemberMessage& message : member.numbers().messages) {
    worth.Set(message, &episode.turns[message.index]);
  }
  return episode;
}

std::vector<blame::PeerEpisode> PeerEpisodes(const GroupWork& work, const Recombined* recombined) {
  std::vector<blame::PeerEpisode> episodes;
  size_t m = 0;
  for (const auto& [id, member] : work.members) {
    absl::Span<const double> values, std_errors;
    auto part = recombination::Part::kAllMessages;
    if (recombined != nullptr) {
      const size_t agents = recombined->agents;
      values = absl::MakeConstSpan(recombined->values).subspan(m * agents, agents);
      std_errors = absl::MakeConstSpan(recombined->std_errors).subspan(m * agents, agents);
      part = PartOf(*work.options, *work.evaluator);
    }
    ++m;
    if (!member.transcript().has_value()) continue;
    episodes.push_back(ToPeerEpisode(member, Worth(member.numbers(), values, std_errors, part)));
  }
  return episodes;
}

}  // namespace

bool WantsPairs(const signals::Options& options) {
  const blame::PairOptions pairs = signals::BlamePairOptions(options);
  const auto kinds = {blame::PairKind::kSibling, blame::PairKind::kSuffix,
                      blame::PairKind::kTrajectory, blame::PairKind::kPeer};
  return std::any_of(kinds.begin(), kinds.end(),
                     [&pairs](blame::PairKind kind) { return pairs.Wants(kind); });
}

void AddPairs(const GroupWork& work, const Recombined* recombined, v1::GroupSignals* wire) {
  const signals::Options& options = *work.options->options;
  const blame::PairOptions wanted = signals::BlamePairOptions(options);
  std::vector<blame::GroupEpisode> episodes;
  std::vector<const std::string*> ids;
  for (const auto& [id, member] : work.members) {
    if (!member.transcript().has_value()) continue;
    episodes.push_back(ToGroupEpisode(member));
    ids.push_back(&id);
  }
  if (episodes.size() < 2) return;
  const double low = options.range.low;
  const double high = options.range.high;
  const auto add = [&](const std::vector<blame::Pair>& pairs) {
    for (const blame::Pair& pair : pairs) {
      PairToWire(
          pair, [&ids](int episode) -> const std::string& { return *ids[episode]; },
          wire->add_pairs());
    }
  };
  add(blame::GroupPairs(episodes, low, high, wanted));
  if (wanted.Wants(blame::PairKind::kPeer)) {
    add(blame::PeerPairs(PeerEpisodes(work, recombined), low, high, wanted));
  }
}

}  // namespace assay::service
