#include "server/wire/resolve_options.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/blame/text/general_prior.h"
#include "server/recombination/group_plan.h"
#include "server/wire/enums.h"
#include "server/wire/errors.h"
#include "server/wire/fitted_prior.h"
#include "server/wire/inspect.h"
#include "server/wire/option_checker.h"
#include "server/wire/questions/durations.h"
#include "server/wire/resolve_evaluator.h"

namespace assay::service {
namespace {

constexpr absl::Duration kDefaultEpisodeTimeout = absl::Minutes(10);
constexpr absl::Duration kMaxTimeout = absl::Hours(24);
constexpr int64_t kDefaultResponseBytes = int64_t{4} << 20;
constexpr int64_t kMinResponseBytes = 4096;
constexpr int kMaxSamplesPerQuestion = 1000;
// The name of what every server has, unless it is configured to be another.
constexpr absl::string_view kShippedPrior = "general";
constexpr double kMaxEpsilon = 1;
// Parts of a smaller range would lose their digits, and at last be zero.
constexpr double kMinRange = 1e-200;
// Squares of what larger ones lead to (rewards a million times as large, times the number of
// messages, and a sum of as many) would be infinite.
constexpr double kMaxValue = 1e140;
// Of the value range: the rounding of larger rewards would show in their sum, and at last they are
// infinite.
constexpr double kMaxBound = 1e6;

// Nothing unknown, nothing that is not a number: before any field is looked at.
absl::Status CheckShape(const google::protobuf::Message& sent, absl::string_view prefix) {
  if (const auto path = FindUnknownField(sent)) {
    return Invalid(absl::StrCat(prefix, *path), "unknown field");
  }
  if (const auto path = FindUnknownEnum(sent)) {
    return Invalid(absl::StrCat(prefix, *path), "unknown value");
  }
  if (const auto path = FindNotFinite(sent)) return NotFinite(absl::StrCat(prefix, *path));
  return absl::OkStatus();
}

void ResolveScores(v1::AttributionOptions* wire, signals::Options* options, OptionChecker* check) {
  const signals::ValueRange& range = options->range;
  if (!wire->has_success_threshold()) wire->set_success_threshold((range.low + range.high) / 2);
  check->InRange("success_threshold", wire->success_threshold(), range.low, range.high);
  options->success_threshold = wire->success_threshold();
  if (!wire->has_reward_bound()) wire->set_reward_bound(2 * range.size());
  check->InRange("reward_bound", wire->reward_bound(), range.size(), kMaxBound * range.size());
  options->reward_bound = wire->reward_bound();
  if (!wire->has_reference_score()) wire->set_reference_score(range.high);
  check->InRange("reference_score", wire->reference_score(), range.low, range.high);
  options->reference_score = wire->reference_score();
}

void ResolveEstimator(v1::EstimatorOptions* wire, signals::EstimatorOptions* options,
                      OptionChecker* check) {
  if (wire->method() == v1::METHOD_UNSPECIFIED) wire->set_method(EnumToWire(options->method));
  options->method = EnumFromWire<credit::Method>(wire->method());
  if (wire->max_questions() < 0 || wire->max_questions() == 1) {
    check->Fail(Invalid("estimator.max_questions", "must be 0 or at least 2"));
  }
  options->max_questions = wire->max_questions();
  check->NotNegative("estimator.target_half_width", wire->target_half_width());
  options->target_half_width = wire->target_half_width();
  if (!wire->has_confidence()) wire->set_confidence(options->confidence);
  check->Inside("estimator.confidence", wire->confidence(), 0, 1);
  options->confidence = wire->confidence();
  check->InRange("estimator.samples_per_question", wire->samples_per_question(), 0,
                 kMaxSamplesPerQuestion);
  if (wire->samples_per_question() == 0) {
    wire->set_samples_per_question(options->samples_per_question);
  }
  options->samples_per_question = wire->samples_per_question();
}

void ResolveMessageRewards(v1::MessageRewardOptions* wire, const signals::ValueRange& range,
                           signals::MessageRewardOptions* options, OptionChecker* check) {
  if (wire->evidence() == v1::EVIDENCE_UNSPECIFIED) {
    wire->set_evidence(EnumToWire(options->evidence));
  }
  options->evidence = EnumFromWire<signals::EvidenceKind>(wire->evidence());
  if (!wire->has_kappa()) wire->set_kappa(options->kappa);
  check->InRange("message_rewards.kappa", wire->kappa(), 0, kMaxBound);
  options->kappa = wire->kappa() * range.size();
  if (!wire->has_redundancy_penalty()) {
    wire->set_redundancy_penalty(options->redundancy_penalty);
  }
  check->InRange("message_rewards.redundancy_penalty", wire->redundancy_penalty(), 0, 1);
  options->redundancy_penalty = wire->redundancy_penalty();
  if (wire->redundancy() == v1::REDUNDANCY_UNSPECIFIED) {
    wire->set_redundancy(options->shingles ? v1::REDUNDANCY_SHINGLES : v1::REDUNDANCY_OFF);
  }
  options->shingles = wire->redundancy() == v1::REDUNDANCY_SHINGLES;
  options->weigh_by_tokens = wire->weigh_by_tokens();
}

// A record of the resolved options must do without this server's configuration: `fitted` is filled.
void ResolvePrior(v1::FirstErrorOptions* wire, const Catalog& catalog,
                  signals::FirstErrorOptions* options, OptionChecker* check) {
  if (!wire->has_fitted() && !wire->prior().empty()) {
    const auto found = catalog.priors.find(wire->prior());
    if (found != catalog.priors.end()) {
      *wire->mutable_fitted() = found->second;
    } else if (wire->prior() == kShippedPrior) {
      TextsToWire(blame::ShippedPrior(), wire->mutable_fitted());
    } else {
      return check->Fail(UnknownId("first_error.prior", wire->prior()));
    }
  }
  if (!wire->has_fitted()) return;
  absl::StatusOr<FittedPrior> fitted = FittedPriorFromWire(wire->fitted());
  if (!fitted.ok()) return check->FailIn("first_error.fitted.", fitted.status());
  options->prior = std::move(fitted->texts);
  options->judges = std::move(fitted->judges);
  options->parameters = std::move(fitted->parameters);
}

void ResolveModel(v1::FirstErrorOptions* wire, blame::Parameters* parameters,
                  OptionChecker* check) {
  if (wire->has_base_rate()) {
    check->Inside("first_error.base_rate", wire->base_rate(), 0, 1);
    parameters->base_rate = wire->base_rate();
  }
  if (!wire->has_propagated_share()) wire->set_propagated_share(parameters->propagated_share);
  check->InRange("first_error.propagated_share", wire->propagated_share(), 0, 1);
  parameters->propagated_share = wire->propagated_share();
  if (!check->status().ok()) return;
  const absl::Status applied = ApplyModel(wire->model(), parameters);
  if (!applied.ok()) return check->FailIn("first_error.model.", applied);
  *wire->mutable_model() = ErrorModelToWire(*parameters);
}

void ResolveSearch(v1::FirstErrorOptions* wire, const Limits& limits,
                   signals::FirstErrorOptions* options, OptionChecker* check) {
  const std::pair<absl::string_view, int32_t> budgets[] = {
      {"first_error.max_rollouts", wire->max_rollouts()},
      {"first_error.max_node_rollouts", wire->max_node_rollouts()}};
  for (const auto& [path, rollouts] : budgets) {
    check->NotNegative(path, rollouts);
    if (rollouts > limits.max_rollouts) {
      check->Fail(OverLimit(path, rollouts, limits.max_rollouts));
    }
  }
  options->max_rollouts = wire->max_rollouts();
  options->max_node_rollouts = wire->max_node_rollouts();
  if (!wire->has_settled()) {
    wire->set_settled(std::max(options->settled, options->confidence));
  }
  check->InRange("first_error.settled", wire->settled(), options->confidence, 1);
  options->settled = wire->settled();
}

void ResolveFirstError(v1::FirstErrorOptions* wire, const Limits& limits, const Catalog& catalog,
                       signals::FirstErrorOptions* options, OptionChecker* check) {
  if (!wire->has_confidence()) wire->set_confidence(options->confidence);
  check->Inside("first_error.confidence", wire->confidence(), 0, 1);
  options->confidence = wire->confidence();
  ResolveSearch(wire, limits, options, check);
  if (wire->definition() == v1::ERROR_DEFINITION_UNSPECIFIED) {
    wire->set_definition(EnumToWire(options->definition));
  }
  options->definition = EnumFromWire<blame::ErrorDefinition>(wire->definition());
  options->soft_rewards = wire->soft_rewards();
  ResolvePrior(wire, catalog, options, check);
  ResolveModel(wire, &options->parameters, check);
}

void ResolvePreferences(v1::PreferenceOptions* wire, signals::Options* options,
                        OptionChecker* check) {
  for (int i = 0; i < wire->kinds_size(); ++i) {
    if (wire->kinds(i) == v1::PREFERENCE_KIND_UNSPECIFIED) {
      check->Fail(Missing(absl::StrCat("preferences.kinds[", i, "]")));
    }
    options->pair_kinds.push_back(EnumFromWire<blame::PairKind>(wire->kinds(i)));
  }
  check->NotNegative("preferences.margin", wire->margin());
  options->pair_margin = wire->margin();
}

void ResolveRecombination(v1::Recombination* wire, signals::OutcomePart part,
                          signals::RecombinationOptions* options, OptionChecker* check) {
  if (wire->mode() == v1::RECOMBINATION_MODE_UNSPECIFIED) {
    wire->set_mode(v1::RECOMBINATION_MODE_AUTO);
  }
  options->enabled = wire->mode() == v1::RECOMBINATION_MODE_AUTO;
  if (!options->enabled && part == signals::OutcomePart::kRecombined) {
    check->Fail(Invalid(check->At("recombination.mode"), "is OFF where outcome is RECOMBINED"));
  }
  check->NotNegative("recombination.siblings", wire->siblings());
  options->siblings = wire->siblings();
  if (wire->max_questions() == 0) wire->set_max_questions(recombination::kMaxQuestions);
  check->InRange("recombination.max_questions", wire->max_questions(), 1,
                 recombination::kMaxQuestions);
  options->max_questions = wire->max_questions();
}

void ResolveLimits(v1::AttributionOptions* wire, const Limits& limits, ResolvedOptions* resolved,
                   OptionChecker* check) {
  const auto seconds = [](absl::Duration d) { return absl::ToDoubleSeconds(d); };
  if (!wire->has_episode_timeout()) {
    DurationToWire(kDefaultEpisodeTimeout, wire->mutable_episode_timeout());
  }
  resolved->episode_timeout = DurationFromWire(wire->episode_timeout());
  if (resolved->episode_timeout <= absl::ZeroDuration() ||
      resolved->episode_timeout > kMaxTimeout) {
    check->Fail(Invalid("episode_timeout", "must be above 0 and at most 24 hours"));
  }
  resolved->group_timeout = DurationFromWire(wire->group_timeout());
  check->InRange("group_timeout", seconds(resolved->group_timeout), 0, seconds(kMaxTimeout));
  if (!wire->has_group_timeout())
    DurationToWire(absl::ZeroDuration(), wire->mutable_group_timeout());
  if (wire->max_response_bytes() == 0) wire->set_max_response_bytes(kDefaultResponseBytes);
  if (wire->max_response_bytes() < kMinResponseBytes) {
    check->Fail(
        Invalid("max_response_bytes", absl::StrCat("must be at least ", kMinResponseBytes)));
  }
  if (wire->max_response_bytes() > limits.max_transport_bytes) {
    check->Fail(
        OverLimit("max_response_bytes", wire->max_response_bytes(), limits.max_transport_bytes));
  }
  resolved->max_response_bytes = wire->max_response_bytes();
}

}  // namespace

absl::StatusOr<signals::ValueRange> ResolveRange(const v1::ValueRange* sent) {
  signals::ValueRange range;
  if (sent == nullptr) return range;
  range.low = sent->low();
  range.high = sent->high();
  if (!std::isfinite(range.low)) return NotFinite("value_range.low");
  if (!std::isfinite(range.high)) return NotFinite("value_range.high");
  if (range.size() < kMinRange) {
    return Invalid("value_range",
                   absl::StrCat("high must be above low by ", kMinRange, " or more"));
  }
  if (range.low < -kMaxValue || range.high > kMaxValue) {
    return Invalid("value_range",
                   absl::StrCat("low and high must lie within -", kMaxValue, " and ", kMaxValue));
  }
  return range;
}

absl::StatusOr<signals::AdvantageOptions> ResolveAdvantages(v1::AdvantageOptions* wire,
                                                            const signals::ValueRange& range,
                                                            absl::string_view prefix) {
  if (absl::Status shape = CheckShape(*wire, prefix); !shape.ok()) return shape;
  OptionChecker check{std::string(prefix)};
  signals::AdvantageOptions options;
  // Without a blend it is left open: its default is that of the credit part, which a group decides.
  if (wire->has_blend()) {
    check.InRange("blend", wire->blend(), 0, 1);
    options.blend = wire->blend();
  }
  if (wire->scale() == v1::OUTCOME_SCALE_UNSPECIFIED) {
    wire->set_scale(EnumToWire(options.scale));
  }
  options.scale = EnumFromWire<signals::OutcomeScale>(wire->scale());
  if (!wire->has_epsilon()) wire->set_epsilon(options.epsilon);
  if (!(wire->epsilon() > 0 && wire->epsilon() <= kMaxEpsilon)) {
    check.Fail(Invalid(check.At("epsilon"), "must be above 0 and at most 1"));
  }
  options.epsilon = wire->epsilon();
  options.range = range.size();
  if (wire->outcome() == v1::OUTCOME_PART_UNSPECIFIED) {
    wire->set_outcome(EnumToWire(options.outcome));
  }
  options.outcome = EnumFromWire<signals::OutcomePart>(wire->outcome());
  ResolveRecombination(wire->mutable_recombination(), options.outcome, &options.recombination,
                       &check);
  if (wire->credit() == v1::CREDIT_PART_UNSPECIFIED) {
    wire->set_credit(EnumToWire(options.credit));
  }
  options.credit = EnumFromWire<signals::CreditPart>(wire->credit());
  if (!check.status().ok()) return check.status();
  return options;
}

absl::StatusOr<ResolvedOptions> ResolveOptions(const v1::AttributionOptions& sent,
                                               const Limits& limits, const Catalog& catalog,
                                               std::optional<MakeCallerFn> make_caller) {
  if (absl::Status shape = CheckShape(sent, ""); !shape.ok()) return shape;
  ResolvedOptions resolved;
  resolved.wire = sent;
  v1::AttributionOptions* wire = &resolved.wire;
  auto options = std::make_shared<signals::Options>();
  absl::StatusOr<signals::ValueRange> range =
      ResolveRange(sent.has_value_range() ? &sent.value_range() : nullptr);
  if (!range.ok()) return range.status();
  options->range = *range;
  wire->mutable_value_range()->set_low(range->low);
  wire->mutable_value_range()->set_high(range->high);
  options->seed = sent.seed();
  OptionChecker check;
  ResolveScores(wire, options.get(), &check);
  ResolveEstimator(wire->mutable_estimator(), &options->estimator, &check);
  ResolveMessageRewards(wire->mutable_message_rewards(), *range, &options->message_rewards, &check);
  ResolveFirstError(wire->mutable_first_error(), limits, catalog, &options->first_error, &check);
  ResolvePreferences(wire->mutable_preferences(), options.get(), &check);
  absl::StatusOr<signals::AdvantageOptions> advantages =
      ResolveAdvantages(wire->mutable_advantages(), *range, "advantages.");
  if (!advantages.ok()) return advantages.status();
  options->advantages = *advantages;
  if (wire->audit() == v1::AUDIT_UNSPECIFIED) wire->set_audit(EnumToWire(options->audit));
  options->audit = EnumFromWire<signals::AuditLevel>(wire->audit());
  options->allow_partial = wire->allow_partial();
  ResolveLimits(wire, limits, &resolved, &check);
  // Last: a caller evaluator is made only for options that are right in everything else.
  if (check.status().ok()) {
    ResolveEvaluator(wire, limits, catalog, make_caller, &resolved, &check);
  }
  if (!check.status().ok()) return check.status();
  resolved.options = std::move(options);
  return resolved;
}

v1::QuestionKind QuestionKindToWire(signals::QuestionKind kind) {
  if (kind == signals::QuestionKind::kAllCoalitions) return v1::QUESTION_KIND_COALITION;
  if (kind == signals::QuestionKind::kOwenSets) return v1::QUESTION_KIND_MESSAGES;
  if (kind == signals::QuestionKind::kAllTeams) return v1::QUESTION_KIND_TEAM;
  return EnumToWire(kind);
}

}  // namespace assay::service
