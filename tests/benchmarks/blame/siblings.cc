// Sibling pairs over tau-bench: the four trials of a task are a group. Prints counts, and with an
// argument N the first N pairs to be read.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "server/blame/pairs/pairs.h"
#include "tests/simulation/blame/shared_data.h"

namespace assay::blame {
namespace {

struct Trial {
  std::string id, task;
  double score = 0;
  std::vector<std::pair<std::string, std::string>> messages;  // agent ("" for context), content
};

std::map<int, std::vector<Trial>> ReadTrials() {
  std::map<int, std::vector<Trial>> groups;
  for (const auto& json : ReadShared("taubench_airline_gpt4o.jsonl.gz")) {
    Trial trial;
    trial.id = json.fields().at("id").string_value();
    trial.task = json.fields().at("task").string_value();
    trial.score = json.fields().at("outcome").number_value();
    for (const auto& message : json.fields().at("messages").list_value().values()) {
      const auto& fields = message.struct_value().fields();
      const std::string agent = fields.at("agent").string_value();
      trial.messages.push_back(
          {agent == "assistant" ? agent : "", fields.at("content").string_value()});
    }
    const auto& extra = json.fields().at("extra").struct_value().fields();
    groups[static_cast<int>(extra.at("task_id").number_value())].push_back(std::move(trial));
  }
  return groups;
}

std::vector<GroupEpisode> AsGroup(const std::vector<Trial>& trials) {
  std::vector<GroupEpisode> group;
  for (const Trial& trial : trials) {
    GroupEpisode episode{.task = trial.task, .score = trial.score, .turns = {}};
    for (const auto& [agent, content] : trial.messages) episode.turns.push_back({agent, content});
    group.push_back(std::move(episode));
  }
  return group;
}

std::string Shown(const std::string& text) {
  std::string out = text.substr(0, 600);
  std::replace(out.begin(), out.end(), '\n', ' ');
  return out;
}

void Show(const std::vector<Trial>& trials, const Pair& pair) {
  const Trial& good = trials[pair.chosen->episode];
  const Trial& bad = trials[pair.rejected->episode];
  std::printf("\n%s (%.0f) over %s (%.0f), context of %d messages, weight %.2f\n", good.id.c_str(),
              good.score, bad.id.c_str(), bad.score, pair.context_length, pair.weight);
  std::printf("  task     %s\n", Shown(good.task).c_str());
  if (pair.context_length > 0) {
    std::printf("  before   %s\n", Shown(good.messages[pair.context_length - 1].second).c_str());
  }
  std::printf("  chosen   %s\n", Shown(good.messages[pair.chosen->begin].second).c_str());
  std::printf("  rejected %s\n", Shown(bad.messages[pair.rejected->begin].second).c_str());
}

int Main(int shown) {
  const auto groups = ReadTrials();
  if (groups.empty()) {
    std::printf("skipped: no shared data\n");
    return 0;
  }
  std::map<PairKind, int> count;
  int mixed = 0, with_sibling = 0;
  for (const auto& [task, trials] : groups) {
    bool has_sibling = false, success = false, failure = false;
    for (const Trial& trial : trials) (trial.score > 0.5 ? success : failure) = true;
    mixed += success && failure;
    for (const Pair& pair : GroupPairs(AsGroup(trials), 0, 1, {})) {
      ++count[pair.kind];
      if (pair.kind != PairKind::kSibling) continue;
      has_sibling = true;
      if (shown-- > 0) Show(trials, pair);
    }
    with_sibling += has_sibling;
  }
  std::printf("siblings_groups %zu groups, %d with different outcomes, %d with a sibling pair\n",
              groups.size(), mixed, with_sibling);
  std::printf("siblings_pairs %d pairs\n", count[PairKind::kSibling]);
  std::printf("suffix_pairs %d pairs\n", count[PairKind::kSuffix]);
  std::printf("trajectory_pairs %d pairs\n", count[PairKind::kTrajectory]);
  return 0;
}

}  // namespace
}  // namespace assay::blame

int main(int argc, char** argv) { return assay::blame::Main(argc > 1 ? std::atoi(argv[1]) : 0); }
