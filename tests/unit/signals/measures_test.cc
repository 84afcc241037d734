// What an episode's signals carry for advantages: values without an agent, credit and change of
// value of each message, scores, and whether the messages were written in parallel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "server/signals/message_credit.h"
#include "server/signals/value_changes.h"
#include "tests/unit/signals/play.h"

namespace assay::signals {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;
using testing::RunOutcome;
using testing::RunTable;
using testing::RunWith;
using testing::Say;
using testing::Team;
using testing::Traits;

double Size(Coalition coalition) { return std::popcount(coalition); }

TEST(Measures, ATableHoldsTheValuesWithoutEachAgent) {
  Episode episode = Team(2);
  Say(episode, 0);
  Say(episode, 1);
  const auto signals = RunTable(episode, {}, {0, .25, .5, 1});
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_THAT(signals->agents[0].value_without, Optional(.5));
  EXPECT_THAT(signals->agents[1].value_without, Optional(.25));
}

TEST(Measures, OneAgentsTeamWithoutItIsNobody) {
  Episode episode = Team(1);
  Say(episode, 0);
  const auto signals = RunTable(episode, {}, {.125, 1});
  ASSERT_TRUE(signals.ok());
  EXPECT_THAT(signals->agents[0].value_without, Optional(.125));
}

// Every method that asks for teams without one agent keeps what it was told; the others leave it
// open rather than 0.
TEST(Measures, EstimatorsKeepWhatTheyWereTold) {
  const int n = 8;
  Episode episode = Team(n);
  for (int i = 0; i < n; ++i) Say(episode, i);
  Options options;
  options.estimator.max_questions = 40;
  const EvaluatorTraits traits = Traits(EvaluatorKind::kCaller, {QuestionKind::kCoalition}, false);
  const auto value = [](const Question& q) {
    return Size(q.coalition()) / 16 + (q.coalition() & 1) * .25;
  };
  for (const credit::Method method :
       {credit::Method::kOddBayes, credit::Method::kAntithetic, credit::Method::kPermutation,
        credit::Method::kLeverage, credit::Method::kKernel}) {
    options.estimator.method = method;
    const auto signals = RunWith(episode, options, traits, value);
    ASSERT_TRUE(signals.ok()) << signals.status();
    for (int i = 0; i < n; ++i) {
      const std::optional<double>& without = signals->agents[i].value_without;
      if (method == credit::Method::kOddBayes) {
        EXPECT_TRUE(without.has_value());
      }
      if (without.has_value()) {
        EXPECT_EQ(*without, 7. / 16 + (i > 0) * .25) << credit::MethodName(method);
      }
    }
  }
}

TEST(Measures, NoCounterfactualNoCredit) {
  Episode episode = Team(2);
  Say(episode, 0);
  Say(episode, 1);
  episode.score = 1;
  const auto signals = RunOutcome(episode, {});
  ASSERT_TRUE(signals.ok());
  EXPECT_FALSE(signals->agents[0].value_without.has_value());
  EXPECT_FALSE(signals->messages[0].credit.has_value());
  EXPECT_FALSE(signals->messages[0].value_change.has_value());
  EXPECT_FALSE(signals->messages[0].process_score.has_value());
  EXPECT_FALSE(signals->owen_values);
}

TEST(Measures, MessagesShareTheirAuthorsCreditWhereNoneWasAskedAbout) {
  Episode episode = Team(2);
  for (const int agent : {0, kContext, 0, 1}) Say(episode, agent);
  for (const double score : {0.0, 1.0}) {
    const auto signals = RunTable(episode, {}, {0, .5 * score, .25 * score, score});
    ASSERT_TRUE(signals.ok()) << signals.status();
    EXPECT_EQ(signals->success, score == 1);
    EXPECT_FALSE(signals->owen_values);
    EXPECT_THAT(signals->messages[0].credit, Optional(.625 / 2 * score));
    EXPECT_THAT(signals->messages[1].credit, Optional(.625 / 2 * score));
    EXPECT_THAT(signals->messages[2].credit, Optional(.375 * score));
  }
}

TEST(Measures, OwenValuesAreTheMessagesOwn) {
  const Episode episode = [] {
    Episode e = Team(2);
    for (const int agent : {0, kContext, 0, 1}) Say(e, agent);
    return e;
  }();
  const MessageCredits owen = CreditMessages(episode, {.5, 0, .125, .25}, {.625, .25});
  EXPECT_TRUE(owen.owen);
  EXPECT_THAT(owen.values, ElementsAre(.5, 0, .125, .25));
  EXPECT_FALSE(CreditMessages(episode, {}, {.625, .25}).owen);
  EXPECT_TRUE(CreditMessages(episode, {}, {}).values.empty());
  Episode once = Team(3);
  Say(once, 2);
  Say(once, 0);
  const MessageCredits single = CreditMessages(once, {}, {.5, .25, -.5});
  EXPECT_TRUE(single.owen) << "one message an agent has its author's credit as its Owen value";
  EXPECT_THAT(single.values, ElementsAre(-.5, .5));
}

TEST(Measures, OpinionsOfSeveralJudgesAreAveraged) {
  Episode episode = Team(1);
  Say(episode, 0).judge_scores = {{"x", 1}, {"y", -.5}};
  Say(episode, 0);
  episode.score = 1;
  const auto signals = RunOutcome(episode, {});
  ASSERT_TRUE(signals.ok());
  EXPECT_THAT(signals->messages[0].process_score, Optional(.25));
  EXPECT_FALSE(signals->messages[1].process_score.has_value());
}

TEST(Measures, ParallelIsOneKnownRoundOrOneAuthor) {
  Episode episode = Team(2);
  Say(episode, kContext);
  Say(episode, 0, "words", 2);
  EXPECT_TRUE(WroteInParallel(episode));
  Say(episode, 0, "words", 3);
  EXPECT_TRUE(WroteInParallel(episode)) << "there is nobody else to read";
  Say(episode, 1, "words", 2);
  EXPECT_FALSE(WroteInParallel(episode));
  episode.messages[2].round = 2;
  EXPECT_TRUE(WroteInParallel(episode));
  for (Message& m : episode.messages) m.round = 0;
  EXPECT_FALSE(WroteInParallel(episode)) << "rounds are not known";
}

TEST(Measures, GivenValuesAreTakenAsTheyAre) {
  Episode episode = Team(1);
  Say(episode, 0).prefix_value = .25;
  Say(episode, kContext).prefix_value = .75;
  Say(episode, 0).prefix_value = .5;
  Say(episode, 0);
  episode.score = 1;
  const auto changes = ValueChanges(episode, {}, {}, 1);
  ASSERT_TRUE(changes[0].has_value());
  EXPECT_EQ(changes[0]->mean, .5);
  EXPECT_EQ(changes[0]->variance, 0);
  EXPECT_FALSE(changes[1].has_value()) << "context";
  EXPECT_FALSE(changes[2].has_value()) << "the node behind it has no value";
  EXPECT_FALSE(changes[3].has_value());
  episode.messages[3].prefix_value = .5;
  EXPECT_EQ(ValueChanges(episode, {}, {}, 1)[3]->mean, .5) << "the last node has the score";
  for (Message& m : episode.messages) m.prefix_value.reset();
  EXPECT_TRUE(ValueChanges(episode, {}, {}, 1).empty());
}

// A baseline must not know how the episode ended.
TEST(Measures, ValuesOfRolloutsDoNotKnowTheOutcome) {
  Episode episode = Team(2);
  for (int t = 0; t < 4; ++t) {
    Say(episode, t % 2).rollouts = blame::Rollouts{t < 2 ? 6. : 2., 8};
    episode.messages.back().process_score = t == 2 ? -1 : 1;
  }
  const auto lost = ValueChanges(episode, {}, {}, 0);
  episode.messages[2].first_error = true;
  const auto won = ValueChanges(episode, {}, {}, 1);
  for (int t = 0; t < 3; ++t) {
    EXPECT_EQ(lost[t]->mean, won[t]->mean);
    EXPECT_GT(lost[t]->variance, 0);
  }
  EXPECT_DOUBLE_EQ(won[3]->mean - lost[3]->mean, 1);
  EXPECT_LT(won[3]->variance, won[2]->variance) << "the score itself is exact";
  EXPECT_LT(lost[1]->mean, -.3);
  EXPECT_LT(std::abs(lost[0]->mean), .1) << "what the rollouts do not tell apart";
}

TEST(Measures, PrefixAnswersAreExactUnlessTheyVary) {
  Episode episode = Team(1);
  for (int t = 0; t < 3; ++t) Say(episode, 0);
  Options options;
  const auto answer = [&](double variance, bool deterministic) {
    EvaluatorTraits traits =
        Traits(EvaluatorKind::kCaller, {QuestionKind::kCoalition, QuestionKind::kPrefix}, true);
    traits.deterministic = deterministic;
    Attribution plan(episode, options, traits);
    while (!plan.done()) {
      std::vector<Answer> answers;
      for (const Question& question : plan.ask()) {
        const bool prefix = question.kind == QuestionKind::kPrefix;
        Answer& told = answers.emplace_back();
        told.mean = prefix ? .25 * question.index : static_cast<double>(question.coalition());
        told.samples = prefix ? 8 : 1;
        told.variance = prefix ? variance : 0;
      }
      EXPECT_TRUE(plan.tell(answers).ok());
    }
    return *plan.finish()->messages[1].value_change;
  };
  EXPECT_EQ(answer(0, true).mean, .25);
  EXPECT_EQ(answer(.1, true).variance, 0) << "it says that it always answers the same";
  EXPECT_EQ(answer(0, false).variance, 0);
  EXPECT_GT(answer(.1, false).variance, 0);
  EXPECT_NE(answer(.1, false).mean, .25);
}

}  // namespace
}  // namespace assay::signals
