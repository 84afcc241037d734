// How a summary is written: the keys are those of assay_rl/course/summary.py.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "client/command/step_summary.h"

namespace assay::command {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;  // of the file, under "assay_step"
constexpr int kQuantiles = 20;
constexpr size_t kMaxRoles = 200;
constexpr size_t kMaxPairs = 2'000;
constexpr double kZero = 1e-9;  // credits below it are none

Json Or(const std::optional<double>& value) { return value.has_value() ? Json(*value) : Json(); }

Json Ratio(int64_t part, int64_t whole) {
  return whole > 0 ? Json(static_cast<double>(part) / static_cast<double>(whole)) : Json();
}

template <class Predicate>
Json Share(const Numbers& numbers, Predicate predicate) {
  const std::vector<double>& values = numbers.values();
  return Ratio(std::count_if(values.begin(), values.end(), predicate),
               static_cast<int64_t>(values.size()));
}

Json Distribution(const Numbers& numbers) {
  if (numbers.values().empty()) return {};
  std::vector<double> ordered = numbers.values();
  std::sort(ordered.begin(), ordered.end());
  const double last = static_cast<double>(ordered.size() - 1);
  Json quantiles = Json::array();
  for (int k = 0; k <= kQuantiles; ++k) {
    // Half up, as the page's script rounds.
    quantiles.push_back(ordered[static_cast<size_t>(std::floor(k * last / kQuantiles + 0.5))]);
  }
  return {{"n", ordered.size()},
          {"mean", *numbers.Mean()},
          {"spread", *numbers.Spread()},
          {"quantiles", std::move(quantiles)}};
}

// The entries of `all` that stand first by `before`, at most `most` of them.
template <class Map, class Before>
std::vector<const typename Map::value_type*> First(const Map& all, size_t most, Before before) {
  std::vector<const typename Map::value_type*> found;
  found.reserve(all.size());
  for (const auto& entry : all) found.push_back(&entry);
  std::stable_sort(found.begin(), found.end(), [&before](const auto* a, const auto* b) {
    return before(a->second, b->second);
  });
  if (found.size() > most) found.resize(most);
  return found;
}

Json RoleJson(const RoleSummary& role) {
  return {{"episodes", role.episodes},
          {"messages", role.messages},
          {"credit", Distribution(role.credit)},
          {"share", Distribution(role.share)},
          {"hurt", Share(role.credit, [](double value) { return value < -kZero; })},
          {"mattered", Share(role.credit, [](double value) { return std::abs(value) > kZero; })},
          {"redundancy", Or(role.repeats.Mean())},
          {"first_errors", role.first_errors},
          {"positions", role.positions},
          {"advantage", Distribution(role.advantage)},
          {"graded", role.graded},
          {"right", role.right}};
}

Json RolesJson(const std::map<std::string, RoleSummary>& roles) {
  Json out = Json::object();
  const auto oftener = [](const RoleSummary& a, const RoleSummary& b) {
    return a.episodes > b.episodes;
  };
  for (const auto* entry : First(roles, kMaxRoles, oftener)) {
    out[entry->first] = RoleJson(entry->second);
  }
  return out;
}

Json SynergyJson(
    const std::map<std::pair<std::string, std::string>, std::pair<double, int64_t>>& synergy) {
  Json out = Json::array();
  const auto oftener = [](const auto& a, const auto& b) { return a.second > b.second; };
  for (const auto* entry : First(synergy, kMaxPairs, oftener)) {
    const auto& [total, count] = entry->second;
    out.push_back(
        {entry->first.first, entry->first.second, total / static_cast<double>(count), count});
  }
  return out;
}

}  // namespace

std::string StepSummary::ToJson() const {
  const Numbers none;
  const auto of = [&](const char* name) -> const Numbers& {
    const auto found = numbers_.find(name);
    return found == numbers_.end() ? none : found->second;
  };
  const int64_t scored = episodes_ - failed_;
  Json metrics = {{"score", Or(of("score").Mean())},
                  {"score_spread", Or(of("score").Spread())},
                  {"success_rate", Ratio(successes_, scored)},
                  {"team_value", Or(of("team_value").Mean())},
                  {"unexplained", Or(of("unexplained").Mean())},
                  {"first_errors", Ratio(claimed_, scored)},
                  {"redundancy", Or(of("redundancy").Mean())},
                  {"task_spread", Or(of("task_spread").Mean())},
                  {"advantage_spread", Or(of("advantage").Spread())},
                  {"reliability", Or(of("reliability").Mean())},
                  {"credit_weight", Or(of("credit_weight").Mean())},
                  {"interval_width", Or(of("interval_width").Mean())},
                  {"right_answers", Ratio(right_, graded_)},
                  {"questions", Or(of("questions").Mean())},
                  {"samples", Or(of("samples").Mean())},
                  {"conservation", scored > 0 ? Json(worst_) : Json()}};
  Json budget = Json::array();
  for (const auto& [key, spent] : budget_) {
    budget.push_back({key.first, key.second, spent.episodes, spent.questions, spent.most});
  }
  Json tasks = Json::object();
  for (const auto& [key, task] : tasks_) {
    tasks[key] = {task.first, task.second / static_cast<double>(task.first)};
  }
  Json out = {{"assay_step", kFormat},
              {"step", step_.has_value() ? Json(*step_) : Json()},
              {"run", ""},
              {"episodes", episodes_},
              {"failed", failed_},
              {"successes", successes_},
              {"messages", messages_},
              {"claimed", claimed_},
              {"graded", graded_},
              {"right", right_},
              {"groups", groups_},
              {"groups_failed", groups_failed_},
              {"question_total", questions_},
              {"valued", valued_},
              {"mismatched", mismatched_},
              {"metrics", std::move(metrics)},
              {"roles", RolesJson(roles_)},
              {"roles_left_out", roles_.size() - std::min(roles_.size(), kMaxRoles)},
              {"labels", labels_},
              {"tiers", tiers_},
              {"synergy", SynergyJson(synergy_)},
              {"conservation", conservation_},
              {"budget", std::move(budget)},
              {"tasks", std::move(tasks)}};
  return out.dump();
}

absl::Status StepSummary::Write(const std::string& path) const {
  const std::filesystem::path target(path);
  const std::filesystem::path unfinished(path + ".part");
  std::error_code error;
  if (target.has_parent_path()) std::filesystem::create_directories(target.parent_path(), error);
  {
    std::ofstream out(unfinished, std::ios::binary);
    out << ToJson() << '\n';
    if (!out.flush()) return absl::UnknownError(std::strerror(errno));
  }
  std::filesystem::rename(unfinished, target, error);
  return error ? absl::UnknownError(error.message()) : absl::OkStatus();
}

}  // namespace assay::command
