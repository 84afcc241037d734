// Vote replay, given values, outcome only.
#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/evaluation/evaluators/given_values.h"
#include "server/evaluation/evaluators/outcome_only.h"
#include "server/evaluation/evaluators/vote_replay.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::evaluation {
namespace {

using signals::QuestionKind;
using ::testing::ElementsAre;

struct Said {
  int agent;
  int round;
  const char* answer;  // null: none
};

std::shared_ptr<EpisodeContext> Debate(int agents, const std::vector<Said>& said,
                                       const char* reference = "A") {
  auto context = SmallContext(agents);
  context->episode.reference_answer = reference;
  context->episode.messages.clear();
  for (const Said& s : said) {
    signals::Message message;
    message.agent = s.agent;
    message.round = s.round;
    if (s.answer != nullptr) message.answer = s.answer;
    context->episode.messages.push_back(message);
  }
  return context;
}

signals::Answer Ask(const VoteOptions& options, std::shared_ptr<const EpisodeContext> context,
                    const signals::Question& question) {
  const auto replay = MakeVoteReplay(options)->Prepare(std::move(context));
  EXPECT_TRUE(replay.ok()) << replay.status();
  signals::Answer answer;
  const absl::Status status = (*replay)->Answer({&question, 1}, {&answer, 1});
  EXPECT_TRUE(status.ok()) << status;
  answer.table = {};  // gone with the replay
  return answer;
}

std::vector<double> Table(const VoteOptions& options,
                          std::shared_ptr<const EpisodeContext> context) {
  const auto replay = MakeVoteReplay(options)->Prepare(std::move(context));
  EXPECT_TRUE(replay.ok()) << replay.status();
  signals::Question question;
  question.kind = QuestionKind::kAllCoalitions;
  signals::Answer answer;
  EXPECT_TRUE((*replay)->Answer({&question, 1}, {&answer, 1}).ok());
  return {answer.table.begin(), answer.table.end()};
}

double Prefix(const VoteOptions& options, std::shared_ptr<const EpisodeContext> context, int j) {
  signals::Question question;
  question.kind = QuestionKind::kPrefix;
  question.index = j;
  return Ask(options, std::move(context), question).mean;
}

double Kept(const VoteOptions& options, std::shared_ptr<const EpisodeContext> context,
            const std::vector<int>& ordinals) {
  signals::Question question;
  question.kind = QuestionKind::kMessages;
  for (int k : ordinals) question.players.insert(k);
  return Ask(options, std::move(context), question).mean;
}

double Grand(const VoteOptions& options, std::shared_ptr<const EpisodeContext> context) {
  return Table(options, std::move(context)).back();
}

TEST(VoteReplay, WorkedExampleE4) {
  const auto context = Debate(3, {{0, 1, "B"}, {1, 1, "A"}, {2, 1, "B"}});
  EXPECT_THAT(Table({}, context), ElementsAre(0, 0, 1, 0.5, 0, 0, 0.5, 0));
}

TEST(VoteReplay, SingleCoalitionsAgreeWithTheTable) {
  const auto context = Debate(3, {{0, 1, "B"}, {1, 1, "A"}, {2, 1, "C"}});
  const std::vector<double> table = Table({}, context);
  for (Coalition s = 0; s < 8; ++s) {
    EXPECT_EQ(Ask({}, context, CoalitionQuestion(s)).mean, table[s]) << s;
  }
  EXPECT_DOUBLE_EQ(table[7], 1.0 / 3);
}

TEST(VoteReplay, BallotsByMode) {
  // Agent 0 changes its mind; agent 1 speaks in the first round only.
  const auto context = Debate(2, {{0, 1, "B"}, {1, 1, "A"}, {0, 2, "A"}});
  EXPECT_EQ(Grand({.ballots = Ballots::kFirst}, context), 0.5);
  EXPECT_EQ(Grand({.ballots = Ballots::kLast}, context), 1);
  EXPECT_THAT(Table({.ballots = Ballots::kLastRound}, context), ElementsAre(0, 1, 0, 1));
}

TEST(VoteReplay, MessagesWithoutAnAnswer) {
  const auto context = Debate(2, {{0, 1, nullptr}, {1, 1, "A"}, {0, 2, "A"}, {1, 2, nullptr}});
  EXPECT_THAT(Table({.ballots = Ballots::kFirst}, context), ElementsAre(0, 0, 1, 1));
  // `last` looks further back for an answer.
  EXPECT_THAT(Table({.ballots = Ballots::kLast}, context), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(Table({.ballots = Ballots::kLastRound}, context), ElementsAre(0, 1, 0, 1));
  // With empty ballots it votes for "none" instead, which can win and is never right.
  EXPECT_THAT(Table({.ballots = Ballots::kLast, .empty_ballots = true}, context),
              ElementsAre(0, 1, 0, 0.5));
  EXPECT_THAT(Table({.ballots = Ballots::kFirst, .empty_ballots = true}, context),
              ElementsAre(0, 0, 1, 0.5));
}

TEST(VoteReplay, NoneIsNoAnswerThatCouldBeRight) {
  const auto context = Debate(1, {{0, 1, nullptr}}, "none");
  EXPECT_EQ(Grand({.empty_ballots = true}, context), 0);
  EXPECT_EQ(Grand({}, Debate(1, {{0, 1, "None"}}, "none")), 1);
}

TEST(VoteReplay, TiesAndRange) {
  auto context = Debate(3, {{0, 1, "A"}, {1, 1, "B"}, {2, 1, "C"}});
  context->range = {-1, 2};
  EXPECT_DOUBLE_EQ(Grand({}, context), -1 + 3.0 / 3);
  EXPECT_EQ(Table({}, context)[0], -1);
}

TEST(VoteReplay, Graders) {
  const auto one = [](const char* answer, const char* reference) {
    return Debate(1, {{0, 1, answer}}, reference);
  };
  EXPECT_EQ(Grand({}, one(" \\boxed{1,000} ", "1000")), 1);
  EXPECT_EQ(Grand({.grader = grading::GraderKind::kIdentical}, one("1,000", "1000")), 0);
  EXPECT_EQ(Grand({.grader = grading::GraderKind::kIdentical}, one("1000", "1000")), 1);
  EXPECT_EQ(Grand({.grader = grading::GraderKind::kChoice}, one("C) Ileum", "(c)")), 1);
  EXPECT_EQ(Grand({.grader = grading::GraderKind::kChoice}, one("B", "C")), 0);
  EXPECT_EQ(Grand({.grader = grading::GraderKind::kNumber}, one("0.5", "1/2")), 1);
  EXPECT_EQ(Grand({.grader = grading::GraderKind::kNumber}, one("0.51", "1/2")), 0);
  EXPECT_EQ(Grand({.grader = grading::GraderKind::kNumber, .tolerance = 0.02}, one("0.51", "1/2")),
            1);
  EXPECT_EQ(Grand({.grader = grading::GraderKind::kNumber, .tolerance = 0.02}, one("many", "1/2")),
            0);
}

TEST(VoteReplay, RightNumbersAreOneClassAndWrongOnesAreToldApart) {
  // 3.14 and 3.1416 are both right: two votes against two for 3.0 and 3.00, one and the same.
  const VoteOptions options = {.grader = grading::GraderKind::kNumber, .tolerance = 0.01};
  EXPECT_EQ(Grand(options, Debate(3, {{0, 1, "3.14"}, {1, 1, "3.1416"}, {2, 1, "4"}}, "3.1415")),
            1);
  EXPECT_EQ(Grand(options, Debate(3, {{0, 1, "3.14"}, {1, 1, "3.0"}, {2, 1, "3.00"}}, "3.1415")),
            0);
  EXPECT_DOUBLE_EQ(
      Grand(options, Debate(3, {{0, 1, "3.14"}, {1, 1, "3.0"}, {2, 1, "3.001"}}, "3.1415")),
      1.0 / 3);
}

TEST(VoteReplay, KeptMessagesUseTheEpisodesRounds) {
  const auto context =
      Debate(2, {{0, 1, "A"}, {signals::kContext, 9, "B"}, {1, 1, "B"}, {0, 2, "B"}});
  EXPECT_EQ(Kept({}, context, {0, 1, 2}), 0);
  EXPECT_EQ(Kept({}, context, {0}), 1);
  EXPECT_EQ(Kept({}, context, {0, 1}), 0.5);
  EXPECT_EQ(Kept({}, context, {}), 0);
  // Only the last message is of the episode's highest round.
  EXPECT_EQ(Kept({.ballots = Ballots::kLastRound}, context, {0, 1}), 0);
  EXPECT_EQ(Kept({.ballots = Ballots::kFirst}, context, {0, 2}), 1);
}

TEST(VoteReplay, PrefixesUseTheirOwnRounds) {
  const auto context =
      Debate(2, {{0, 1, "A"}, {signals::kContext, 9, "B"}, {1, 1, "B"}, {0, 2, "B"}});
  const VoteOptions last_round = {.ballots = Ballots::kLastRound};
  EXPECT_EQ(Prefix(last_round, context, 0), 0);
  EXPECT_EQ(Prefix(last_round, context, 1), 1);
  EXPECT_EQ(Prefix(last_round, context, 2), 1);
  EXPECT_EQ(Prefix(last_round, context, 3), 0.5);
  EXPECT_EQ(Prefix(last_round, context, 4), 0);
  EXPECT_EQ(Prefix({}, context, 4), Grand({}, context));
}

TEST(VoteReplay, GradesMessages) {
  const auto context =
      Debate(2, {{0, 1, "A"}, {1, 1, "B"}, {signals::kContext, 0, "A"}, {1, 2, nullptr}});
  signals::Question question;
  question.kind = QuestionKind::kMessageScores;
  const std::vector<double> scores = Ask({}, context, question).scores;
  ASSERT_EQ(scores.size(), 4u);
  EXPECT_EQ(scores[0], 1);
  EXPECT_EQ(scores[1], -1);
  EXPECT_TRUE(std::isnan(scores[2]));
  EXPECT_TRUE(std::isnan(scores[3]));
}

std::vector<signals::AnswerGrade> Grades(const VoteOptions& options, const std::vector<Said>& said,
                                         const char* reference) {
  const auto replay = MakeVoteReplay(options)->Prepare(Debate(2, said, reference));
  EXPECT_TRUE(replay.ok()) << replay.status();
  return {(*replay)->grades().begin(), (*replay)->grades().end()};
}

TEST(VoteReplay, GradesTellWrongFromUnreadable) {
  constexpr auto kRight = signals::AnswerGrade::kRight;
  constexpr auto kWrong = signals::AnswerGrade::kWrong;
  constexpr auto kUnreadable = signals::AnswerGrade::kUnreadable;
  constexpr auto kNone = signals::AnswerGrade::kNone;
  const VoteOptions number = {.grader = grading::GraderKind::kNumber, .tolerance = 0.5};
  const std::vector<Said> said = {{0, 1, "41.7"}, {1, 1, "about forty"},
                                  {0, 2, "12"},   {1, 2, nullptr},
                                  {0, 3, "  "},   {signals::kContext, 3, "42"}};
  EXPECT_THAT(Grades(number, said, "42"),
              ElementsAre(kRight, kUnreadable, kWrong, kNone, kNone, kNone));
  // Where the reference cannot be read, what is not the very same text cannot be graded.
  EXPECT_THAT(Grades(number, said, "About forty"),
              ElementsAre(kUnreadable, kRight, kUnreadable, kNone, kNone, kNone));
  const VoteOptions choice = {.grader = grading::GraderKind::kChoice};
  EXPECT_THAT(Grades(choice, {{0, 1, "(B)"}, {1, 1, "no idea at all"}, {0, 2, "C"}}, "B"),
              ElementsAre(kRight, kUnreadable, kWrong));
  EXPECT_THAT(Grades({}, {{0, 1, "42"}, {1, 1, "about forty"}}, "42"), ElementsAre(kRight, kWrong));
}

TEST(VoteReplay, SixtyFourAgentsWithDifferentAnswers) {
  auto context = std::make_shared<EpisodeContext>();
  context->episode.reference_answer = "7";
  std::vector<std::string> answers;
  answers.reserve(64);
  for (int i = 0; i < 64; ++i) answers.push_back(std::to_string(i));
  for (int i = 0; i < 64; ++i) {
    context->episode.agents.push_back({answers[i], {}, answers[i]});
    signals::Message message;
    message.agent = i;
    message.answer = answers[i];
    context->episode.messages.push_back(message);
  }
  EXPECT_DOUBLE_EQ(Ask({}, context, CoalitionQuestion(~Coalition{0})).mean, 1.0 / 64);
  EXPECT_DOUBLE_EQ(Prefix({}, context, 64), 1.0 / 64);
  EXPECT_DOUBLE_EQ(Prefix({}, context, 7), 0);
}

// Sets of one agent's messages: 2^20 are as many as a table takes.
TEST(VoteReplay, ATableOfOwenSetsIsBounded) {
  const auto answer = [](size_t messages) {
    const auto replay =
        MakeVoteReplay({})->Prepare(Debate(1, std::vector<Said>(messages, {0, 1, "A"})));
    signals::Question question;
    question.kind = QuestionKind::kOwenSets;
    signals::Answer answer;
    const absl::Status status = (*replay)->Answer({&question, 1}, {&answer, 1});
    return std::pair(status.code(), answer.table.size());
  };
  EXPECT_EQ(answer(20), std::pair(absl::StatusCode::kOk, size_t{1} << 20));
  EXPECT_EQ(answer(21), std::pair(absl::StatusCode::kOutOfRange, size_t{0}));
  EXPECT_EQ(answer(300).first, absl::StatusCode::kOutOfRange);
}

TEST(VoteReplay, NeedsAReference) {
  const auto replay = MakeVoteReplay({})->Prepare(Debate(1, {{0, 1, "A"}}, ""));
  EXPECT_EQ(replay.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(replay.status().message()),
              ::testing::StartsWith("task.reference_answer"));
}

TEST(GivenValues, AnswersFromTheTableWithoutACopy) {
  const std::vector<double> table = {0, 0.5, 0.25, 1};
  auto context = SmallContext(2);
  context->episode.table = table;
  const auto replay = MakeGivenValues()->Prepare(context);
  ASSERT_TRUE(replay.ok());
  std::vector<signals::Question> questions = {CoalitionQuestion(2), CoalitionQuestion(3)};
  questions.emplace_back().kind = QuestionKind::kAllCoalitions;
  std::vector<signals::Answer> answers(3);
  ASSERT_TRUE((*replay)->Answer(questions, absl::MakeSpan(answers)).ok());
  EXPECT_EQ(answers[0].mean, 0.25);
  EXPECT_EQ(answers[1].mean, 1);
  EXPECT_EQ(answers[2].table.data(), table.data());
  questions[0].players = PlayerSet::FromMask(4);
  EXPECT_EQ((*replay)->Answer(questions, absl::MakeSpan(answers)).code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(MakeGivenValues()->Prepare(SmallContext(2)).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(OutcomeOnly, SupportsAndAnswersNothing) {
  const auto outcome = MakeOutcomeOnly();
  EXPECT_EQ(outcome->traits().supports, 0u);
  Outcome seen;
  outcome->Evaluate(CoalitionBatch(SmallContext(1)), seen.Done());
  EXPECT_EQ(seen.calls, 1);
  EXPECT_EQ(seen.result->status().code(), absl::StatusCode::kUnimplemented);
}

TEST(LocalEvaluator, EvaluatesAtOnceOnTheCallingThread) {
  Outcome seen;
  MakeVoteReplay({})->Evaluate(CoalitionBatch(Debate(1, {{0, 1, "A"}})), seen.Done());
  ASSERT_EQ(seen.calls, 1);
  ASSERT_TRUE(seen.result->ok());
  EXPECT_EQ((**seen.result)[1].mean, 1);
}

}  // namespace
}  // namespace assay::evaluation
