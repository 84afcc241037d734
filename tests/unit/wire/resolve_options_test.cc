#include "server/wire/resolve_options.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/wire/resolve.h"

namespace assay::service {
namespace {

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
