// Votes of a group's teams, against the vote of each team held by itself.
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/evaluation/evaluators/vote_replay.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::evaluation {
namespace {

using signals::QuestionKind;

// Of an episode in which agents answer right, wrong in several ways, or not at all, or say nothing.
std::shared_ptr<EpisodeContext> Drawn(std::mt19937& random, int agents) {
  static const char* const kAnswers[] = {"A", " a ", "B", "C", "b", ""};
  auto context = SmallContext(agents);
  context->episode.messages.clear();
  for (int i = 0; i < agents; ++i) {
    for (int k = static_cast<int>(random() % 3); k > 0; --k) {
      signals::Message& message = context->episode.messages.emplace_back();
      message.agent = i;
      message.round = 1;
      if (random() % 4 != 0) message.answer = kAnswers[random() % 6];
    }
  }
  return context;
}

std::shared_ptr<EpisodeContext> GroupOf(std::vector<std::shared_ptr<EpisodeContext>> members) {
  auto group = std::make_shared<EpisodeContext>();
  group->episode.agents = members.front()->episode.agents;
  group->range = members.front()->range;
  group->members.assign(members.begin(), members.end());
  return group;
}

double Asked(const VoteOptions& options, std::shared_ptr<const EpisodeContext> context,
             const signals::Question& question, std::vector<double>* table = nullptr) {
  const auto replay = MakeVoteReplay(options)->Prepare(std::move(context));
  EXPECT_TRUE(replay.ok()) << replay.status();
  signals::Answer answer;
  EXPECT_TRUE((*replay)->Answer({&question, 1}, {&answer, 1}).ok());
  if (table != nullptr) table->assign(answer.table.begin(), answer.table.end());
  return answer.mean;
}

// The team as an episode of its own, everybody takes part.
double Held(const VoteOptions& options, const std::vector<std::shared_ptr<EpisodeContext>>& members,
            const std::vector<int32_t>& team) {
  auto context = std::make_shared<EpisodeContext>(*members.front());
  context->episode.messages.clear();
  const int agents = static_cast<int>(team.size());
  for (int i = 0; i < agents; ++i) {
    if (team[i] == signals::kAbsent) continue;
    for (const signals::Message& message : members[team[i]]->episode.messages) {
      if (message.agent == i) context->episode.messages.push_back(message);
    }
  }
  return Asked(options, context, CoalitionQuestion((Coalition{1} << agents) - 1));
}

TEST(VoteGroup, AgreesWithEveryVoteHeldByItself) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const int agents = 1 + static_cast<int>(random() % 6);
    std::vector<std::shared_ptr<EpisodeContext>> members;
    for (int m = 1 + static_cast<int>(random() % 6); m > 0; --m) {
      members.push_back(Drawn(random, agents));
      members.back()->range = {-1, 3};
    }
    VoteOptions options;
    options.ballots = static_cast<Ballots>(random() % 3);
    options.empty_ballots = random() % 2 == 0;
    const auto group = GroupOf(members);
    std::vector<double> table;
    signals::Question all;
    all.kind = QuestionKind::kAllTeams;
    Asked(options, group, all, &table);
    const int count = static_cast<int>(members.size());
    ASSERT_EQ(table.size(), static_cast<size_t>(count) * agents);
    for (int m = 0; m < count; ++m) {
      for (int i = 0; i < agents; ++i) {
        double sum = 0;
        for (int base = 0; base < count; ++base) {
          signals::Question one;
          one.kind = QuestionKind::kTeam;
          one.team.assign(agents, base);
          one.team[i] = m;
          const double held = Held(options, members, one.team);
          EXPECT_EQ(Asked(options, group, one), held);
          sum += held;
        }
        EXPECT_NEAR(table[m * agents + i], sum / count, 1e-12);
      }
    }
  }
}

TEST(VoteGroup, NeedsOneReferenceAnswer) {
  const auto first = SmallContext(2), second = SmallContext(2);
  const auto vote = MakeVoteReplay({});
  EXPECT_TRUE(vote->Prepare(GroupOf({first, second})).ok());
  second->episode.reference_answer = "B";
  EXPECT_EQ(vote->Prepare(GroupOf({first, second})).status().code(),
            absl::StatusCode::kFailedPrecondition);
  first->episode.reference_answer = second->episode.reference_answer = "";
  EXPECT_FALSE(vote->Prepare(GroupOf({first, second})).ok());
}

TEST(VoteGroup, AnswersNothingElse) {
  const auto replay = MakeVoteReplay({})->Prepare(GroupOf({SmallContext(2)}));
  ASSERT_TRUE(replay.ok());
  const signals::Question coalition = CoalitionQuestion(1);
  signals::Answer answer;
  EXPECT_EQ((*replay)->Answer({&coalition, 1}, {&answer, 1}).code(),
            absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace assay::evaluation
