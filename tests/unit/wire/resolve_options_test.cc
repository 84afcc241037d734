#include "server/wire/resolve_options.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <iterator>
#include <limits>

#include "server/blame/text/mixed_prior.h"
#include "server/wire/errors.h"

namespace assay::service {
namespace {

absl::StatusOr<ResolvedOptions> Resolve(const v1::AttributionOptions& sent) {
  return ResolveOptions(sent, Limits(), Catalog(), std::nullopt);
}

std::string FieldOf(const absl::Status& status) {
  const v1::Error error = ErrorToWire(status);
  return error.violations_size() == 0 ? "" : error.violations(0).field();
}

TEST(ResolveRange, EndsWhereSquaresWouldOverflow) {
  v1::ValueRange range;
  range.set_low(-1e140);
  range.set_high(1e140);
  EXPECT_TRUE(ResolveRange(&range).ok());
  range.set_high(std::nextafter(1e140, INFINITY));
  EXPECT_FALSE(ResolveRange(&range).ok());
  range.set_high(1);
  range.set_low(std::nextafter(-1e140, -INFINITY));
  EXPECT_FALSE(ResolveRange(&range).ok());
  range.set_low(-1.7e308);
  range.set_high(1.7e308);
  EXPECT_FALSE(ResolveRange(&range).ok());
}

TEST(ResolveRange, IsNotEmpty) {
  v1::ValueRange range;
  EXPECT_FALSE(ResolveRange(&range).ok());
  range.set_high(1e-200);
  EXPECT_TRUE(ResolveRange(&range).ok());
  range.set_high(0.99e-200);
  EXPECT_FALSE(ResolveRange(&range).ok());
  range.set_high(-1);
  EXPECT_FALSE(ResolveRange(&range).ok());
}

TEST(Options, ResolvingTwiceChangesNothing) {
  v1::AttributionOptions sent;
  sent.mutable_value_range()->set_low(-2);
  sent.mutable_value_range()->set_high(2);
  sent.mutable_vote();
  const auto once = Resolve(sent);
  ASSERT_TRUE(once.ok()) << once.status();
  const auto twice = Resolve(once->wire);
  ASSERT_TRUE(twice.ok()) << twice.status();
  EXPECT_EQ(once->wire.SerializeAsString(), twice->wire.SerializeAsString());
}

TEST(Options, DefaultsScaleWithTheRange) {
  v1::AttributionOptions sent;
  sent.mutable_value_range()->set_low(-2);
  sent.mutable_value_range()->set_high(2);
  const auto resolved = Resolve(sent);
  ASSERT_TRUE(resolved.ok());
  const signals::Options& options = *resolved->options;
  EXPECT_EQ(options.success_threshold, 0);
  EXPECT_EQ(options.reward_bound, 8);
  EXPECT_EQ(options.reference_score, 2);
  EXPECT_EQ(options.message_rewards.kappa, 2);
  EXPECT_EQ(options.advantages.epsilon, 1e-6);
  EXPECT_EQ(options.advantages.range, 4);
  EXPECT_FALSE(options.advantages.blend.has_value());
  EXPECT_EQ(options.advantages.outcome, signals::OutcomePart::kAuto);
  EXPECT_EQ(options.advantages.credit, signals::CreditPart::kAuto);
  EXPECT_EQ(options.estimator.confidence, 0.95);
  EXPECT_EQ(options.first_error.parameters.propagated_share, 0.63);
  EXPECT_EQ(options.audit, signals::AuditLevel::kLedger);
  EXPECT_EQ(resolved->episode_timeout, absl::Minutes(10));
  EXPECT_EQ(resolved->group_timeout, absl::ZeroDuration());
}

TEST(Options, NotFiniteAnywhereIsFound) {
  v1::AttributionOptions sent;
  sent.mutable_estimator()->set_target_half_width(std::numeric_limits<double>::infinity());
  EXPECT_EQ(FieldOf(Resolve(sent).status()), "estimator.target_half_width");
}

TEST(Options, UnknownEnumValuesAreRefused) {
  v1::AttributionOptions sent;
  sent.mutable_message_rewards()->set_evidence(static_cast<v1::Evidence>(77));
  EXPECT_EQ(FieldOf(Resolve(sent).status()), "message_rewards.evidence");
  v1::AttributionOptions kinds;
  kinds.mutable_preferences()->add_kinds(v1::PREFERENCE_KIND_STEP);
  kinds.mutable_preferences()->add_kinds(static_cast<v1::PreferenceKind>(77));
  EXPECT_EQ(FieldOf(Resolve(kinds).status()), "preferences.kinds[1]");
}

TEST(Options, UnknownFieldsAreRefusedByPath) {
  v1::AttributionOptions sent;
  auto* inner = sent.mutable_advantages();
  inner->GetReflection()->MutableUnknownFields(inner)->AddVarint(1234, 1);
  EXPECT_EQ(FieldOf(Resolve(sent).status()), "advantages.1234");
}

v1::FittedPrior SmallPrior() {
  v1::FittedPrior prior;
  prior.add_features("length");
  prior.add_weights(0.5);
  prior.set_uniform(0.1);
  prior.mutable_model()->set_repair_rate(0.25);
  prior.mutable_model()->add_high_rates(0.6);
  prior.mutable_model()->add_high_rates(0.8);
  prior.mutable_model()->add_high_weights(0.75);
  prior.mutable_model()->add_high_weights(0.25);
  prior.set_propagated_share(0.5);
  return prior;
}

TEST(Options, ANamedPriorIsResolvedIntoTheOptions) {
  Catalog catalog;
  catalog.priors["p"] = SmallPrior();
  v1::AttributionOptions sent;
  sent.mutable_first_error()->set_prior("p");
  sent.mutable_first_error()->mutable_model()->set_start_high(0.9);
  const auto named = ResolveOptions(sent, Limits(), catalog, std::nullopt);
  ASSERT_TRUE(named.ok()) << named.status();
  const signals::FirstErrorOptions& first = named->options->first_error;
  ASSERT_NE(first.prior, nullptr);
  EXPECT_EQ(first.prior->everywhere.weights, std::vector<double>{0.5});
  EXPECT_EQ(first.parameters.start_high, 0.9);
  EXPECT_EQ(first.parameters.error_rate, 1.3);
  EXPECT_EQ(first.parameters.repair_rate, 0.25);
  EXPECT_EQ(first.parameters.high_weights, (std::vector<double>{0.75, 0.25}));
  EXPECT_EQ(first.parameters.propagated_share, 0.5);
  // What was resolved does without the configuration from which the prior came.
  const auto again = Resolve(named->wire);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(named->wire.SerializeAsString(), again->wire.SerializeAsString());
  EXPECT_EQ(again->options->first_error.prior->everywhere.weights, first.prior->everywhere.weights);
}

TEST(Options, WhatIsShippedHasAName) {
  v1::AttributionOptions sent;
  sent.mutable_first_error()->set_prior("general");
  const auto shipped = Resolve(sent);
  ASSERT_TRUE(shipped.ok()) << shipped.status();
  ASSERT_NE(shipped->options->first_error.prior, nullptr);
  EXPECT_GT(shipped->options->first_error.prior->general_share, 0);
  EXPECT_GT(shipped->wire.first_error().fitted().general().features_size(), 0);
  // The operator may give the name to another.
  Catalog catalog;
  catalog.priors["general"] = SmallPrior();
  const auto own = ResolveOptions(sent, Limits(), catalog, std::nullopt);
  ASSERT_TRUE(own.ok());
  EXPECT_EQ(own->options->first_error.prior->everywhere.weights, std::vector<double>{0.5});
}

TEST(Options, OtherRatesDoNotKeepTheFittedWeights) {
  v1::AttributionOptions sent;
  *sent.mutable_first_error()->mutable_fitted() = SmallPrior();
  sent.mutable_first_error()->set_propagated_share(0.7);
  for (const double rate : {0.5, 0.7, 0.9}) {
    sent.mutable_first_error()->mutable_model()->add_high_rates(rate);
  }
  const auto resolved = Resolve(sent);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  const blame::Parameters& parameters = resolved->options->first_error.parameters;
  EXPECT_EQ(parameters.high_rates, (std::vector<double>{0.5, 0.7, 0.9}));
  EXPECT_TRUE(parameters.high_weights.empty());
  EXPECT_EQ(parameters.propagated_share, 0.7);
  EXPECT_EQ(parameters.repair_rate, 0.25);
}

TEST(Options, FaultsOfPriorAndModelAreNamed) {
  using First = v1::FirstErrorOptions;
  const auto field_of = [](const std::function<void(First*)>& change) {
    v1::AttributionOptions sent;
    change(sent.mutable_first_error());
    return FieldOf(Resolve(sent).status());
  };
  EXPECT_EQ(field_of([](First* f) { f->set_prior("nobody's"); }), "first_error.prior");
  EXPECT_EQ(field_of([](First* f) { f->mutable_fitted()->add_features("length"); }),
            "first_error.fitted.weights");
  EXPECT_EQ(field_of([](First* f) { f->mutable_fitted()->mutable_model()->set_error_rate(-1); }),
            "first_error.fitted.model.error_rate");
  EXPECT_EQ(field_of([](First* f) { f->mutable_fitted()->set_propagated_share(2); }),
            "first_error.fitted.propagated_share");
  EXPECT_EQ(field_of([](First* f) { f->mutable_model()->set_start_high(1); }),
            "first_error.model.start_high");
  EXPECT_EQ(field_of([](First* f) { f->mutable_model()->set_judge_correlation(1.5); }),
            "first_error.model.judge_correlation");
  EXPECT_EQ(field_of([](First* f) { f->mutable_model()->set_shared_level(1.5); }),
            "first_error.model.shared_level");
  EXPECT_EQ(field_of([](First* f) { f->mutable_model()->add_low_rates(0); }),
            "first_error.model.low_rates");
  EXPECT_EQ(field_of([](First* f) { f->mutable_model()->add_high_weights(1); }),
            "first_error.model.high_weights");
  EXPECT_EQ(field_of([](First* f) {
              for (int i = 0; i < 7; ++i) f->mutable_model()->add_low_weights(0.5);
            }),
            "first_error.model.low_weights");
  EXPECT_EQ(field_of([](First* f) {
              for (int i = 0; i < 65; ++i) f->mutable_model()->add_high_rates(0.5);
            }),
            "first_error.model.high_rates");
}

// The last value that is taken, and the first that is not.
TEST(Options, BoundsAreWhereTheySay) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  constexpr auto kRange = absl::StatusCode::kOutOfRange;
  constexpr auto kTaken = absl::StatusCode::kOk;
  const struct {
    absl::StatusCode code;
    const char* field;
    std::function<void(v1::AttributionOptions*)> change;
  } cases[] = {
      {kTaken, "", [](auto* o) { o->set_success_threshold(0); }},
      {kTaken, "", [](auto* o) { o->set_success_threshold(1); }},
      {kInvalid, "success_threshold", [](auto* o) { o->set_success_threshold(-0.001); }},
      {kTaken, "", [](auto* o) { o->set_reward_bound(1); }},
      {kInvalid, "reward_bound", [](auto* o) { o->set_reward_bound(0.999); }},
      {kTaken, "", [](auto* o) { o->set_reward_bound(1e6); }},
      {kInvalid, "reward_bound", [](auto* o) { o->set_reward_bound(1.001e6); }},
      // Found by fuzzing: the sum of two such bounds is infinite.
      {kInvalid, "reward_bound", [](auto* o) { o->set_reward_bound(1.79e308); }},
      {kTaken, "", [](auto* o) { o->set_reference_score(0); }},
      {kInvalid, "reference_score", [](auto* o) { o->set_reference_score(1.001); }},
      {kTaken, "", [](auto* o) { o->mutable_estimator()->set_max_questions(2); }},
      {kTaken, "", [](auto* o) { o->mutable_estimator()->set_max_questions(0); }},
      {kInvalid, "estimator.max_questions",
       [](auto* o) { o->mutable_estimator()->set_max_questions(1); }},
      {kInvalid, "estimator.max_questions",
       [](auto* o) { o->mutable_estimator()->set_max_questions(-1); }},
      {kTaken, "", [](auto* o) { o->mutable_estimator()->set_target_half_width(0); }},
      {kInvalid, "estimator.target_half_width",
       [](auto* o) { o->mutable_estimator()->set_target_half_width(-0.001); }},
      {kInvalid, "estimator.confidence",
       [](auto* o) { o->mutable_estimator()->set_confidence(0); }},
      {kInvalid, "estimator.confidence",
       [](auto* o) { o->mutable_estimator()->set_confidence(1); }},
      {kTaken, "", [](auto* o) { o->mutable_estimator()->set_samples_per_question(1000); }},
      {kInvalid, "estimator.samples_per_question",
       [](auto* o) { o->mutable_estimator()->set_samples_per_question(1001); }},
      {kTaken, "", [](auto* o) { o->mutable_message_rewards()->set_kappa(0); }},
      {kInvalid, "message_rewards.kappa",
       [](auto* o) { o->mutable_message_rewards()->set_kappa(-0.001); }},
      {kTaken, "", [](auto* o) { o->mutable_message_rewards()->set_kappa(1e6); }},
      {kInvalid, "message_rewards.kappa",
       [](auto* o) { o->mutable_message_rewards()->set_kappa(1.001e6); }},
      {kTaken, "", [](auto* o) { o->mutable_message_rewards()->set_redundancy_penalty(1); }},
      {kInvalid, "message_rewards.redundancy_penalty",
       [](auto* o) { o->mutable_message_rewards()->set_redundancy_penalty(1.001); }},
      {kInvalid, "first_error.confidence",
       [](auto* o) { o->mutable_first_error()->set_confidence(1); }},
      {kInvalid, "first_error.max_rollouts",
       [](auto* o) { o->mutable_first_error()->set_max_rollouts(-1); }},
      {kInvalid, "first_error.base_rate",
       [](auto* o) { o->mutable_first_error()->set_base_rate(0); }},
      {kTaken, "", [](auto* o) { o->mutable_first_error()->set_propagated_share(1); }},
      {kInvalid, "first_error.propagated_share",
       [](auto* o) { o->mutable_first_error()->set_propagated_share(1.001); }},
      {kInvalid, "preferences.kinds[0]",
       [](auto* o) { o->mutable_preferences()->add_kinds(v1::PREFERENCE_KIND_UNSPECIFIED); }},
      {kTaken, "", [](auto* o) { o->mutable_preferences()->set_margin(0); }},
      {kInvalid, "preferences.margin",
       [](auto* o) { o->mutable_preferences()->set_margin(-0.001); }},
      {kTaken, "", [](auto* o) { o->mutable_advantages()->set_blend(1); }},
      {kInvalid, "advantages.blend", [](auto* o) { o->mutable_advantages()->set_blend(-0.001); }},
      {kTaken, "", [](auto* o) { o->mutable_advantages()->set_outcome(v1::OUTCOME_PART_CONTROL); }},
      {kTaken, "",
       [](auto* o) { o->mutable_advantages()->set_outcome(v1::OUTCOME_PART_RECOMBINED); }},
      {kInvalid, "advantages.recombination.mode",
       [](auto* o) {
         o->mutable_advantages()->set_outcome(v1::OUTCOME_PART_RECOMBINED);
         o->mutable_advantages()->mutable_recombination()->set_mode(v1::RECOMBINATION_MODE_OFF);
       }},
      {kInvalid, "advantages.recombination.siblings",
       [](auto* o) { o->mutable_advantages()->mutable_recombination()->set_siblings(-1); }},
      {kTaken, "",
       [](auto* o) { o->mutable_advantages()->mutable_recombination()->set_max_questions(65536); }},
      {kInvalid, "advantages.recombination.max_questions",
       [](auto* o) { o->mutable_advantages()->mutable_recombination()->set_max_questions(65537); }},
      {kTaken, "", [](auto* o) { o->mutable_advantages()->set_credit(v1::CREDIT_PART_NONE); }},
      {kTaken, "", [](auto* o) { o->mutable_advantages()->set_epsilon(1); }},
      {kInvalid, "advantages.epsilon", [](auto* o) { o->mutable_advantages()->set_epsilon(0); }},
      {kInvalid, "advantages.epsilon",
       [](auto* o) { o->mutable_advantages()->set_epsilon(1.001); }},
      {kTaken, "", [](auto* o) { o->mutable_episode_timeout()->set_seconds(24 * 3600); }},
      {kTaken, "", [](auto* o) { o->mutable_episode_timeout()->set_nanos(1); }},
      {kInvalid, "episode_timeout",
       [](auto* o) { o->mutable_episode_timeout()->set_seconds(24 * 3600 + 1); }},
      {kInvalid, "episode_timeout", [](auto* o) { o->mutable_episode_timeout()->set_seconds(0); }},
      {kTaken, "", [](auto* o) { o->mutable_group_timeout()->set_seconds(24 * 3600); }},
      {kInvalid, "group_timeout",
       [](auto* o) { o->mutable_group_timeout()->set_seconds(24 * 3600 + 1); }},
      {kInvalid, "group_timeout", [](auto* o) { o->mutable_group_timeout()->set_seconds(-1); }},
      {kTaken, "", [](auto* o) { o->set_max_response_bytes(4096); }},
      {kInvalid, "max_response_bytes", [](auto* o) { o->set_max_response_bytes(4095); }},
      {kTaken, "", [](auto* o) { o->set_max_response_bytes(int64_t{64} << 20); }},
      {kRange, "max_response_bytes",
       [](auto* o) { o->set_max_response_bytes((int64_t{64} << 20) + 1); }},
      {kInvalid, "vote.tolerance",
       [](auto* o) {
         o->mutable_vote()->set_grader(v1::GRADER_NUMBER);
         o->mutable_vote()->set_tolerance(-0.001);
       }},
      {kTaken, "",
       [](auto* o) {
         o->mutable_vote()->set_grader(v1::GRADER_NUMBER);
         o->mutable_vote()->set_tolerance(0.001);
       }},
      {kInvalid, "value_range",
       [](v1::AttributionOptions* o) { o->mutable_value_range()->set_high(4.94e-324); }},
      {kInvalid, "value_range",
       [](v1::AttributionOptions* o) { o->mutable_value_range()->set_high(1.01e140); }},
      {kInvalid, "value_range",
       [](v1::AttributionOptions* o) { o->mutable_value_range()->set_low(-1.01e140); }},
      {kInvalid, "value_range",
       [](auto* o) {
         o->mutable_value_range()->set_low(2);
         o->mutable_value_range()->set_high(2);
       }},
      {kInvalid, "scorer", [](auto* o) { o->set_scorer("nobody"); }},
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    v1::AttributionOptions sent;
    cases[i].change(&sent);
    const absl::Status status = Resolve(sent).status();
    EXPECT_EQ(status.code(), cases[i].code) << "case " << i << ": " << status;
    EXPECT_EQ(FieldOf(status), cases[i].field) << "case " << i;
  }
}

TEST(Options, ACallersBatchAndKindsAreChecked) {
  const auto make = [](const signals::EvaluatorTraits&, const evaluation::CallerLimits&) {
    return evaluation::CallerStack();
  };
  const auto field_of = [&](int batch_size, v1::QuestionKind kind) {
    v1::AttributionOptions sent;
    sent.mutable_caller()->set_batch_size(batch_size);
    sent.mutable_caller()->add_supports(kind);
    return FieldOf(ResolveOptions(sent, Limits(), Catalog(), MakeCallerFn(make)).status());
  };
  EXPECT_EQ(field_of(1, v1::QUESTION_KIND_COALITION), "");
  EXPECT_EQ(field_of(4096, v1::QUESTION_KIND_COALITION), "");
  EXPECT_EQ(field_of(4097, v1::QUESTION_KIND_COALITION), "caller.batch_size");
  EXPECT_EQ(field_of(-1, v1::QUESTION_KIND_COALITION), "caller.batch_size");
  EXPECT_EQ(field_of(1, v1::QUESTION_KIND_UNSPECIFIED), "caller.supports[0]");
}

// A thousand million rollouts took 20 s to plan (found by fuzzing).
TEST(Options, TheSearchHasALimit) {
  v1::AttributionOptions sent;
  sent.mutable_first_error()->set_max_rollouts(1'000'000);
  EXPECT_TRUE(Resolve(sent).ok());
  sent.mutable_first_error()->set_max_rollouts(1'000'001);
  EXPECT_EQ(FieldOf(Resolve(sent).status()), "first_error.max_rollouts");
  sent.mutable_first_error()->set_max_rollouts(0);
  sent.mutable_first_error()->set_max_node_rollouts(1'000'001);
  EXPECT_EQ(FieldOf(Resolve(sent).status()), "first_error.max_node_rollouts");
  sent.mutable_first_error()->set_max_node_rollouts(-1);
  EXPECT_EQ(FieldOf(Resolve(sent).status()), "first_error.max_node_rollouts");
}

// It cannot end before anything could be claimed.
TEST(Options, TheSearchIsSettledNotBelowTheConfidence) {
  v1::AttributionOptions sent;
  v1::FirstErrorOptions& first_error = *sent.mutable_first_error();
  EXPECT_EQ(Resolve(sent)->options->first_error.settled, 0.95);
  first_error.set_confidence(0.98);
  EXPECT_EQ(Resolve(sent)->options->first_error.settled, 0.98);
  EXPECT_EQ(Resolve(sent)->wire.first_error().settled(), 0.98);
  for (const double wrong : {0.97, 1.01, std::nan("")}) {
    first_error.set_settled(wrong);
    EXPECT_EQ(FieldOf(Resolve(sent).status()), "first_error.settled") << wrong;
  }
  first_error.set_settled(1);
  EXPECT_EQ(Resolve(sent)->options->first_error.settled, 1);
}

TEST(Options, ACallerNeedsAStream) {
  v1::AttributionOptions sent;
  sent.mutable_caller();
  EXPECT_EQ(FieldOf(Resolve(sent).status()), "caller");
}

TEST(Options, ACallerMaySayThatItIsDeterministic) {
  for (bool deterministic : {false, true}) {
    v1::AttributionOptions sent;
    sent.mutable_caller()->set_deterministic(deterministic);
    signals::EvaluatorTraits seen;
    const auto make = [&seen](const signals::EvaluatorTraits& traits,
                              const evaluation::CallerLimits&) {
      seen = traits;
      return evaluation::CallerStack();
    };
    ASSERT_TRUE(ResolveOptions(sent, Limits(), Catalog(), MakeCallerFn(make)).ok());
    EXPECT_EQ(seen.deterministic, deterministic);
  }
}

// A question names 64 agents by index, or 256 messages by indices up to 65,535; two ids of 256
// bytes each and 128 bytes for the rest go with them.
TEST(Options, ACallersBatchFitsIntoAResponse) {
  const auto batch_of = [](v1::QuestionKind kind, int max_response_bytes) {
    v1::AttributionOptions sent;
    sent.mutable_caller()->set_batch_size(4096);
    sent.mutable_caller()->add_supports(kind);
    sent.set_max_response_bytes(max_response_bytes);
    evaluation::CallerLimits seen;
    const auto make = [&seen](const signals::EvaluatorTraits&, const evaluation::CallerLimits& l) {
      seen = l;
      return evaluation::CallerStack();
    };
    const auto resolved = ResolveOptions(sent, Limits(), Catalog(), MakeCallerFn(make));
    EXPECT_TRUE(resolved.ok()) << resolved.status();
    EXPECT_EQ(resolved->wire.caller().batch_size(), seen.batch_size);
    return seen.batch_size;
  };
  constexpr int kRest = 2 * 256 + 128;
  constexpr int kOfCoalition = 64 + 16;
  constexpr int kOfMessages = 256 * 3 + 16;
  EXPECT_EQ(batch_of(v1::QUESTION_KIND_COALITION, kRest + 100 * kOfCoalition), 100);
  EXPECT_EQ(batch_of(v1::QUESTION_KIND_COALITION, kRest + 100 * kOfCoalition - 1), 99);
  EXPECT_EQ(batch_of(v1::QUESTION_KIND_MESSAGES, kRest + 80 * kOfMessages), 80);
  EXPECT_EQ(batch_of(v1::QUESTION_KIND_MESSAGES, kRest + 80 * kOfMessages - 1), 79);
  EXPECT_EQ(batch_of(v1::QUESTION_KIND_COALITION, 1 << 20), 4096);
}

}  // namespace
}  // namespace assay::service
