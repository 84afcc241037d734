#include "server/wire/authors.h"

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
  const std::vector<int> authors = Authors(episode);
  for (int t = 0; t < episode.messages_size(); ++t) {
    if (authors[t] != signals::kContext && episode.messages(t).has_answer()) return true;
  }
  return false;
}

}  // namespace assay::service
