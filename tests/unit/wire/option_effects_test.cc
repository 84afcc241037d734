#include "server/wire/option_effects.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "server/wire/errors.h"

namespace assay::service {
namespace {

// Answers nothing; all that counts is what it could answer.
class Named final : public evaluation::Evaluator {
 public:
  explicit Named(uint32_t supports) {
    traits_.kind = signals::EvaluatorKind::kNamed;
    traits_.supports = supports;
  }
  absl::string_view name() const override { return "named"; }
  const signals::EvaluatorTraits& traits() const override { return traits_; }
  evaluation::CancelFn Evaluate(evaluation::Batch, evaluation::BatchDone done) override {
    done(absl::UnimplementedError("named"));
    return [] {};
  }

 private:
  signals::EvaluatorTraits traits_;
};

// The field of the option that has no effect; "": none.
std::string IdleOf(const v1::AttributionOptions& sent) {
  using signals::Bit;
  using signals::QuestionKind;
  Catalog catalog;
  catalog.evaluators["teams"] = std::make_shared<Named>(Bit(QuestionKind::kCoalition));
  catalog.evaluators["rollouts"] =
      std::make_shared<Named>(Bit(QuestionKind::kCoalition) | Bit(QuestionKind::kPrefix));
  const auto resolved = ResolveOptions(sent, Limits(), catalog, std::nullopt);
  EXPECT_TRUE(resolved.ok()) << resolved.status();
  const absl::Status status = CheckEffects(*resolved);
  if (status.ok()) return "";
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("has no effect: "), absl::string_view::npos) << status;
  return ErrorToWire(status).violations(0).field();
}

using Change = void (*)(v1::AttributionOptions*);

std::string IdleAfter(Change first, Change second) {
  v1::AttributionOptions sent;
  first(&sent);
  EXPECT_EQ(IdleOf(sent), "") << "without the second change";
  second(&sent);
  return IdleOf(sent);
}

void Nothing(v1::AttributionOptions*) {}
void Outcome(v1::AttributionOptions* o) { o->mutable_outcome(); }
void Vote(v1::AttributionOptions* o) { o->mutable_vote(); }
void Given(v1::AttributionOptions* o) { o->mutable_given(); }
void Teams(v1::AttributionOptions* o) { o->mutable_named()->set_name("teams"); }
void Rollouts(v1::AttributionOptions* o) { o->mutable_named()->set_name("rollouts"); }
void Method(v1::AttributionOptions* o) { o->mutable_estimator()->set_method(v1::METHOD_KERNEL); }
void Questions(v1::AttributionOptions* o) { o->mutable_estimator()->set_max_questions(9); }
void Width(v1::AttributionOptions* o) { o->mutable_estimator()->set_target_half_width(0.1); }
void Confidence(v1::AttributionOptions* o) { o->mutable_estimator()->set_confidence(0.9); }
void Samples(v1::AttributionOptions* o) { o->mutable_estimator()->set_samples_per_question(2); }
void MaxRollouts(v1::AttributionOptions* o) { o->mutable_first_error()->set_max_rollouts(8); }

TEST(OptionEffects, NothingIsEstimatedFromTheOutcome) {
  EXPECT_EQ(IdleAfter(Outcome, Method), "estimator.method");
  EXPECT_EQ(IdleAfter(Outcome, Questions), "estimator.max_questions");
  EXPECT_EQ(IdleAfter(Outcome, Width), "estimator.target_half_width");
  EXPECT_EQ(IdleAfter(Outcome, Confidence), "estimator.confidence");
  EXPECT_EQ(IdleAfter(Outcome, Samples), "estimator.samples_per_question");
  // So is every option of the estimator, those included that do not exist yet.
  const auto* fields = v1::EstimatorOptions::descriptor();
  for (int i = 0; i < fields->field_count(); ++i) {
    const auto* field = fields->field(i);
    v1::AttributionOptions sent;
    Outcome(&sent);
    v1::EstimatorOptions* estimator = sent.mutable_estimator();
    const auto* reflection = estimator->GetReflection();
    if (field->enum_type() != nullptr) reflection->SetEnumValue(estimator, field, 2);
    if (field->cpp_type() == field->CPPTYPE_INT32) reflection->SetInt32(estimator, field, 3);
    if (field->cpp_type() == field->CPPTYPE_DOUBLE) reflection->SetDouble(estimator, field, 0.25);
    EXPECT_EQ(IdleOf(sent), "estimator." + field->name());
  }
  for (Change change : {Method, Questions, Width, Confidence, Samples}) {
    EXPECT_EQ(IdleAfter(Nothing, change), "") << "each episode chooses its evaluator";
    EXPECT_EQ(IdleAfter(Teams, change), "");
  }
}

TEST(OptionEffects, ExactAnswersAreNotSampled) {
  EXPECT_EQ(IdleAfter(Vote, Samples), "estimator.samples_per_question");
  EXPECT_EQ(IdleAfter(Given, Samples), "estimator.samples_per_question");
  EXPECT_EQ(IdleAfter(Vote, Method), "");
  EXPECT_EQ(IdleAfter(Given, Questions), "");
}

TEST(OptionEffects, OnlyWhoAnswersPrefixesRollsOut) {
  for (Change evaluator : {Vote, Given, Outcome, Teams}) {
    EXPECT_EQ(IdleAfter(evaluator, MaxRollouts), "first_error.max_rollouts");
  }
  EXPECT_EQ(IdleAfter(Rollouts, MaxRollouts), "");
  EXPECT_EQ(IdleAfter(Nothing, MaxRollouts), "");
}

TEST(OptionEffects, PartsOfWhatIsSwitchedOff) {
  const Change no_kappa = [](auto* o) { o->mutable_message_rewards()->set_kappa(0); };
  const Change penalty = [](auto* o) { o->mutable_message_rewards()->set_redundancy_penalty(0.5); };
  EXPECT_EQ(IdleAfter(no_kappa, penalty), "message_rewards.redundancy_penalty");
  EXPECT_EQ(IdleAfter(Nothing, penalty), "");
  const Change one_sided = [](auto* o) {
    o->mutable_preferences()->add_kinds(v1::PREFERENCE_KIND_ONE_SIDED);
  };
  const Change step = [](auto* o) {
    o->mutable_preferences()->add_kinds(v1::PREFERENCE_KIND_STEP);
  };
  const Change margin = [](auto* o) { o->mutable_preferences()->set_margin(0.1); };
  EXPECT_EQ(IdleAfter(one_sided, margin), "preferences.margin");
  EXPECT_EQ(IdleAfter(step, margin), "");
  EXPECT_EQ(IdleAfter(Nothing, margin), "");
}

TEST(OptionEffects, OwenValuesLeaveNothingToWeigh) {
  const Change owen = [](auto* o) {
    o->mutable_vote();
    o->mutable_message_rewards()->set_evidence(v1::EVIDENCE_OWEN);
  };
  const Change weigh = [](auto* o) { o->mutable_message_rewards()->set_weigh_by_tokens(true); };
  EXPECT_EQ(IdleAfter(owen, weigh), "message_rewards.weigh_by_tokens");
  EXPECT_EQ(IdleAfter(Vote, weigh), "");
  EXPECT_EQ(IdleAfter(Nothing, weigh), "");
  const Change owen_of_outcome = [](auto* o) {
    o->mutable_outcome();
    o->mutable_message_rewards()->set_evidence(v1::EVIDENCE_OWEN);
  };
  EXPECT_EQ(IdleAfter(owen_of_outcome, weigh), "") << "credit is shared by other evidence";
}

TEST(OptionEffects, OneRateIsSharedByItself) {
  const Change one_low = [](auto* o) {
    o->mutable_first_error()->mutable_model()->add_low_rates(0.1);
  };
  const Change one_rate = [](auto* o) {
    o->mutable_first_error()->mutable_model()->add_low_rates(0.1);
    o->mutable_first_error()->mutable_model()->add_high_rates(0.9);
  };
  const Change shared = [](auto* o) {
    o->mutable_first_error()->mutable_model()->set_shared_level(0.5);
  };
  EXPECT_EQ(IdleAfter(one_rate, shared), "first_error.model.shared_level");
  EXPECT_EQ(IdleAfter(one_low, shared), "");
  EXPECT_EQ(IdleAfter(Nothing, shared), "");
}

TEST(OptionEffects, PartsOfAdvantages) {
  const Change undivided = [](auto* o) {
    o->mutable_advantages()->set_scale(v1::OUTCOME_SCALE_NONE);
  };
  const Change epsilon = [](auto* o) { o->mutable_advantages()->set_epsilon(0.1); };
  EXPECT_EQ(IdleAfter(undivided, epsilon), "advantages.epsilon");
  EXPECT_EQ(IdleAfter(Nothing, epsilon), "");
  const Change no_credit = [](auto* o) {
    o->mutable_advantages()->set_credit(v1::CREDIT_PART_NONE);
  };
  const Change blend = [](auto* o) { o->mutable_advantages()->set_blend(0.5); };
  const Change no_blend = [](auto* o) { o->mutable_advantages()->set_blend(0); };
  EXPECT_EQ(IdleAfter(no_credit, blend), "advantages.blend");
  EXPECT_EQ(IdleAfter(no_credit, no_blend), "");
  EXPECT_EQ(IdleAfter(Nothing, blend), "");
  const Change off = [](auto* o) {
    o->mutable_advantages()->mutable_recombination()->set_mode(v1::RECOMBINATION_MODE_OFF);
  };
  EXPECT_EQ(
      IdleAfter(off,
                [](auto* o) { o->mutable_advantages()->mutable_recombination()->set_siblings(2); }),
      "advantages.recombination.siblings");
  EXPECT_EQ(IdleAfter(off,
                      [](auto* o) {
                        o->mutable_advantages()->mutable_recombination()->set_max_questions(2);
                      }),
            "advantages.recombination.max_questions");
  EXPECT_EQ(
      IdleAfter([](auto* o) { o->mutable_advantages()->set_outcome(v1::OUTCOME_PART_CONTROL); },
                [](auto* o) { o->mutable_advantages()->mutable_recombination()->set_siblings(2); }),
      "advantages.recombination.siblings");
  EXPECT_EQ(
      IdleAfter(Nothing,
                [](auto* o) { o->mutable_advantages()->mutable_recombination()->set_siblings(2); }),
      "");
}

// What a stream echoes may be sent again.
TEST(OptionEffects, OptionsAsResolvedAreTaken) {
  for (Change change : {Nothing, Outcome, Vote, Given, Teams, Rollouts}) {
    v1::AttributionOptions sent;
    change(&sent);
    sent.mutable_advantages()->set_scale(v1::OUTCOME_SCALE_NONE);
    sent.mutable_advantages()->set_credit(v1::CREDIT_PART_NONE);
    sent.mutable_message_rewards()->set_kappa(0);
    Catalog catalog;
    for (const char* name : {"teams", "rollouts"}) {
      catalog.evaluators[name] = std::make_shared<Named>(0);
    }
    const auto resolved = ResolveOptions(sent, Limits(), catalog, std::nullopt);
    ASSERT_TRUE(resolved.ok());
    EXPECT_EQ(IdleOf(resolved->wire), "");
  }
}

}  // namespace
}  // namespace assay::service
