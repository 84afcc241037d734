#include "client/command/step_summary.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/sha256.h"

namespace assay::command {
namespace {

constexpr int kPositions = 16;
constexpr size_t kMaxTasks = 10'000;
constexpr size_t kMaxDigits = 12;
// Bounds of the classes of conservation errors; the last class holds all others.
constexpr double kConservation[] = {0, 1e-15, 1e-12, 1e-9};

// The same in whichever order the values came.
double Sum(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  long double sum = 0;
  for (const double value : values) sum += value;
  return static_cast<double>(sum);
}

// "FIRST_ERROR" of LABEL_FIRST_ERROR; `other` of a value that this program does not know.
std::string Short(absl::string_view name, absl::string_view prefix, absl::string_view other) {
  return std::string(absl::ConsumePrefix(&name, prefix) ? name : other);
}

// Nobody was asked what other teams would have got.
bool OnlyOutcome(const v1::EpisodeSignals& signals) {
  return signals.effort().evaluator() == "outcome";
}

// What makes two episodes of different runs episodes of one task: its id, else its prompt.
std::string TaskKey(const v1::Episode& episode) {
  const v1::Task& task = episode.task();
  if (!task.id().empty() && task.id() != episode.id()) return task.id();
  if (!task.prompt().empty()) {
    return absl::StrCat("prompt ", absl::BytesToHexString(Sha256(task.prompt())).substr(0, 16));
  }
  return episode.group().id().empty() ? episode.id() : episode.group().id();
}

// The role, or the id where the agent has none.
const std::string& RoleOf(const std::map<std::string, std::string>& roles, const std::string& id) {
  const auto found = roles.find(id);
  return found == roles.end() ? id : found->second;
}

}  // namespace

void Numbers::Add(double value) {
  if (std::isfinite(value)) values_.push_back(value);
}

std::optional<double> Numbers::Mean() const {
  if (values_.empty()) return std::nullopt;
  return Sum(values_) / static_cast<double>(values_.size());
}

std::optional<double> Numbers::Spread() const {
  const std::optional<double> mean = Mean();
  if (!mean.has_value()) return std::nullopt;
  std::vector<double> squares;
  squares.reserve(values_.size());
  for (const double value : values_) squares.push_back((value - *mean) * (value - *mean));
  return std::sqrt(Sum(squares) / static_cast<double>(values_.size()));
}

std::optional<int64_t> StepOfName(absl::string_view name) {
  const size_t slash = name.find_last_of("/\\:");
  if (slash != absl::string_view::npos) name.remove_prefix(slash + 1);
  const std::string stem = absl::AsciiStrToLower(name.substr(0, name.find('.')));
  std::string digits, behind;  // the last number, and the first one behind "step"
  for (size_t begin = 0; begin < stem.size();) {
    const size_t length =
        static_cast<size_t>(std::find_if_not(stem.begin() + static_cast<ptrdiff_t>(begin),
                                             stem.end(),
                                             [](char c) { return absl::ascii_isdigit(c); }) -
                            stem.begin()) -
        begin;
    if (length == 0) {
      ++begin;
      continue;
    }
    digits = stem.substr(begin, length);
    absl::string_view before = absl::string_view(stem).substr(0, begin);
    if (!before.empty() && absl::StrContains("-_ ", before.substr(before.size() - 1))) {
      before.remove_suffix(1);
    }
    if (behind.empty() && absl::EndsWith(before, "step")) behind = digits;
    begin += length;
  }
  if (!behind.empty()) digits = behind;
  int64_t step = 0;
  if (digits.size() > kMaxDigits || !absl::SimpleAtoi(digits, &step)) return std::nullopt;
  return step;
}

void StepSummary::Expect(const v1::Episode& episode) {
  Known known{{}, TaskKey(episode)};
  for (const v1::Agent& agent : episode.agents()) {
    if (!agent.role().empty()) known.roles.emplace(agent.id(), agent.role());
  }
  known_.insert_or_assign(episode.id(), std::move(known));
}

void StepSummary::Add(const v1::EpisodeResult& result) {
  std::optional<Known> known;
  if (auto found = known_.extract(result.episode_id())) known = std::move(found.mapped());
  ++episodes_;
  if (result.has_signals()) {
    AddSignals(result.signals(), known);
  } else {
    ++failed_;
  }
}

void StepSummary::AddSignals(const v1::EpisodeSignals& signals, const std::optional<Known>& known) {
  Roles roles;
  for (const v1::AgentCredit& agent : signals.agents()) {
    roles[agent.agent_id()] =
        known.has_value() ? RoleOf(known->roles, agent.agent_id()) : agent.agent_id();
  }
  successes_ += signals.success() ? 1 : 0;
  numbers_["score"].Add(signals.score());
  if (!OnlyOutcome(signals)) {
    ++valued_;
    mismatched_ += signals.outcome_mismatch() ? 1 : 0;
    numbers_["team_value"].Add(signals.grand_value());
    numbers_["unexplained"].Add(signals.outcome_mismatch() ? std::abs(signals.unexplained()) : 0);
  }
  const std::string task = known.has_value() ? known->task : signals.group().id();
  if (!task.empty() && (tasks_.contains(task) || tasks_.size() < kMaxTasks)) {
    ++tasks_[task].first;
    tasks_[task].second += signals.score();
  }
  AddAgents(signals, roles);
  AddMessages(signals, roles);
  AddFirstError(signals, roles);
  AddEffort(signals);
  for (const v1::Interaction& pair : signals.interactions()) {
    const auto [a, b] = std::minmax(RoleOf(roles, pair.agent_a()), RoleOf(roles, pair.agent_b()));
    auto& [total, count] = synergy_[{a, b}];
    total += pair.index();
    ++count;
  }
}

void StepSummary::AddAgents(const v1::EpisodeSignals& signals, const Roles& roles) {
  const bool shared = OnlyOutcome(signals);
  for (const v1::AgentCredit& agent : signals.agents()) {
    RoleSummary& role = roles_[RoleOf(roles, agent.agent_id())];
    ++role.episodes;
    if (shared) {
      role.share.Add(agent.reward_total());
    } else {
      role.credit.Add(agent.credit());
      numbers_["interval_width"].Add(agent.high() - agent.low());
    }
  }
}

void StepSummary::AddMessages(const v1::EpisodeSignals& signals, const Roles& roles) {
  messages_ += signals.messages_size();
  std::map<int, std::string> authors;
  for (const v1::MessageSignal& message : signals.messages()) {
    const std::string& name = RoleOf(roles, message.agent_id());
    RoleSummary& role = roles_[name];
    ++role.messages;
    role.repeats.Add(message.redundancy());
    numbers_["redundancy"].Add(message.redundancy());
    ++labels_[Short(v1::Label_Name(message.label()), "LABEL_", "UNSPECIFIED")];
    if (message.grade() != v1::ANSWER_GRADE_UNSPECIFIED) {
      const int right = message.grade() == v1::ANSWER_GRADE_RIGHT ? 1 : 0;
      ++role.graded, ++graded_;
      role.right += right, right_ += right;
    }
    authors[message.index()] = name;
  }
  if (signals.has_group()) authors_.insert_or_assign(signals.episode_id(), std::move(authors));
}

void StepSummary::AddFirstError(const v1::EpisodeSignals& signals, const Roles& roles) {
  const v1::FirstError& first = signals.first_error();
  if (!signals.success()) {
    ++tiers_[Short(v1::EvidenceTier_Name(first.tier()), "EVIDENCE_TIER_", "UNSPECIFIED")];
  }
  if (!first.has_first_index()) return;
  ++claimed_;
  for (const v1::MessageSignal& message : signals.messages()) {
    if (message.index() != first.first_index()) continue;
    RoleSummary& role = roles_[RoleOf(roles, message.agent_id())];
    ++role.first_errors;
    const size_t position = static_cast<size_t>(std::min(message.index(), kPositions - 1));
    if (role.positions.size() <= position) role.positions.resize(position + 1);
    ++role.positions[position];
  }
}

void StepSummary::AddEffort(const v1::EpisodeSignals& signals) {
  const v1::AttributionOptions& options = signals.audit().options();
  const double range =
      options.has_value_range() ? options.value_range().high() - options.value_range().low() : 1;
  const double error = signals.conservation().error() / range;
  worst_ = std::max(worst_, std::isfinite(error) ? error : std::numeric_limits<double>::max());
  const auto bound = std::find_if(std::begin(kConservation), std::end(kConservation),
                                  [error](double at_most) { return error <= at_most; });
  ++conservation_[static_cast<size_t>(bound - std::begin(kConservation))];
  const v1::Effort& effort = signals.effort();
  questions_ += effort.questions();
  numbers_["questions"].Add(effort.questions());
  numbers_["samples"].Add(effort.samples());
  const std::string method = effort.method() == v1::METHOD_UNSPECIFIED
                                 ? ""
                                 : Short(v1::Method_Name(effort.method()), "METHOD_", "");
  Budget& budget = budget_[{effort.evaluator(), method}];
  ++budget.episodes;
  budget.questions += effort.questions();
  budget.most = std::max<int64_t>(budget.most, effort.questions());
}

void StepSummary::Add(const v1::GroupResult& result) {
  ++groups_;
  if (!result.has_signals()) {
    ++groups_failed_;
    return;
  }
  const v1::GroupSignals& group = result.signals();
  numbers_["task_spread"].Add(group.std_score());
  numbers_["credit_weight"].Add(group.weight());
  if (group.credit_part() != v1::CREDIT_PART_NONE) numbers_["reliability"].Add(group.reliability());
  for (const v1::EpisodeAdvantages& member : group.episodes()) {
    const auto authors = authors_.extract(member.episode_id());
    for (const v1::MessageAdvantage& message : member.messages()) {
      numbers_["advantage"].Add(message.advantage());
      if (authors.empty()) continue;
      const auto author = authors.mapped().find(message.index());
      if (author != authors.mapped().end()) {
        roles_[author->second].advantage.Add(message.advantage());
      }
    }
  }
}

}  // namespace assay::command
