#include "server/wire/option_effects.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/recombination/group_plan.h"
#include "server/wire/errors.h"

namespace assay::service {
namespace {

using signals::EvaluatorKind;
using signals::QuestionKind;

// An option, whether it is not the default, and why nobody reads it.
struct Idle {
  absl::string_view path;
  bool set;
  absl::string_view why;
};

template <size_t n>
absl::Status FirstSet(const Idle (&options)[n], absl::string_view prefix = "") {
  for (const Idle& option : options) {
    if (option.set) {
      return Invalid(absl::StrCat(prefix, option.path),
                     absl::StrCat("has no effect: ", option.why));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckMessageRewards(const v1::MessageRewardOptions& rewards) {
  const signals::MessageRewardOptions defaults;
  return FirstSet(
      {{"message_rewards.redundancy_penalty",
        rewards.kappa() == 0 && rewards.redundancy_penalty() != defaults.redundancy_penalty,
        "it is a share of message_rewards.kappa, which is 0"}});
}

// Of the model that was sent; that of a fitted prior is the prior's business.
absl::Status CheckModel(const v1::ErrorModel& sent, const blame::Parameters& resolved) {
  return FirstSet({{"first_error.model.shared_level",
                    sent.shared_level() > 0 && resolved.high_rates.size() == 1 &&
                        resolved.low_rates.size() == 1,
                    "where each state has one rate, all nodes share it"}});
}

// Any option of the estimator, whichever there are, where there is nothing to estimate.
absl::Status CheckNoEstimator(const v1::EstimatorOptions& estimator) {
  static const v1::EstimatorOptions& defaults = *new v1::EstimatorOptions(
      ResolveOptions({}, Limits(), Catalog(), std::nullopt)->wire.estimator());
  const auto* fields = v1::EstimatorOptions::descriptor();
  for (int i = 0; i < fields->field_count(); ++i) {
    // The defaults but for this field.
    v1::EstimatorOptions one = defaults;
    v1::EstimatorOptions sent = estimator;
    one.GetReflection()->SwapFields(&one, &sent, {fields->field(i)});
    if (!google::protobuf::util::MessageDifferencer::Equals(one, defaults)) {
      return Invalid(absl::StrCat("estimator.", fields->field(i)->name()),
                     "has no effect: the evaluator outcome leaves nothing to estimate");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckEstimator(const v1::EstimatorOptions& estimator, EvaluatorKind kind) {
  if (kind == EvaluatorKind::kOutcome) return CheckNoEstimator(estimator);
  const bool computed = kind == EvaluatorKind::kVote || kind == EvaluatorKind::kGiven;
  return FirstSet(
      {{"estimator.samples_per_question", computed && estimator.samples_per_question() != 1,
        "the evaluator's answers are exact"}});
}

bool OnlyOneSided(const v1::AttributionOptions& wire) {
  const auto& kinds = wire.preferences().kinds();
  return !kinds.empty() && std::all_of(kinds.begin(), kinds.end(), [](int kind) {
    return kind == v1::PREFERENCE_KIND_ONE_SIDED;
  });
}

}  // namespace

absl::Status CheckEffects(const v1::AdvantageOptions& resolved, absl::string_view prefix) {
  const v1::Recombination& teams = resolved.recombination();
  const bool off = teams.mode() == v1::RECOMBINATION_MODE_OFF ||
                   resolved.outcome() == v1::OUTCOME_PART_OUTCOME ||
                   resolved.outcome() == v1::OUTCOME_PART_CONTROL;
  constexpr absl::string_view kOff =
      "teams are asked about only where recombination.mode is AUTO and the outcome part AUTO or "
      "RECOMBINED";
  return FirstSet({{"epsilon",
                    resolved.scale() == v1::OUTCOME_SCALE_NONE &&
                        resolved.epsilon() != signals::AdvantageOptions().epsilon,
                    "OUTCOME_SCALE_NONE divides nothing"},
                   {"blend", resolved.credit() == v1::CREDIT_PART_NONE && resolved.blend() != 0,
                    "CREDIT_PART_NONE leaves nothing to blend in"},
                   {"recombination.siblings", off && teams.siblings() != 0, kOff},
                   {"recombination.max_questions",
                    off && teams.max_questions() != recombination::kMaxQuestions, kOff}},
                  prefix);
}

absl::Status CheckEffects(const ResolvedOptions& options) {
  const v1::AttributionOptions& wire = options.wire;
  if (absl::Status status = CheckEffects(wire.advantages(), "advantages."); !status.ok()) {
    return status;
  }
  const v1::MessageRewardOptions& rewards = wire.message_rewards();
  if (absl::Status status = CheckMessageRewards(rewards); !status.ok()) return status;
  if (absl::Status status =
          CheckModel(wire.first_error().model(), options.options->first_error.parameters);
      !status.ok()) {
    return status;
  }
  if (absl::Status status =
          FirstSet({{"preferences.margin", wire.preferences().margin() != 0 && OnlyOneSided(wire),
                     "pairs of ONE_SIDED have no gap"}});
      !status.ok()) {
    return status;
  }
  if (options.chosen == nullptr) return absl::OkStatus();  // each episode chooses
  const signals::EvaluatorTraits& traits = options.chosen->traits();
  if (absl::Status status = CheckEstimator(wire.estimator(), traits.kind); !status.ok()) {
    return status;
  }
  // The outcome shares out credit by whatever evidence there is, also where OWEN is asked for.
  const bool owen =
      rewards.evidence() == v1::EVIDENCE_OWEN && traits.kind != EvaluatorKind::kOutcome;
  if (absl::Status status =
          FirstSet({{"message_rewards.weigh_by_tokens", owen && rewards.weigh_by_tokens(),
                     "EVIDENCE_OWEN leaves nothing over that could be weighed"}});
      !status.ok()) {
    return status;
  }
  const bool searches =
      traits.kind != EvaluatorKind::kVote && traits.Supports(QuestionKind::kPrefix);
  return FirstSet({{"first_error.max_rollouts", !searches && wire.first_error().max_rollouts() != 0,
                    "the evaluator rolls nothing out (QUESTION_KIND_PREFIX)"}});
}

}  // namespace assay::service
