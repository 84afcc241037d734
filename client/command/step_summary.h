// One training step in a few kilobytes: what `signals --summary` writes and `assay-rl report`
// reads.
#ifndef ASSAY_CLIENT_COMMAND_STEP_SUMMARY_H_
#define ASSAY_CLIENT_COMMAND_STEP_SUMMARY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "assay/v1/episode.pb.h"
#include "assay/v1/signal_service.pb.h"

namespace assay::command {

// Values of one kind.
class Numbers {
 public:
  // Numbers that are not finite are left out.
  void Add(double value);

  const std::vector<double>& values() const { return values_; }
  std::optional<double> Mean() const;
  // Standard deviation of these values.
  std::optional<double> Spread() const;

 private:
  std::vector<double> values_;
};

// What a step says of the agents of one role.
struct RoleSummary {
  int64_t episodes = 0;
  int64_t messages = 0;
  Numbers credit, share, repeats, advantage;
  int64_t first_errors = 0;
  std::vector<int64_t> positions;  // first errors by message; the last one holds all later ones
  int64_t graded = 0;
  int64_t right = 0;
};

// The step that the name of a file tells: the number behind "step", else the last one before the
// endings of the name; nothing where there is none of at most 12 digits.
std::optional<int64_t> StepOfName(absl::string_view name);

// Filled with the results of a step in any order, each episode's own facts before its result. What
// rests on counterfactual questions (credit) and what only shares out an outcome (share) are kept
// apart; where nothing was known there is null, never 0.
class StepSummary {
 public:
  explicit StepSummary(std::optional<int64_t> step) : step_(step) {}

  // An episode whose result will come: its roles and its task.
  void Expect(const v1::Episode& episode);
  void Add(const v1::EpisodeResult& result);
  void Add(const v1::GroupResult& result);

  // One line of JSON, without the end of line.
  std::string ToJson() const;

  // Writes the file whole or not at all, and the folders that it stands in. UNKNOWN: the reason.
  absl::Status Write(const std::string& path) const;

 private:
  // What the signals do not say of an episode.
  struct Known {
    std::map<std::string, std::string> roles;
    std::string task;
  };
  struct Budget {
    int64_t episodes = 0;
    int64_t questions = 0;
    int64_t most = 0;
  };
  using Roles = std::map<std::string, std::string>;  // of an episode's agents, by id

  void AddSignals(const v1::EpisodeSignals& signals, const std::optional<Known>& known);
  void AddAgents(const v1::EpisodeSignals& signals, const Roles& roles);
  void AddMessages(const v1::EpisodeSignals& signals, const Roles& roles);
  void AddFirstError(const v1::EpisodeSignals& signals, const Roles& roles);
  void AddEffort(const v1::EpisodeSignals& signals);

  const std::optional<int64_t> step_;
  int64_t episodes_ = 0, failed_ = 0, successes_ = 0, claimed_ = 0, messages_ = 0;
  int64_t graded_ = 0, right_ = 0, groups_ = 0, groups_failed_ = 0, questions_ = 0;
  int64_t valued_ = 0, mismatched_ = 0;
  std::map<std::string, Numbers> numbers_;
  std::map<std::string, int64_t> labels_, tiers_;
  std::vector<int64_t> conservation_ = std::vector<int64_t>(5);
  double worst_ = 0;
  std::map<std::string, RoleSummary> roles_;
  std::map<std::pair<std::string, std::string>, std::pair<double, int64_t>> synergy_;
  std::map<std::pair<std::string, std::string>, Budget> budget_;  // by evaluator and method
  std::map<std::string, std::pair<int64_t, double>> tasks_;
  absl::flat_hash_map<std::string, Known> known_;
  // Of episodes in groups, until their group comes: the role of each message's author.
  absl::flat_hash_map<std::string, std::map<int, std::string>> authors_;
};

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_STEP_SUMMARY_H_
