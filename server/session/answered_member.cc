#include "server/session/answered_member.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/base/sha256.h"
#include "server/wire/authors.h"
#include "server/wire/questions/digest.h"

namespace assay::service {
namespace {

// Nodes of maps and headers of strings and vectors, roughly.
constexpr int64_t kMemberOverhead = 512;
constexpr int64_t kAgentOverhead = 64;

}  // namespace

Transcript::Transcript(const v1::Episode& episode)
    : task(MessageDigest(episode.task())), parallel(episode.group().parallel()) {
  for (const v1::Agent& agent : episode.agents()) agents.push_back(agent.id());
  const std::vector<int> authors = Authors(episode);
  turns.reserve(episode.messages_size());
  for (int t = 0; t < episode.messages_size(); ++t) {
    const v1::Message& message = episode.messages(t);
    Turn& turn = turns.emplace_back();
    turn.agent = authors[t];
    turn.round = message.round();
    const std::string digest = Sha256(message.content());
    std::copy_n(digest.begin(), turn.digest.size(), turn.digest.begin());
  }
}

AnsweredMember::AnsweredMember(const v1::EpisodeSignals& signals,
                               std::optional<Transcript> transcript)
    : value_(signals.grand_value()),
      episode_sha256_(signals.audit().episode_sha256()),
      transcript_(std::move(transcript)) {
  numbers_.id = signals.episode_id();
  numbers_.score = signals.score();
  numbers_.parallel = signals.parallel();
  numbers_.owen_values = signals.owen_values();
  absl::flat_hash_map<absl::string_view, int> index;
  numbers_.agents.reserve(signals.agents_size());
  for (const v1::AgentCredit& wire : signals.agents()) {
    index.emplace(wire.agent_id(), static_cast<int>(numbers_.agents.size()));
    signals::MemberAgent& agent = numbers_.agents.emplace_back();
    agent.id = wire.agent_id();
    agent.policy = wire.policy().empty() ? wire.agent_id() : wire.policy();
    agent.credit = wire.credit();
    agent.std_error = wire.std_error();
    if (wire.has_value_without()) agent.value_without = wire.value_without();
  }
  numbers_.messages.reserve(signals.messages_size());
  for (const v1::MessageSignal& wire : signals.messages()) {
    signals::MemberMessage& message = numbers_.messages.emplace_back();
    message.index = wire.index();
    message.agent = index.at(wire.agent_id());
    if (wire.has_credit()) message.credit = wire.credit();
    if (wire.has_value_change()) message.value_change = wire.value_change();
    message.value_change_variance = wire.value_change_variance();
    if (wire.has_process_score()) message.process_score = wire.process_score();
  }
}

int64_t AnsweredMember::BytesFor(const v1::Episode& episode) {
  int64_t bytes = kMemberOverhead + 2 * static_cast<int64_t>(episode.id().size());
  for (const v1::Agent& agent : episode.agents()) {
    bytes += static_cast<int64_t>(sizeof(signals::MemberAgent)) + kAgentOverhead +
             static_cast<int64_t>(agent.id().size() +
                                  std::max(agent.id().size(), agent.policy().size()));
  }
  return 2 * bytes + episode.messages_size() * static_cast<int64_t>(sizeof(signals::MemberMessage) +
                                                                    sizeof(Transcript::Turn));
}

}  // namespace assay::service
