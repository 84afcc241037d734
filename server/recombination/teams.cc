#include "server/recombination/teams.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/string_view.h"
#include "server/signals/counterfactual.h"

namespace assay::recombination {
namespace {

using Written = std::vector<std::pair<absl::string_view, std::optional<absl::string_view>>>;

std::vector<Written> WrittenBy(const signals::Episode& episode) {
  std::vector<Written> written(episode.agents.size());
  for (const signals::Message& message : episode.messages) {
    if (message.agent == signals::kContext) continue;
    written[message.agent].emplace_back(message.content, message.answer);
  }
  return written;
}

}  // namespace

Teams::Teams(absl::Span<const signals::Episode* const> episodes)
    : members_(static_cast<int>(episodes.size())),
      agents_(episodes.empty() ? 0 : static_cast<int>(episodes.front()->agents.size())) {
  std::vector<std::map<Written, int32_t>> known(agents_);
  classes_.reserve(static_cast<size_t>(members_) * agents_);
  for (const signals::Episode* episode : episodes) {
    std::vector<Written> written = WrittenBy(*episode);
    for (int i = 0; i < agents_; ++i) {
      if (written[i].empty()) {
        classes_.push_back(kSilent);
        continue;
      }
      const auto next = static_cast<int32_t>(known[i].size());
      classes_.push_back(known[i].try_emplace(std::move(written[i]), next).first->second);
    }
  }
}

std::string Teams::Key(int base, int agent, int from) const {
  // A group has at most 1,024 episodes: two bytes a class.
  std::string key;
  key.reserve(2 * static_cast<size_t>(agents_));
  for (int i = 0; i < agents_; ++i) {
    const auto number = static_cast<uint16_t>(class_of(i == agent ? from : base, i));
    key.push_back(static_cast<char>(number & 0xff));
    key.push_back(static_cast<char>(number >> 8));
  }
  return key;
}

std::vector<int32_t> Teams::Named(int base, int agent, int from) const {
  std::vector<int32_t> team(agents_);
  for (int i = 0; i < agents_; ++i) {
    const int member = i == agent ? from : base;
    team[i] = class_of(member, i) == kSilent ? signals::kAbsent : member;
  }
  return team;
}

}  // namespace assay::recombination
