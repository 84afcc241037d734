#include "server/recombination/schedule.h"

#include <array>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace assay::recombination {
namespace {

using signals::Episode;
using signals::Message;

constexpr int kNobody = -1;

// Of all messages seen so far the one that an order puts first, and the first one of another agent:
// whoever asks, one of the two is by somebody else.
class Earliest {
 public:
  template <class Before>
  void Add(const Episode& episode, int t, Before before) {
    const int agent = episode.messages[t].agent;
    const auto agent_of = [&](int at) { return episode.messages[at].agent; };
    if (first_[0] == kNobody || before(t, first_[0])) {
      if (first_[0] != kNobody && agent_of(first_[0]) != agent) first_[1] = first_[0];
      first_[0] = t;
    } else if (agent_of(first_[0]) != agent && (first_[1] == kNobody || before(t, first_[1]))) {
      first_[1] = t;
    }
  }
  int NotBy(const Episode& episode, int agent) const {
    if (first_[0] != kNobody && episode.messages[first_[0]].agent != agent) return first_[0];
    return first_[1];
  }

 private:
  std::array<int, 2> first_ = {kNobody, kNobody};
};

std::string Name(const Episode& episode, int t) {
  const Message& message = episode.messages[t];
  return absl::StrCat(
      "messages[", t, "] (agent \"", episode.agents[message.agent].id, "\", ",
      message.round == 0 ? std::string("no round") : absl::StrCat("round ", message.round), ")");
}

absl::Status HadRead(const Episode& episode, int reader, int read) {
  const bool by_round = episode.messages[reader].round > 0 && episode.messages[read].round > 0;
  return absl::FailedPreconditionError(
      absl::StrCat("episode \"", episode.id, "\": ", Name(episode, reader),
                   by_round ? " had read " : " may have read ", Name(episode, read),
                   by_round ? "" : "; Message.round or Group.parallel can say that it had not"));
}

}  // namespace

absl::Status CheckParallel(const Episode& episode, Part part) {
  Earliest by_round;     // of all messages with a round
  Earliest by_position;  // of the messages before the one that is looked at
  Earliest unknown;      // likewise, those without a round
  const int count = static_cast<int>(episode.messages.size());
  for (int t = 0; t < count; ++t) {
    const Message& message = episode.messages[t];
    if (message.agent == signals::kContext || message.round == 0) continue;
    by_round.Add(episode, t, [&](int a, int b) {
      return episode.messages[a].round < episode.messages[b].round;
    });
  }
  std::vector<bool> spoke(episode.agents.size());
  for (int t = 0; t < count; ++t) {
    const Message& message = episode.messages[t];
    if (message.agent == signals::kContext) continue;
    if (part == Part::kAllMessages || !spoke[message.agent]) {
      const Earliest& before = message.round == 0 ? by_position : unknown;
      int read = before.NotBy(episode, message.agent);
      if (read == kNobody && message.round > 0) {
        const int lowest = by_round.NotBy(episode, message.agent);
        if (lowest != kNobody && episode.messages[lowest].round < message.round) read = lowest;
      }
      if (read != kNobody) return HadRead(episode, t, read);
    }
    spoke[message.agent] = true;
    const auto never = [](int, int) { return false; };
    by_position.Add(episode, t, never);
    if (message.round == 0) unknown.Add(episode, t, never);
  }
  return absl::OkStatus();
}

absl::Status CheckSameAgents(absl::Span<const Episode* const> episodes) {
  for (const Episode* episode : episodes) {
    const Episode& first = *episodes.front();
    bool same = episode->agents.size() == first.agents.size();
    for (size_t i = 0; same && i < first.agents.size(); ++i) {
      same = episode->agents[i].id == first.agents[i].id;
    }
    if (!same) {
      return absl::FailedPreconditionError(
          absl::StrCat("episodes \"", first.id, "\" and \"", episode->id,
                       "\" do not have the same agents in the same order"));
    }
  }
  return absl::OkStatus();
}

}  // namespace assay::recombination
