// Shapes and ranges of evidence and parameters.
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/blame/posterior.h"

namespace assay::blame {
namespace {

constexpr double kWeightSlack = 1e-6;  // by which a sum of weights may miss 1

// Of errors and of repairs in an episode, and of one in so many: the logarithms of what is rarer or
// surer would swallow all others.
constexpr double kMaxRate = 1e4;

bool InRange(double x, double low, double high) { return x >= low && x <= high; }
bool Inside(double x) { return x > 0 && x < 1; }

absl::Status Invalid(absl::string_view field, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", why));
}

absl::Status ValidateRollouts(const Rollouts& r, absl::string_view field) {
  if (!std::isfinite(r.trials) || r.trials < 0) return Invalid(field, "trials must be >= 0");
  if (!InRange(r.successes, 0, r.trials)) return Invalid(field, "successes not in [0, trials]");
  return absl::OkStatus();
}

absl::Status ValidateShape(const Evidence& evidence) {
  const size_t messages = evidence.authors.size();
  for (size_t t = 0; t < messages; ++t) {
    if (evidence.authors[t] < kNobody || evidence.authors[t] >= evidence.agents) {
      return Invalid(absl::StrCat("authors[", t, "]"), "no such agent");
    }
  }
  if (!std::isfinite(evidence.low) || !std::isfinite(evidence.high) ||
      evidence.low >= evidence.high) {
    return Invalid("low", "must be below high");
  }
  if (!InRange(evidence.score, evidence.low, evidence.high)) {
    return Invalid("score", "not in [low, high]");
  }
  if (evidence.start_value && !InRange(*evidence.start_value, evidence.low, evidence.high)) {
    return Invalid("start_value", "not in [low, high]");
  }
  if (!evidence.nodes.empty() && evidence.nodes.size() != messages + 1) {
    return Invalid("nodes", "must be empty or one a node");
  }
  if (!evidence.prior.empty() && evidence.prior.size() != messages) {
    return Invalid("prior", "must be empty or one a message");
  }
  for (size_t t = 0; t < evidence.prior.size(); ++t) {
    if (!std::isfinite(evidence.prior[t]) || evidence.prior[t] < 0) {
      return Invalid(absl::StrCat("prior[", t, "]"), "must be >= 0");
    }
  }
  if (!evidence.grades.empty() && evidence.grades.size() != messages) {
    return Invalid("grades", "must be empty or one a message");
  }
  if (!evidence.message_credit.empty() && evidence.message_credit.size() != messages) {
    return Invalid("message_credit", "must be empty or one a message");
  }
  for (size_t t = 0; t < evidence.message_credit.size(); ++t) {
    if (!std::isfinite(evidence.message_credit[t])) {
      return Invalid(absl::StrCat("message_credit[", t, "]"), "must be finite");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateStatements(const Evidence& evidence) {
  const auto agents_message = [&](int t) {
    return t >= 0 && t < static_cast<int>(evidence.authors.size()) && evidence.authors[t] >= 0;
  };
  for (size_t i = 0; i < evidence.annotations.size(); ++i) {
    const int t = evidence.annotations[i];
    if (t < 0 || t >= static_cast<int>(evidence.authors.size())) {
      return Invalid(absl::StrCat("annotations[", i, "]"), "no such message");
    }
  }
  for (size_t i = 0; i < evidence.repairs.size(); ++i) {
    const RepairMark& mark = evidence.repairs[i];
    const std::string field = absl::StrCat("repairs[", i, "]");
    if (!agents_message(mark.message) || !agents_message(mark.repaired)) {
      return Invalid(field, "not a message of an agent");
    }
    if (mark.repaired >= mark.message) return Invalid(field, "must point back");
  }
  for (size_t i = 0; i < evidence.scores.size(); ++i) {
    const std::string field = absl::StrCat("scores[", i, "]");
    if (!agents_message(evidence.scores[i].message)) {
      return Invalid(field, "not a message of an agent");
    }
    if (!InRange(evidence.scores[i].value, -1, 1)) return Invalid(field, "not in [-1, 1]");
    if (!(evidence.scores[i].weight > 0 && evidence.scores[i].weight <= kMaxJudgeWeight)) {
      return Invalid(field, "weight not in (0, 10]");
    }
    if (evidence.scores[i].base_rate.has_value() && !Inside(*evidence.scores[i].base_rate)) {
      return Invalid(field, "base rate not in (0, 1)");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateGrid(const std::vector<double>& rates, const std::vector<double>& weights,
                          absl::string_view field) {
  if (rates.empty() || rates.size() > kMaxRates) {
    return Invalid(absl::StrCat(field, "_rates"), absl::StrCat("not 1 to ", kMaxRates, " rates"));
  }
  for (const double rate : rates) {
    if (!(rate > 0 && rate < 1)) return Invalid(absl::StrCat(field, "_rates"), "not in (0, 1)");
  }
  if (!weights.empty() && weights.size() != rates.size()) {
    return Invalid(absl::StrCat(field, "_weights"), "must be empty or one a rate");
  }
  for (const double weight : weights) {
    if (!(weight > 0 && weight <= 1)) {
      return Invalid(absl::StrCat(field, "_weights"), "not in (0, 1]");
    }
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (!weights.empty() && std::fabs(sum - 1) > kWeightSlack) {
    return Invalid(absl::StrCat(field, "_weights"), "do not add up to 1");
  }
  return absl::OkStatus();
}

}  // namespace

Grade GradeOf(const Evidence& evidence, int message) {
  return evidence.grades.empty() ? Grade::kNone : evidence.grades[message];
}

absl::Status Validate(const Parameters& p) {
  if (!Inside(p.start_high)) return Invalid("start_high", "not in (0, 1)");
  const std::pair<absl::string_view, double> rates[] = {
      {"error_rate", p.error_rate},
      {"repair_rate", p.repair_rate},
      {"context_error_rate", p.context_error_rate},
      {"context_repair_rate", p.context_repair_rate}};
  for (const auto& [field, rate] : rates) {
    if (!InRange(rate, 1 / kMaxRate, kMaxRate)) return Invalid(field, "not in [1e-4, 1e4]");
  }
  if (!InRange(p.propagated_share, 0, 1)) return Invalid("propagated_share", "not in [0, 1]");
  if (!Inside(p.base_rate)) return Invalid("base_rate", "not in (0, 1)");
  if (!InRange(p.shared_level, 0, 1)) return Invalid("shared_level", "not in [0, 1]");
  if (!InRange(p.judge_correlation, 0, 1)) return Invalid("judge_correlation", "not in [0, 1]");
  ASSAY_RETURN_IF_ERROR(ValidateGrid(p.high_rates, p.high_weights, "high"));
  return ValidateGrid(p.low_rates, p.low_weights, "low");
}

absl::Status Validate(const Evidence& evidence) {
  ASSAY_RETURN_IF_ERROR(ValidateShape(evidence));
  ASSAY_RETURN_IF_ERROR(ValidateStatements(evidence));
  for (size_t j = 0; j < evidence.nodes.size(); ++j) {
    absl::Status status = ValidateRollouts(evidence.nodes[j], absl::StrCat("nodes[", j, "]"));
    if (!status.ok()) return status;
  }
  for (size_t i = 0; i < evidence.corrections.size(); ++i) {
    const std::string field = absl::StrCat("corrections[", i, "]");
    const int t = evidence.corrections[i].message;
    if (t < 0 || t >= static_cast<int>(evidence.authors.size()) || evidence.authors[t] < 0) {
      return Invalid(field, "not a message of an agent");
    }
    ASSAY_RETURN_IF_ERROR(ValidateRollouts(evidence.corrections[i].rollouts, field));
  }
  return absl::OkStatus();
}

}  // namespace assay::blame
