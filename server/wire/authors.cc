#include "server/wire/authors.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/signals/episode.h"

namespace assay::service {

bool IsModel(const v1::Agent& agent) {
  return agent.kind() == v1::AGENT_KIND_UNSPECIFIED || agent.kind() == v1::AGENT_KIND_MODEL;
}

std::vector<int> Authors(const v1::Episode& episode) {
  absl::flat_hash_map<absl::string_view, int> models;
  models.reserve(episode.agents_size());
  for (int i = 0; i < episode.agents_size(); ++i) {
    if (IsModel(episode.agents(i))) models.emplace(episode.agents(i).id(), i);
  }
  std::vector<int> authors;
  authors.reserve(episode.messages_size());
  for (const v1::Message& message : episode.messages()) {
    const auto found = models.find(message.agent_id());
    authors.push_back(found == models.end() ? signals::kContext : found->second);
  }
  return authors;
}

bool AnyBallot(const v1::Episode& episode) {
  const auto is_models = [&episode](const v1::Message& message) {
    return std::any_of(episode.agents().begin(), episode.agents().end(),
                       [&message](const v1::Agent& agent) {
                         return IsModel(agent) && agent.id() == message.agent_id();
                       });
  };
  return std::any_of(
      episode.messages().begin(), episode.messages().end(),
      [&](const v1::Message& message) { return message.has_answer() && is_models(message); });
}

}  // namespace assay::service
