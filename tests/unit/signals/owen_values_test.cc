// Owen values of messages: asked one by one, or as a table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "server/signals/attribution.h"
#include "server/signals/unions.h"
#include "tests/unit/signals/play.h"

namespace assay::signals {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;
using testing::Rewards;
using testing::RunWith;
using testing::Say;
using testing::Team;
using testing::Traits;

TEST(Attribution, OwenValuesShareAnAgentsCreditAmongItsMessages) {
  Episode episode = Team(2);
  Say(episode, 0);
  Say(episode, 1);
  Say(episode, 0);
  episode.score = 1;
  // Only the second message of agent 0 and the message of agent 1 together are worth anything.
  const auto value = [](const Question& q) {
    if (q.kind == QuestionKind::kCoalition) return q.coalition() == 3 ? 1.0 : 0.0;
    return q.players.contains(1) && q.players.contains(2) ? 1.0 : 0.0;
  };
  const auto signals = RunWith(
      episode, {},
      Traits(EvaluatorKind::kCaller, {QuestionKind::kCoalition, QuestionKind::kMessages}), value);
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_EQ(signals->evidence, EvidenceKind::kOwen);
  EXPECT_THAT(Rewards(*signals), Pointwise(DoubleNear(1e-12), std::vector<double>{0, .5, .5}));
}

// Both tables at once: coalitions {}, {0}, {1}, {0, 1}; then the sets of messages.
absl::StatusOr<Signals> RunOwenTable(const Episode& episode, const Options& options,
                                     std::vector<double> sets) {
  const std::vector<double> coalitions = {0, 0, 0, 1};
  Attribution plan(
      episode, options,
      Traits(EvaluatorKind::kVote,
             {QuestionKind::kMessages, QuestionKind::kAllCoalitions, QuestionKind::kOwenSets}));
  while (!plan.done()) {
    EXPECT_EQ(plan.ask().size(), 1);
    Answer answer;
    const bool owen = plan.ask()[0].kind == QuestionKind::kOwenSets;
    answer.table = owen ? sets : coalitions;
    if (absl::Status status = plan.tell({&answer, 1}); !status.ok()) return status;
  }
  return plan.finish();
}

TEST(Attribution, OwenValuesComeFromATableWhereThereIsOne) {
  Episode episode = Team(2);
  Say(episode, 0);
  Say(episode, 1);
  Say(episode, 0);
  episode.score = 1;
  Options options;
  options.audit = AuditLevel::kFull;
  // Only the second message of agent 0 and the message of agent 1 together are worth anything.
  const std::vector<double> sets = {1, 0, 0, 0, 0, 0, 0, 1};
  const auto signals = RunOwenTable(episode, options, sets);
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_EQ(signals->evidence, EvidenceKind::kOwen);
  EXPECT_THAT(Rewards(*signals), Pointwise(DoubleNear(1e-12), std::vector<double>{0, .5, .5}));
  EXPECT_EQ(signals->questions, 4 + 8);
  EXPECT_EQ(signals->samples, 4 + 8);
  ASSERT_EQ(signals->asked.size(), 2);
  EXPECT_EQ(signals->asked[1].table, sets);

  const auto refused = [&](const std::vector<double>& wrong) {
    return RunOwenTable(episode, options, wrong).status().code() ==
           absl::StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused({1, 0, 0, 0, 0, 0, 0}));
  EXPECT_TRUE(refused({1, 0, 0, 0, 0, 0, 0, 1.5}));
  EXPECT_TRUE(refused({1, 0, 0, 0, 0, 0, -0.5, 1}));
  EXPECT_TRUE(refused({1, 0, 0, 0, 0, 0, NAN, 1}));
  EXPECT_TRUE(refused({}));

  // A budget that does not pay for all of them leaves the table unasked.
  options.estimator.max_questions = 4 + 7;
  options.message_rewards.evidence = EvidenceKind::kAuto;
  const auto poor = RunOwenTable(episode, options, sets);
  ASSERT_TRUE(poor.ok()) << poor.status();
  EXPECT_EQ(poor->questions, 4);
  options.estimator.max_questions = 4 + 8;
  EXPECT_EQ(RunOwenTable(episode, options, sets)->questions, 4 + 8);
}

TEST(Unions, AuthorsAreNumberedByTheirFirstMessages) {
  Episode episode = Team(4);
  Say(episode, 2);
  Say(episode, kContext);
  Say(episode, 0);
  Say(episode, 2);
  const Unions unions = MakeUnions(episode);
  EXPECT_THAT(unions.union_of, ElementsAre(0, 1, 0));
  EXPECT_THAT(unions.sizes, ElementsAre(2, 1));
  EXPECT_THAT(unions.agents, ElementsAre(2, 0));
  EXPECT_EQ(CountValues(QuestionKind::kOwenSets, episode), 4 + 2 * 2);
  EXPECT_EQ(CountValues(QuestionKind::kAllCoalitions, episode), 16);
  EXPECT_EQ(CountValues(QuestionKind::kCoalition, episode), 1);
  EXPECT_EQ(CountValues(QuestionKind::kAllCoalitions, Team(62)), int64_t{1} << 62);
  EXPECT_EQ(CountValues(QuestionKind::kAllCoalitions, Team(63)), INT64_MAX);
}

}  // namespace
}  // namespace assay::signals
