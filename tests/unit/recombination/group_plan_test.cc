#include "server/recombination/group_plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace assay::recombination {
namespace {

using signals::Answer;
using signals::Bit;
using signals::Episode;
using signals::EvaluatorTraits;
using signals::Question;
using signals::QuestionKind;

// A group in which agent i writes one of a few texts in each episode, or nothing.
struct Played {
  std::vector<std::string> texts;  // "": nothing; member by member
  std::vector<std::string> ids;
  std::vector<Episode> episodes;
  std::vector<Member> members;
  int agents = 0;

  const std::string& text(int member, int agent) const { return texts[member * agents + agent]; }
};

double ValueOf(const std::vector<std::string>& team) {
  const size_t hash = std::hash<std::string>()([&team] {
    std::string all;
    for (const std::string& text : team) absl::StrAppend(&all, text.size(), ":", text);
    return all;
  }());
  return static_cast<double>(hash % 1000) / 999;
}

Played Draw(std::mt19937& random, int members, int agents, int texts, double silent) {
  Played played;
  played.agents = agents;
  for (int m = 0; m < members; ++m) {
    played.ids.push_back(absl::StrCat("e", m));
    for (int i = 0; i < agents; ++i) {
      const bool says = std::uniform_real_distribution<>(0, 1)(random) >= silent;
      played.texts.push_back(says ? absl::StrCat("t", random() % texts) : "");
    }
  }
  for (int m = 0; m < members; ++m) {
    Episode& episode = played.episodes.emplace_back();
    episode.id = played.ids[m];
    episode.agents.resize(agents);
    std::vector<std::string> team;
    for (int i = 0; i < agents; ++i) {
      team.push_back(played.text(m, i));
      if (team.back().empty()) continue;
      signals::Message& message = episode.messages.emplace_back();
      message.agent = i;
      message.content = played.text(m, i);
    }
    played.members.push_back({nullptr, ValueOf(team)});
  }
  for (int m = 0; m < members; ++m) played.members[m].episode = &played.episodes[m];
  return played;
}

std::vector<std::string> TextsOf(const Played& played, const std::vector<int32_t>& team) {
  std::vector<std::string> texts;
  for (int i = 0; i < played.agents; ++i) {
    texts.push_back(team[i] == signals::kAbsent ? "" : played.text(team[i], i));
  }
  return texts;
}

EvaluatorTraits Asked(bool free) {
  EvaluatorTraits traits;
  traits.kind = signals::EvaluatorKind::kNamed;
  traits.supports = Bit(QuestionKind::kTeam);
  traits.free = free;
  return traits;
}

// Every question asked is a new team, and none was played.
Recombined Play(const Played& played, const PlanOptions& options, const EvaluatorTraits& traits,
                std::vector<std::vector<std::string>>* asked = nullptr, double variance = 0) {
  GroupPlan plan(played.members, options, traits);
  std::set<std::vector<std::string>> known;
  for (int m = 0; m < static_cast<int>(played.members.size()); ++m) {
    known.insert(TextsOf(played, std::vector<int32_t>(played.agents, m)));
  }
  while (!plan.done()) {
    EXPECT_LE(static_cast<int>(plan.ask().size()), GroupPlan::kBatch + 64);
    std::vector<Answer> answers;
    for (const Question& question : plan.ask()) {
      EXPECT_EQ(question.kind, QuestionKind::kTeam);
      const std::vector<std::string> team = TextsOf(played, question.team);
      EXPECT_TRUE(known.insert(team).second) << "asked twice, or played";
      if (asked != nullptr) asked->push_back(team);
      answers.emplace_back().mean = ValueOf(team);
      answers.back().samples = question.samples;
      answers.back().variance = variance;
    }
    EXPECT_TRUE(plan.tell(answers).ok());
  }
  absl::StatusOr<Recombined> result = plan.finish();
  EXPECT_TRUE(result.ok()) << result.status();
  return *std::move(result);
}

TEST(GroupPlan, AgreesWithEveryTeamHeldByItself) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const int members = 2 + static_cast<int>(random() % 9);
    const int agents = 1 + static_cast<int>(random() % 6);
    const Played played =
        Draw(random, members, agents, 1 + static_cast<int>(random() % 6), round % 3 == 0 ? 0.3 : 0);
    std::vector<std::vector<std::string>> asked;
    const Recombined result = Play(played, {}, Asked(true), &asked);
    std::set<std::vector<std::string>> distinct, own;
    for (int m = 0; m < members; ++m) {
      own.insert(TextsOf(played, std::vector<int32_t>(agents, m)));
    }
    for (int m = 0; m < members; ++m) {
      for (int i = 0; i < agents; ++i) {
        const double value = result.values[m * agents + i];
        if (played.text(m, i).empty()) {
          EXPECT_TRUE(std::isnan(value));
          continue;
        }
        double sum = 0;
        for (int base = 0; base < members; ++base) {
          std::vector<int32_t> team(agents, base);
          team[i] = m;
          const std::vector<std::string> texts = TextsOf(played, team);
          sum += ValueOf(texts);
          if (!own.contains(texts)) distinct.insert(texts);
        }
        EXPECT_NEAR(value, sum / members, 1e-12);
        EXPECT_NEAR(result.std_errors[m * agents + i], 0, 1e-9);
      }
    }
    EXPECT_EQ(asked.size(), distinct.size());
    EXPECT_EQ(result.questions, static_cast<int64_t>(distinct.size()));
    EXPECT_EQ(result.siblings, members - 1);
  }
}

TEST(GroupPlan, AsksOneQuestionForEachMessageAndSiblingWhereNothingRepeats) {
  std::mt19937 random(2);
  const int members = 16, agents = 5;
  const Played played = Draw(random, members, agents, 1 << 30, 0);
  EXPECT_EQ(Play(played, {}, Asked(true)).questions, agents * members * (members - 1));
  EXPECT_EQ(Play(played, {}, Asked(false)).questions, agents * members * kPaidSiblings);
  EXPECT_EQ(Play(played, {.siblings = 7}, Asked(false)).questions, agents * members * 7);
  EXPECT_EQ(Play(played, {.siblings = 99}, Asked(false)).questions, agents * members * 15);
  const Recombined bounded = Play(played, {.max_questions = 3 * 80 + 79}, Asked(true));
  EXPECT_EQ(bounded.siblings, 3);
  EXPECT_EQ(bounded.questions, 3 * 80);
}

TEST(GroupPlan, TriesAllMessagesInTheSameTeams) {
  std::mt19937 random(3);
  const Played played = Draw(random, 12, 3, 1 << 30, 0);
  std::map<int, int> tried;  // by the base, how many questions
  GroupPlan plan(played.members, {.seed = 5, .siblings = 4}, Asked(false));
  for (const Question& question : plan.ask()) {
    const int base = question.team[0] == question.team[1] ? question.team[0] : question.team[2];
    ++tried[base];
  }
  // Four siblings for all, and a fifth for those four.
  EXPECT_EQ(tried.size(), 5u);
  std::vector<int> counts;
  for (const auto& [base, count] : tried) counts.push_back(count);
  std::sort(counts.begin(), counts.end());
  EXPECT_EQ(counts, (std::vector<int>{3 * 4, 3 * 11, 3 * 11, 3 * 11, 3 * 11}));

  GroupPlan again(played.members, {.seed = 5, .siblings = 4}, Asked(false));
  GroupPlan other(played.members, {.seed = 6, .siblings = 4}, Asked(false));
  const auto teams = [](const GroupPlan& of) {
    std::vector<std::vector<int32_t>> named;
    for (const Question& question : of.ask()) named.push_back(question.team);
    return named;
  };
  EXPECT_EQ(teams(plan), teams(again));
  EXPECT_NE(teams(plan), teams(other));
}

TEST(GroupPlan, SaysHowSureItIs) {
  std::mt19937 random(4);
  const Played played = Draw(random, 3, 2, 1 << 30, 0);
  // Each value is a mean of 3 teams, of which 2 were asked about with 4 samples each of variance
  // .2.
  const Recombined noisy = Play(played, {.samples = 4}, Asked(true), nullptr, 0.2);
  for (const double error : noisy.std_errors) {
    EXPECT_NEAR(error, std::sqrt(2 * 0.2 / 4) / 3, 1e-12);
  }
  const Recombined few = Play(played, {.siblings = 1}, Asked(true));
  for (const double error : few.std_errors) EXPECT_GT(error, 0);
}

// An answer that a value rests on k times has k^2 times its variance.
TEST(GroupPlan, ARepeatedAnswerIsNoNewOne) {
  Played played;
  played.agents = 2;
  // Agent 1 says the same in all but one of five episodes, agent 0 something else in each.
  for (int m = 0; m < 5; ++m) {
    played.texts.push_back(absl::StrCat("t", m));
    played.texts.push_back(m == 0 ? "other" : "same");
  }
  for (int m = 0; m < 5; ++m) {
    Episode& episode = played.episodes.emplace_back();
    episode.agents.resize(2);
    for (int i = 0; i < 2; ++i) {
      signals::Message& message = episode.messages.emplace_back();
      message.agent = i;
      message.content = played.text(m, i);
    }
  }
  for (const Episode& episode : played.episodes) {
    played.members.push_back({&episode, ValueOf({std::string(episode.messages[0].content),
                                                 std::string(episode.messages[1].content)})});
  }
  const Recombined result = Play(played, {}, Asked(true), nullptr, 0.2);
  // Agent 0 of episode 0: one team, four times. Of the others: one team, once.
  EXPECT_NEAR(result.noise[0], 16 * 0.2 / 25, 1e-12);
  for (int m = 1; m < 5; ++m) EXPECT_NEAR(result.noise[2 * m], 0.2 / 25, 1e-12);
  // Agent 1 of episode 0: with each of the four others another team.
  EXPECT_NEAR(result.noise[1], 4 * 0.2 / 25, 1e-12);
  for (const double error : result.std_errors) EXPECT_GE(error, 0);
  EXPECT_NEAR(result.std_errors[0], std::sqrt(result.noise[0]), 1e-12);
}

TEST(GroupPlan, TakesBatches) {
  std::mt19937 random(5);
  const Played played = Draw(random, 64, 3, 1 << 30, 0);
  std::vector<std::vector<std::string>> asked;
  EXPECT_EQ(Play(played, {}, Asked(true), &asked).questions, 3 * 64 * 63);
  EXPECT_GT(asked.size(), 2u * GroupPlan::kBatch);
}

TEST(GroupPlan, KnowsWithoutAskingWhereAllWroteTheSame) {
  std::mt19937 random(6);
  const Played played = Draw(random, 5, 3, 1, 0);
  const Recombined result = Play(played, {}, Asked(true));
  EXPECT_EQ(result.questions, 0);
  for (const double value : result.values) EXPECT_NEAR(value, played.members[0].value, 1e-15);
}

TEST(GroupPlan, TakesATableWhereItGetsOne) {
  std::mt19937 random(7);
  const Played played = Draw(random, 4, 2, 3, 0.3);
  EvaluatorTraits vote = Asked(true);
  vote.supports |= Bit(QuestionKind::kAllTeams);
  const PlanOptions options = {.keep_questions = true};
  GroupPlan plan(played.members, options, vote);
  ASSERT_EQ(plan.ask().size(), 1u);
  EXPECT_EQ(plan.ask()[0].kind, QuestionKind::kAllTeams);
  const std::vector<double> table = {0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875};
  Answer answer;
  answer.table = table;
  ASSERT_TRUE(plan.tell({&answer, 1}).ok());
  EXPECT_TRUE(plan.done());
  const absl::StatusOr<Recombined> result = plan.finish();
  ASSERT_TRUE(result.ok());
  for (size_t k = 0; k < table.size(); ++k) {
    if (played.texts[k].empty()) {
      EXPECT_TRUE(std::isnan(result->values[k]));
    } else {
      EXPECT_EQ(result->values[k], table[k]);
    }
  }
  EXPECT_EQ(result->questions, 0);
  ASSERT_EQ(result->asked.size(), 1u);
  EXPECT_EQ(result->asked[0].table, table);
  // Fewer siblings are asked about one by one.
  GroupPlan few(played.members, {.siblings = 1}, vote);
  EXPECT_EQ(few.ask()[0].kind, QuestionKind::kTeam);
}

TEST(GroupPlan, RefusesWhatIsNoValue) {
  std::mt19937 random(8);
  const Played played = Draw(random, 3, 2, 1 << 30, 0);
  for (const double wrong : {2.0, -0.1, std::nan(""), HUGE_VAL}) {
    GroupPlan plan(played.members, {}, Asked(true));
    std::vector<Answer> answers(plan.ask().size());
    answers.back().mean = wrong;
    EXPECT_EQ(plan.tell(answers).code(), absl::StatusCode::kInvalidArgument) << wrong;
  }
  GroupPlan plan(played.members, {}, Asked(true));
  EXPECT_FALSE(plan.tell({}).ok());
}

TEST(GroupPlan, SaysThatItsBudgetAllowsNothing) {
  std::mt19937 random(9);
  const Played played = Draw(random, 4, 3, 1 << 30, 0);
  GroupPlan plan(played.members, {.max_questions = 11}, Asked(true));
  EXPECT_TRUE(plan.done());
  EXPECT_EQ(plan.finish().status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace assay::recombination
