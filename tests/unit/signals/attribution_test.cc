#include "server/signals/attribution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "server/signals/unions.h"
#include "tests/unit/signals/play.h"

namespace assay::signals {
namespace {

using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Pointwise;
using testing::Rewards;
using testing::RunOutcome;
using testing::RunTable;
using testing::RunWith;
using testing::Say;
using testing::Team;
using testing::Traits;
using testing::ValueFn;

MATCHER_P(NearBy, tolerance, "") {
  return std::abs(std::get<0>(arg) - std::get<1>(arg)) <= tolerance;
}

std::vector<double> Credits(const Signals& signals) {
  std::vector<double> credits;
  for (const AgentSignal& agent : signals.agents) credits.push_back(agent.credit);
  return credits;
}

TEST(Attribution, WorkedExampleE1) {
  Episode episode = Team(3);
  for (int i = 0; i < 3; ++i) Say(episode, i);
  episode.score = 1;
  const auto signals = RunTable(episode, {}, {0, .5, 0, .7, 0, .6, 0, 1});
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_THAT(Credits(*signals),
              Pointwise(NearBy(1e-7), std::vector<double>{0.7166667, 0.1666667, 0.1166667}));
  EXPECT_THAT(Rewards(*signals), Pointwise(NearBy(1e-12), Credits(*signals)));
  EXPECT_TRUE(signals->success);
  EXPECT_LE(signals->conservation.error, 1e-12);
  EXPECT_EQ(signals->questions, 8);
}

TEST(Attribution, WorkedExampleE2PunishesTheSaboteur) {
  Episode episode = Team(3);
  for (int i = 0; i < 3; ++i) Say(episode, i);
  const auto signals = RunTable(episode, {}, {0, 0, 0, 1, 0, 0, 0, .6});
  ASSERT_TRUE(signals.ok());
  EXPECT_THAT(Credits(*signals),
              Pointwise(NearBy(1e-7), std::vector<double>{0.3666667, 0.3666667, -0.1333333}));
  EXPECT_LT(signals->messages[2].reward, 0);
  EXPECT_DOUBLE_EQ(signals->score, 0.6) << "without an outcome the score is v(N)";
}

TEST(Attribution, ReportsWhatTheOutcomeHasBeyondTheGrandValue) {
  Episode episode = Team(1);
  Say(episode, 0);
  episode.score = 0.9;
  const auto signals = RunTable(episode, {}, {0.1, 0.7});
  ASSERT_TRUE(signals.ok());
  EXPECT_NEAR(signals->unexplained, 0.2, 1e-12);
  EXPECT_TRUE(signals->outcome_mismatch);
  EXPECT_NEAR(Rewards(*signals)[0], 0.6, 1e-12) << "credit conserves v(N) - v(empty)";
}

TEST(Attribution, ASilentAgentKeepsItsCreditUnallocated) {
  Episode episode = Team(2);
  Say(episode, 0);
  const auto signals = RunTable(episode, {}, {0, .5, .5, 1});
  ASSERT_TRUE(signals.ok());
  EXPECT_DOUBLE_EQ(signals->agents[1].unallocated, 0.5);
  EXPECT_DOUBLE_EQ(signals->conservation.unallocated, 0.5);
  EXPECT_LE(signals->conservation.error, 1e-12);
}

TEST(Attribution, ScoresTellHelpFromHarm) {
  Episode episode = Team(1);
  Say(episode, 0, "one two three four five").process_score = 0.8;
  Say(episode, 0, "six seven eight nine ten").process_score = -0.6;
  episode.score = 1;
  const auto signals = RunTable(episode, {}, {0, 1});
  ASSERT_TRUE(signals.ok());
  EXPECT_EQ(signals->evidence, EvidenceKind::kScores);
  // x = (.4, -.3), C = 1, bounds [0, 2] and [-2, 0]: lambda would lift the second above 0.
  EXPECT_NEAR(signals->messages[0].reward, 1, 1e-12);
  EXPECT_NEAR(signals->messages[1].reward, 0, 1e-12);
}

TEST(Attribution, SeveralJudgesOfOneMessageAreHeardAlike) {
  Episode episode = Team(1);
  Say(episode, 0, "one two three four five").process_score = 0.2;
  episode.messages[0].judge_scores = {{"strict", -0.4}, {"mild", 0.8}};
  Say(episode, 0, "six seven eight nine ten").process_score = 0.2;
  episode.score = 1;
  const auto signals = RunTable(episode, {}, {0, 1});
  ASSERT_TRUE(signals.ok());
  EXPECT_NEAR(signals->messages[0].reward, signals->messages[1].reward, 1e-12);
}

TEST(Attribution, EqualSharesKeepTheSignsOfTheScores) {
  Episode episode = Team(1);
  Say(episode, 0, "one two three four five").process_score = -1;
  Say(episode, 0, "six seven eight nine ten").process_score = 1;
  episode.score = 1;
  Options options;
  options.message_rewards.evidence = EvidenceKind::kEqual;
  const auto signals = RunTable(episode, options, {0, 1});
  ASSERT_TRUE(signals.ok());
  EXPECT_NEAR(signals->messages[0].reward, 0, 1e-12);
  EXPECT_NEAR(signals->messages[1].reward, 1, 1e-12);
}

TEST(Attribution, CreditByOutcomeIsTheSumOfTheRewards) {
  Episode episode = Team(2);
  Say(episode, 0, "one two three four five").process_score = -1;
  Say(episode, 1, "six seven eight nine ten").process_score = 0.2;
  for (int t = 0; t < 2; ++t) episode.messages[t].prefix_value = 0.5 + 0.2 * t;
  episode.score = 1;
  Options options;
  options.message_rewards.evidence = EvidenceKind::kScores;
  const auto signals = RunOutcome(episode, options);
  ASSERT_TRUE(signals.ok());
  for (const AgentSignal& agent : signals->agents) EXPECT_EQ(agent.credit, agent.reward_total);
}

TEST(Attribution, DustIsNoReward) {
  Episode episode = Team(1);
  Say(episode, 0, "one").prefix_value = 0.8;
  Say(episode, 0, "two").prefix_value = 0.9;
  Say(episode, 0, "three").prefix_value = 0.7 + 0.2;
  episode.score = 1;
  const auto signals = RunTable(episode, {}, {0.8, 1});
  ASSERT_TRUE(signals.ok());
  EXPECT_NE(0.9, 0.7 + 0.2);
  EXPECT_EQ(signals->messages[1].reward, 0);
}

TEST(Attribution, PrefixValuesAreDifferences) {
  Episode episode = Team(2);
  Say(episode, 0).prefix_value = 0.2;
  Say(episode, 1).prefix_value = 0.5;
  Say(episode, 0).prefix_value = 0.4;
  episode.score = 1;
  const auto signals = RunTable(episode, {}, {0, .9, .1, 1});
  ASSERT_TRUE(signals.ok());
  EXPECT_EQ(signals->evidence, EvidenceKind::kPrefix);
  // Agent 0: x = (.3, .6), C = .9.
  EXPECT_NEAR(signals->messages[0].reward, 0.3, 1e-12);
  EXPECT_NEAR(signals->messages[2].reward, 0.6, 1e-12);
  EXPECT_NEAR(signals->messages[1].reward, 0.1, 1e-12);
}

TEST(Attribution, ARepeatEarnsLessThanItsOriginal) {
  Episode episode = Team(1);
  Say(episode, 0, "the proof follows from lemma two directly");
  Say(episode, 0, "the proof follows from lemma two directly");
  episode.score = 1;
  const auto signals = RunOutcome(episode, {});
  ASSERT_TRUE(signals.ok());
  EXPECT_EQ(signals->messages[1].redundancy, 1);
  EXPECT_GT(signals->messages[0].reward, 0.95);
  EXPECT_LT(signals->messages[1].reward, 0.05);
}

TEST(Attribution, ANewcomersEpisodeGetsRewardsByOutcomeAlone) {
  Episode episode = Team(2);
  Say(episode, 0, "a plan with several steps");
  Say(episode, 1, "an answer that follows it");
  episode.score = 1;
  const auto signals = RunOutcome(episode, {});
  ASSERT_TRUE(signals.ok());
  EXPECT_EQ(signals->evidence, EvidenceKind::kEqual);
  EXPECT_FALSE(signals->method.has_value()) << "nothing is called Shapley";
  EXPECT_THAT(Rewards(*signals), Each(DoubleNear(0.5, 1e-12)));
  EXPECT_DOUBLE_EQ(signals->agents[0].credit, signals->agents[0].reward_total);
}

TEST(Attribution, WithoutScoreAndEvaluatorThereIsNothingToShare) {
  Episode episode = Team(1);
  Say(episode, 0);
  const auto signals = RunOutcome(episode, {});
  EXPECT_EQ(signals.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(signals.status().message()), HasSubstr("outcome.score"));
}

TEST(Attribution, EvidenceAskedForButMissingIsAnError) {
  Episode episode = Team(1);
  Say(episode, 0);
  episode.score = 1;
  Options options;
  options.message_rewards.evidence = EvidenceKind::kPrefix;
  const auto signals = RunTable(episode, options, {0, 1});
  EXPECT_EQ(signals.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(signals.status().message()), HasSubstr("message_rewards.evidence"));
}

TEST(Attribution, RefusesAnswersThatAreNoValues) {
  Episode episode = Team(1);
  Say(episode, 0);
  episode.score = 1;
  for (double bad : {std::numeric_limits<double>::quiet_NaN(), 1.5, -0.1}) {
    const auto signals =
        RunWith(episode, {}, Traits(EvaluatorKind::kCaller, {QuestionKind::kCoalition}),
                [bad](const Question& q) { return q.coalition() == 0 ? 0 : bad; });
    EXPECT_EQ(signals.status().code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_EQ(RunTable(episode, {}, {0, bad}).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(RunTable(episode, {}, {0, 1, 1}).status().code(), absl::StatusCode::kInvalidArgument);
}

// Each of the answers to one batch, and the answer that is the only one.
TEST(Attribution, ChecksEveryAnswer) {
  Episode episode = Team(2);
  for (const int author : {0, 1, 0}) Say(episode, author).process_score = 0.5;
  episode.score = 1;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto told = [&](const EvaluatorTraits& traits, const EvaluatorTraits& scorer, size_t which,
                        const Answer& bad) {
    const Options options;
    Attribution plan(episode, options, traits, scorer);
    std::vector<Answer> answers(plan.ask().size());
    for (size_t k = 0; k < answers.size(); ++k) {
      if (plan.ask()[k].kind == QuestionKind::kMessageScores) answers[k].scores.assign(3, 1.0);
    }
    answers.at(which) = bad;
    const absl::Status status = plan.tell(answers);
    EXPECT_EQ(plan.finish().ok(), status.ok());
    return status.code();
  };
  constexpr auto kBad = absl::StatusCode::kInvalidArgument;
  const EvaluatorTraits caller = Traits(EvaluatorKind::kCaller, {QuestionKind::kCoalition});
  const EvaluatorTraits scorer = Traits(EvaluatorKind::kNamed, {QuestionKind::kMessageScores});
  const auto value = [](double mean, double variance = 0, int samples = 1) {
    Answer answer;
    answer.mean = mean;
    answer.variance = variance;
    answer.samples = samples;
    return answer;
  };
  const auto scores = [](const std::vector<double>& of) {
    Answer answer;
    answer.scores = of;
    return answer;
  };
  for (size_t which = 0; which < 4; ++which) {
    EXPECT_EQ(told(caller, {}, which, value(1)), absl::StatusCode::kOk);
    for (const Answer& bad : {value(nan), value(1.001), value(-0.001), value(0, nan),
                              value(0, -0.001), value(0, HUGE_VAL), value(0, 0, 0)}) {
      EXPECT_EQ(told(caller, {}, which, bad), kBad) << which;
    }
  }
  for (const EvaluatorTraits& beside : {EvaluatorTraits(), caller}) {
    const size_t last = beside.supports == 0 ? 0 : 4;
    EXPECT_EQ(told(beside, scorer, last, scores({-1, nan, 1})), absl::StatusCode::kOk);
    for (const std::vector<double>& bad :
         {std::vector<double>{0, 0}, {0, 0, 0, 0}, {0, 0, 1.001}, {-1.001, 0, 0}}) {
      EXPECT_EQ(told(beside, scorer, last, scores(bad)), kBad);
    }
  }
  // Values of prefixes are checked nowhere else.
  EvaluatorTraits prefixes =
      Traits(EvaluatorKind::kCaller, {QuestionKind::kAllCoalitions, QuestionKind::kPrefix});
  bool first = true;
  const ValueFn bad_at_first = [&first](const Question&) {
    return std::exchange(first, false) ? 2.0 : 0.0;
  };
  EXPECT_EQ(RunWith(episode, {}, prefixes, bad_at_first, {0, 0.2, 0.3, 1}).status().code(), kBad);
}

// A variance of 0 is exact, whether or not the caller has said that it is deterministic.
TEST(Attribution, ExactAnswersOfACallerAreUsedAsExact) {
  Episode episode = Team(8);
  for (int i = 0; i < 8; ++i) Say(episode, i);
  Options options;
  options.estimator.max_questions = 96;
  const auto value = [](const Question& q) {
    return (std::popcount(q.coalition()) + (q.coalition() & 1) * 2) / 10.0;
  };
  for (bool deterministic : {false, true}) {
    EvaluatorTraits traits = Traits(EvaluatorKind::kCaller, {QuestionKind::kCoalition}, false);
    traits.deterministic = deterministic;
    const auto signals = RunWith(episode, options, traits, value);
    ASSERT_TRUE(signals.ok()) << signals.status();
    EXPECT_EQ(signals->total_std_error, 0);
    EXPECT_NEAR(signals->agents[0].credit, 0.3, 1e-3);
    EXPECT_NEAR(signals->agents[7].credit, 0.1, 1e-3);
    EXPECT_LT(signals->agents[7].std_error, 0.03);  // no noise, but what no look has met
  }
}

TEST(Attribution, TooFewAnswersEndTheAttribution) {
  Episode episode = Team(2);
  Say(episode, 0);
  const Options options;
  Attribution plan(episode, options, Traits(EvaluatorKind::kCaller, {QuestionKind::kCoalition}));
  EXPECT_FALSE(plan.tell({Answer()}).ok());
  EXPECT_TRUE(plan.done());
  EXPECT_FALSE(plan.finish().ok());
}

TEST(Attribution, RewardsScaleWithTheValues) {
  Episode episode = Team(3);
  for (int i : {0, 1, 2, 0, 1}) Say(episode, i, "some words that repeat themselves");
  Options unit;
  Options scaled;
  scaled.range = {-30, 70};
  scaled.success_threshold = 20;
  scaled.reward_bound = 200;
  scaled.reference_score = 70;
  scaled.message_rewards.kappa = 50;
  std::vector<double> table = {0.1, .5, 0.2, .7, 0, .6, 0.3, 1};
  std::vector<double> stretched;
  for (double v : table) stretched.push_back(100 * v - 30);
  const auto small = RunTable(episode, unit, table);
  const auto large = RunTable(episode, scaled, stretched);
  ASSERT_TRUE(small.ok() && large.ok());
  for (size_t t = 0; t < 5; ++t) {
    EXPECT_NEAR(large->messages[t].reward, 100 * small->messages[t].reward, 1e-9);
  }
}

TEST(Attribution, FullAuditKeepsQuestionsAndEvidence) {
  Episode episode = Team(2);
  Say(episode, 0);
  Say(episode, 1);
  Options options;
  options.audit = AuditLevel::kFull;
  const auto value = [](const Question& q) { return std::popcount(q.coalition()) / 2.0; };
  const auto signals =
      RunWith(episode, options, Traits(EvaluatorKind::kCaller, {QuestionKind::kCoalition}), value);
  ASSERT_TRUE(signals.ok());
  EXPECT_EQ(signals->asked.size(), 4);
  EXPECT_EQ(signals->message_audits.size(), 2);
  const auto table = RunTable(episode, options, {0, .5, .5, 1});
  ASSERT_TRUE(table.ok());
  ASSERT_EQ(table->asked.size(), 1);
  EXPECT_EQ(table->asked[0].table, (std::vector<double>{0, .5, .5, 1}));
  EXPECT_TRUE(table->asked[0].answer.table.empty());
}

}  // namespace
}  // namespace assay::signals
