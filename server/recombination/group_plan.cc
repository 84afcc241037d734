#include "server/recombination/group_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/credit/random.h"

namespace assay::recombination {
namespace {

using signals::Answer;
using signals::Question;
using signals::QuestionKind;

// What the seed draws here has nothing to do with what it draws elsewhere.
constexpr uint64_t kSiblingsStage = 0x7465616d;

std::vector<const signals::Episode*> EpisodesOf(const std::vector<Member>& members) {
  std::vector<const signals::Episode*> episodes;
  episodes.reserve(members.size());
  for (const Member& member : members) episodes.push_back(member.episode);
  return episodes;
}

bool WantsAll(int members, const PlanOptions& options, const signals::EvaluatorTraits& traits) {
  return options.siblings == 0 ? traits.free : options.siblings >= members - 1;
}

absl::Status CheckValue(double value, const signals::ValueRange& range) {
  if (std::isfinite(value) && value >= range.low && value <= range.high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("answer: the value ", value, " is not in the value range"));
}

absl::Status CheckAnswer(const Answer& answer, const signals::ValueRange& range) {
  if (answer.samples < 1 || !(answer.variance >= 0) || !std::isfinite(answer.variance)) {
    return absl::InvalidArgumentError("answer: samples below 1 or a variance that is not >= 0");
  }
  return CheckValue(answer.mean, range);
}

}  // namespace

int SiblingsOf(int members, int agents, const PlanOptions& options,
               const signals::EvaluatorTraits& traits) {
  const bool all = WantsAll(members, options, traits);
  if (all && traits.Supports(QuestionKind::kAllTeams)) return members - 1;
  const int wanted =
      all ? members - 1
          : std::min(options.siblings == 0 ? kPaidSiblings : options.siblings, members - 1);
  const int budget = options.max_questions == 0 ? kMaxQuestions : options.max_questions;
  return std::min(wanted, budget / std::max(1, members * agents));
}

GroupPlan::GroupPlan(std::vector<Member> members, const PlanOptions& options,
                     const signals::EvaluatorTraits& traits)
    : members_(std::move(members)),
      options_(options),
      teams_(EpisodesOf(members_)),
      siblings_(SiblingsOf(teams_.members(), teams_.agents(), options, traits)),
      by_table_(siblings_ == teams_.members() - 1 && traits.Supports(QuestionKind::kAllTeams)) {
  result_.agents = teams_.agents();
  result_.siblings = siblings_;
  const size_t entries = static_cast<size_t>(teams_.members()) * teams_.agents();
  if (by_table_) {
    batch_.emplace_back().kind = QuestionKind::kAllTeams;
    return;
  }
  sums_.resize(entries);
  if (siblings_ == 0) return;
  for (int m = 0; m < teams_.members(); ++m) {
    known_.try_emplace(teams_.Key(m), Value{members_[m].value});
    for (int i = 0; i < teams_.agents(); ++i) {
      if (teams_.class_of(m, i) == Teams::kSilent) continue;
      Add({m * teams_.agents() + i, {members_[m].value}});
    }
  }
  FindSiblings();
  PlanBatch();
}

void GroupPlan::FindSiblings() {
  const int count = teams_.members();
  const std::vector<int> order =
      credit::Random(options_.seed, kSiblingsStage).Permutation(count, 0);
  std::vector<int> position(count);
  for (int p = 0; p < count; ++p) position[order[p]] = p;
  tried_in_.resize(count);
  for (int p = 0; p <= siblings_ && p < count; ++p) {
    for (int m = 0; m < count; ++m) {
      // The last one stands in for those that would be their own siblings.
      if (order[p] != m && (p < siblings_ || position[m] < siblings_)) {
        tried_in_[order[p]].push_back(m);
      }
    }
  }
}

// One base after the other, so that a batch names few episodes. A base is planned whole or in parts
// of a batch, by which of its members are left.
void GroupPlan::PlanBatch() {
  batch_.clear();
  batch_keys_.clear();
  while (next_base_ < teams_.members()) {
    std::vector<int>& members = tried_in_[next_base_];
    while (!members.empty()) {
      if (static_cast<int>(batch_.size()) >= kBatch) return;
      const int member = members.back();
      members.pop_back();
      for (int i = 0; i < teams_.agents(); ++i) Try(next_base_, i, member);
    }
    ++next_base_;
  }
}

void GroupPlan::Try(int base, int agent, int member) {
  if (teams_.class_of(member, agent) == Teams::kSilent) return;
  Trial trial{member * teams_.agents() + agent, {members_[base].value}};
  if (teams_.class_of(member, agent) != teams_.class_of(base, agent)) {
    const auto [known, is_new] = known_.try_emplace(teams_.Key(base, agent, member));
    if (is_new) {
      known->second.question = static_cast<int>(batch_.size());
      known->second.team = static_cast<int>(known_.size());
      Question& question = batch_.emplace_back();
      question.kind = QuestionKind::kTeam;
      question.samples = options_.samples;
      question.team = teams_.Named(base, agent, member);
      batch_keys_.push_back(known->first);
    }
    trial.value = known->second;
  }
  waiting_.push_back(trial);
}

// Welford's way: the mean and the squares about it in one pass.
void GroupPlan::Add(const Trial& trial) {
  Sums& sums = sums_[trial.entry];
  const double before = trial.value.mean - sums.mean;
  ++sums.count;
  sums.mean += before / sums.count;
  sums.deviations += before * (trial.value.mean - sums.mean);
  if (trial.value.variance <= 0) return;
  int& before_it = repeats_[{trial.entry, trial.value.team}];
  sums.noise += (2 * before_it + 1) * trial.value.variance;
  ++before_it;
}

void GroupPlan::Record(size_t question, const Answer& answer) {
  if (!options_.keep_questions) return;
  signals::AskedQuestion& asked = result_.asked.emplace_back();
  asked.question = batch_[question];
  asked.answer = answer;
  asked.answer.table = {};
  // Whole tables are exact: nothing rests on how often they were asked for.
  if (by_table_) asked.answer.samples = batch_[question].samples;
  asked.table.assign(answer.table.begin(), answer.table.end());
}

absl::Status GroupPlan::TellTable(const Answer& answer) {
  const size_t entries = static_cast<size_t>(teams_.members()) * teams_.agents();
  if (answer.table.size() != entries) {
    return absl::InvalidArgumentError(absl::StrCat("answer: a table of ", answer.table.size(),
                                                   " values where there are ", entries));
  }
  result_.values.resize(entries);
  result_.std_errors.resize(entries);
  for (size_t k = 0; k < entries; ++k) {
    if (absl::Status check = CheckValue(answer.table[k], options_.range); !check.ok()) return check;
    const int agents = teams_.agents();
    const auto at = static_cast<int>(k);
    const bool silent = teams_.class_of(at / agents, at % agents) == Teams::kSilent;
    result_.values[k] = silent ? std::numeric_limits<double>::quiet_NaN() : answer.table[k];
  }
  Record(0, answer);
  batch_.clear();
  return absl::OkStatus();
}

absl::Status GroupPlan::tell(absl::Span<const Answer> answers) {
  if (answers.size() != batch_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("answers: ", answers.size(), " answers to ", batch_.size(), " questions"));
  }
  if (by_table_) return TellTable(answers.front());
  for (size_t q = 0; q < answers.size(); ++q) {
    const Answer& answer = answers[q];
    if (absl::Status check = CheckAnswer(answer, options_.range); !check.ok()) return check;
    Value& value = known_[batch_keys_[q]];
    value = {answer.mean, answer.variance / answer.samples, -1, value.team};
    ++result_.questions;
    if (!answer.cached) result_.samples += answer.samples;
    Record(q, answer);
  }
  for (Trial& trial : waiting_) {
    if (trial.value.question >= 0) trial.value = known_[batch_keys_[trial.value.question]];
    Add(trial);
  }
  waiting_.clear();
  PlanBatch();
  return absl::OkStatus();
}

absl::StatusOr<Recombined> GroupPlan::finish() {
  if (siblings_ == 0 && teams_.members() > 1) {
    return absl::ResourceExhaustedError(
        absl::StrCat("advantages.recombination.max_questions: allows no sibling, which takes ",
                     teams_.members() * teams_.agents(), " questions"));
  }
  if (by_table_) return std::move(result_);
  for (const Trial& trial : waiting_) Add(trial);  // of a group in which nothing had to be asked
  waiting_.clear();
  result_.values.reserve(sums_.size());
  result_.noise.reserve(sums_.size());
  result_.std_errors.reserve(sums_.size());
  for (const Sums& sums : sums_) {
    if (sums.count == 0) {
      result_.values.push_back(std::numeric_limits<double>::quiet_NaN());
      result_.std_errors.push_back(0);
      result_.noise.push_back(0);
      continue;
    }
    const double count = sums.count;
    const double left_out = 1 - count / teams_.members();
    const double spread = sums.count > 1 ? sums.deviations / (count - 1) : 0;
    result_.values.push_back(std::clamp(sums.mean, options_.range.low, options_.range.high));
    const double noise = sums.noise / (count * count);
    result_.noise.push_back(noise);
    result_.std_errors.push_back(std::sqrt(noise + spread / count * std::max(0.0, left_out)));
  }
  return std::move(result_);
}

}  // namespace assay::recombination
