#include "server/service/options.h"

#include <gtest/gtest.h>

#include <limits>

#include "server/service/errors.h"

namespace assay::service {
namespace {

absl::StatusOr<ResolvedOptions> Resolve(const v1::AttributionOptions& sent) {
  return ResolveOptions(sent, Limits(), Catalog(), std::nullopt);
}

std::string FieldOf(const absl::Status& status) {
  const v1::Error error = ToWire(status);
  return error.violations_size() == 0 ? "" : error.violations(0).field();
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
  EXPECT_DOUBLE_EQ(options.advantages.epsilon, 4e-6);
  EXPECT_EQ(options.estimator.confidence, 0.95);
  EXPECT_EQ(options.first_error.propagated_share, 0.63);
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

TEST(Options, ACallerNeedsAStream) {
  v1::AttributionOptions sent;
  sent.mutable_caller();
  EXPECT_EQ(FieldOf(Resolve(sent).status()), "caller");
}

TEST(Options, EvaluateBatchesFitIntoAResponse) {
  v1::AttributionOptions sent;
  sent.mutable_caller()->set_batch_size(4096);
  sent.mutable_caller()->add_supports(v1::QUESTION_KIND_MESSAGES);
  sent.set_max_response_bytes(64 << 10);
  evaluation::CallerLimits seen;
  const auto make = [&seen](const signals::EvaluatorTraits&, const evaluation::CallerLimits& l) {
    seen = l;
    return evaluation::CallerStack();
  };
  const auto resolved = ResolveOptions(sent, Limits(), Catalog(), MakeCallerFn(make));
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  // 256 kept messages with indices up to 65,535, and an id of 256 bytes.
  constexpr int kLargestQuestion = 256 * 3 + 16;
  EXPECT_LE(seen.batch_size * kLargestQuestion + 512, 64 << 10);
  EXPECT_GE(seen.batch_size, 64);
  EXPECT_EQ(resolved->wire.caller().batch_size(), seen.batch_size);
}

}  // namespace
}  // namespace assay::service
