#include "server/signals/unions.h"

#include <cstddef>

#include "server/credit/owen.h"

namespace assay::signals {

Unions MakeUnions(const Episode& episode) {
  Unions unions;
  unions.union_of.reserve(episode.messages.size());
  absl::InlinedVector<int, 8> dense(episode.agents.size(), -1);
  for (const Message& m : episode.messages) {
    if (m.agent == kContext) continue;
    if (dense[m.agent] < 0) {
      dense[m.agent] = static_cast<int>(unions.sizes.size());
      unions.sizes.push_back(0);
      unions.agents.push_back(m.agent);
    }
    unions.union_of.push_back(dense[m.agent]);
    ++unions.sizes[dense[m.agent]];
  }
  return unions;
}

int64_t CountValues(QuestionKind kind, const Episode& episode) {
  if (kind == QuestionKind::kOwenSets) return credit::OwenQuestionCount(MakeUnions(episode).sizes);
  if (kind != QuestionKind::kAllCoalitions) return 1;
  const size_t agents = episode.agents.size();
  return agents < 63 ? int64_t{1} << agents : INT64_MAX;
}

}  // namespace assay::signals
