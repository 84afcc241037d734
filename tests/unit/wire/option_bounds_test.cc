// Where the range of each option ends.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <iterator>

#include "tests/unit/wire/resolve.h"

namespace assay::service {
namespace {

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

// A thousand million rollouts took 20 s to plan (found by fuzzing).
TEST(Options, TheSearchHasALimit) {
  v1::AttributionOptions sent;
  sent.mutable_first_error()->set_max_rollouts(1'000'000);
  EXPECT_TRUE(Resolve(sent).ok());
  sent.mutable_first_error()->set_max_rollouts(1'000'001);
  EXPECT_EQ(FieldOf(Resolve(sent).status()), "first_error.max_rollouts");
}

}  // namespace
}  // namespace assay::service
