// What is asked for besides coalitions, and where it costs too much.
#include "server/signals/phases/detail_phase.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "server/signals/phases/credit_phase.h"
#include "tests/unit/signals/play.h"

namespace assay::signals {
namespace {

using testing::RunTable;
using testing::Say;
using testing::Team;
using testing::Traits;

Episode Talk(int agents, int messages) {
  Episode episode = Team(agents);
  for (int t = 0; t < messages; ++t) Say(episode, t % agents);
  return episode;
}

struct Asked {
  int64_t questions = 0;
  std::optional<QuestionKind> kind;  // of the first
};

// Of a success in which everybody has credit.
Asked AskAll(const Episode& episode, const Options& options, const EvaluatorTraits& traits,
             int64_t left) {
  const DetailInputs inputs = {episode, options, traits, 1, left};
  Findings findings;
  auto phase = MakeDetailPhase(inputs, std::vector<double>(episode.agents.size(), 0.5), findings);
  EXPECT_TRUE(phase.ok()) << phase.status();
  Asked asked;
  while (phase.ok() && !(*phase)->done()) {
    const std::vector<Question> batch = (*phase)->ask();
    EXPECT_FALSE(batch.empty());
    asked.questions += static_cast<int64_t>(batch.size());
    if (!asked.kind) asked.kind = batch.front().kind;
    std::vector<Answer> answers(batch.size());
    for (size_t k = 0; k < batch.size(); ++k) {
      answers[k].mean = batch[k].players.size() / 256.0;
      answers[k].scores.assign(episode.messages.size(), 0.5);
    }
    const absl::Status told = (*phase)->tell(answers);
    EXPECT_TRUE(told.ok()) << told;
    if (!told.ok()) break;
  }
  return asked;
}

// Two agents of four messages each: 4 + 2 * 2 * (2^4 - 2) = 60 sets; a sample wants 4 a message.
TEST(OwenQuestions, AreAsManyAsTheBudgetPaysFor) {
  const Episode episode = Talk(2, 8);
  const EvaluatorTraits paid = Traits(EvaluatorKind::kCaller, {QuestionKind::kMessages}, false);
  const auto questions = [&](int64_t left, EvidenceKind evidence = EvidenceKind::kAuto) {
    Options options;
    options.message_rewards.evidence = evidence;
    return AskAll(episode, options, paid, left).questions;
  };
  EXPECT_EQ(questions(1000), 60);
  EXPECT_EQ(questions(60), 60);
  for (const int64_t left : {59, 33, 32}) {
    EXPECT_LE(questions(left), left);
    EXPECT_GT(questions(left), left / 2) << left;
  }
  EXPECT_EQ(questions(31), 0);
  EXPECT_EQ(questions(31, EvidenceKind::kScores), 0);
  EXPECT_GT(questions(31, EvidenceKind::kOwen), 15);
  EXPECT_EQ(questions(2, EvidenceKind::kOwen), 2);
  EXPECT_EQ(questions(1, EvidenceKind::kOwen), 0);
  EXPECT_EQ(questions(60, EvidenceKind::kPrefix), 0);
}

TEST(OwenQuestions, OfAFreeEvaluatorAreBoundedByTheMessages) {
  const Episode episode = Talk(2, 60);  // 2^30 sets and more
  const EvaluatorTraits free = Traits(EvaluatorKind::kCaller, {QuestionKind::kMessages});
  EXPECT_LE(AskAll(episode, {}, free, 0).questions, 64 * 60);
  EXPECT_GT(AskAll(episode, {}, free, 0).questions, 64 * 60 - 120);
  // An explicit budget binds a free evaluator, too.
  Options options;
  options.estimator.max_questions = 300;
  EXPECT_LE(AskAll(episode, options, free, 290).questions, 290);
  EXPECT_GT(AskAll(episode, options, free, 290).questions, 150);
}

TEST(OwenQuestions, OfAVoteAreExactOrLeftToTheScores) {
  const Episode episode = Talk(2, 8);
  const EvaluatorTraits vote =
      Traits(EvaluatorKind::kVote, {QuestionKind::kMessages, QuestionKind::kMessageScores}, false);
  EXPECT_EQ(AskAll(episode, {}, vote, 60).kind, QuestionKind::kMessages);
  EXPECT_EQ(AskAll(episode, {}, vote, 59).kind, QuestionKind::kMessageScores);
  Options options;
  options.message_rewards.evidence = EvidenceKind::kOwen;
  EXPECT_EQ(AskAll(episode, options, vote, 59).kind, QuestionKind::kMessages);
}

// With one message an agent all evidence says the same; nobody asks, unless it was asked for.
TEST(OwenQuestions, AreNotAskedWhereTheyTellNothing) {
  const EvaluatorTraits paid = Traits(EvaluatorKind::kCaller, {QuestionKind::kMessages}, false);
  EXPECT_EQ(AskAll(Talk(3, 3), {}, paid, 100).questions, 0);
  Options options;
  options.message_rewards.evidence = EvidenceKind::kOwen;
  EXPECT_EQ(AskAll(Talk(3, 3), options, paid, 100).questions, 8);
  EXPECT_EQ(AskAll(Talk(3, 4), {}, paid, 100).questions, 8 + 4 * 2);
  EXPECT_EQ(AskAll(Team(2), options, paid, 100).questions, 0);
}

TEST(OwenQuestions, AreOfAtMost256Messages) {
  const EvaluatorTraits free = Traits(EvaluatorKind::kCaller, {QuestionKind::kMessages});
  EXPECT_GT(AskAll(Talk(2, 256), {}, free, 0).questions, 0);
  EXPECT_EQ(AskAll(Talk(2, 257), {}, free, 0).questions, 0);
}

// Every node but the last, whose value is the score.
TEST(PrefixQuestions, AreAskedWhileTheyAreFewEnough) {
  Options options;
  options.message_rewards.evidence = EvidenceKind::kPrefix;
  const EvaluatorTraits paid = Traits(EvaluatorKind::kCaller, {QuestionKind::kPrefix}, false);
  EXPECT_EQ(AskAll(Talk(2, 8), options, paid, 8).questions, 8);
  EXPECT_EQ(AskAll(Talk(2, 8), options, paid, 7).questions, 0);
  EXPECT_EQ(AskAll(Talk(2, 8), {}, paid, 100).questions, 0) << "paid ones only on request";
  const EvaluatorTraits free = Traits(EvaluatorKind::kCaller, {QuestionKind::kPrefix});
  EXPECT_EQ(AskAll(Talk(2, 1024), {}, free, 0).questions, 1024);
  EXPECT_EQ(AskAll(Talk(2, 1025), {}, free, 0).questions, 0);
  Episode given = Talk(2, 6);
  given.messages[2].prefix_value = 0.5;
  given.messages[4].agent = kContext;
  given.messages[3].agent = kContext;
  // Of messages 0, 1, 2, 5: nodes 0, 1, 3 and 5; 2 is given, and 6 is the end.
  EXPECT_EQ(AskAll(given, {}, free, 0).questions, 4);
}

TEST(MessageScoreQuestions, AreAskedOnceAndOnlyOfAVote) {
  const auto kind = [](EvaluatorKind of) {
    return AskAll(Talk(2, 8), {}, Traits(of, {QuestionKind::kMessageScores}), 0).kind;
  };
  EXPECT_EQ(kind(EvaluatorKind::kVote), QuestionKind::kMessageScores);
  EXPECT_FALSE(kind(EvaluatorKind::kNamed).has_value());
}

// Of a failure: a rollout for each question.
TEST(SearchQuestions, StayWithinWhatIsLeft) {
  const Episode episode = Talk(2, 8);
  const EvaluatorTraits paid = Traits(EvaluatorKind::kNamed, {QuestionKind::kPrefix}, false);
  const auto asked = [&](int64_t max_questions, int64_t left, int max_rollouts) {
    Options options;
    options.estimator.max_questions = max_questions;
    options.first_error.max_rollouts = max_rollouts;
    const DetailInputs inputs = {episode, options, paid, 0, left};
    Findings findings;
    auto phase = MakeDetailPhase(inputs, {0.5, 0.5}, findings);
    EXPECT_TRUE(phase.ok());
    int samples = 0;
    while (!(*phase)->done()) {
      const std::vector<Question> batch = (*phase)->ask();
      for (const Question& question : batch) samples += question.samples;
      if (!(*phase)->tell(std::vector<Answer>(batch.size())).ok()) break;
    }
    return samples;
  };
  EXPECT_EQ(asked(10, 0, 0), 0);
  EXPECT_EQ(asked(10, 1, 0), 1);
  EXPECT_EQ(asked(10, 3, 0), 3);
  EXPECT_EQ(asked(10, 5, 4), 4);
  EXPECT_EQ(asked(0, 0, 2), 2) << "without an explicit budget rollouts are not counted in it";
  EXPECT_LE(asked(0, 0, 0), 8 * 3);
}

std::vector<Question> FirstStage(int n, credit::Method method, int64_t max_questions) {
  Options options;
  options.estimator.method = method;
  options.estimator.max_questions = max_questions;
  const EvaluatorTraits traits =
      Traits(EvaluatorKind::kGiven, {QuestionKind::kCoalition, QuestionKind::kAllCoalitions});
  const CreditPhase phase(n, options, traits);
  EXPECT_TRUE(phase.status().ok()) << phase.status();
  return phase.ask();
}

TEST(TableQuestion, IsAskedWhereAllCoalitionsAreWantedAndFit) {
  const auto whole = [](int n, credit::Method method, int64_t max_questions = 0) {
    return FirstStage(n, method, max_questions).front().kind == QuestionKind::kAllCoalitions;
  };
  EXPECT_TRUE(whole(1, credit::Method::kAuto));
  EXPECT_TRUE(whole(20, credit::Method::kAuto));
  EXPECT_TRUE(whole(20, credit::Method::kExact));
  EXPECT_FALSE(whole(21, credit::Method::kAuto));
  EXPECT_FALSE(whole(21, credit::Method::kAuto, int64_t{1} << 21));
  EXPECT_TRUE(whole(4, credit::Method::kAuto, 16));
  EXPECT_FALSE(whole(4, credit::Method::kAuto, 15));
  for (const credit::Method method : {credit::Method::kKernel, credit::Method::kLeverage,
                                      credit::Method::kPermutation, credit::Method::kOddBayes}) {
    EXPECT_FALSE(whole(6, method));
  }
}

TEST(TableQuestion, EveryValueOfItsAnswerIsChecked) {
  const Episode episode = Talk(2, 2);
  for (int bad = 0; bad < 4; ++bad) {
    std::vector<double> table = {0, 0.25, 0.5, 1};
    EXPECT_TRUE(RunTable(episode, {}, table).ok());
    table[bad] = bad % 2 == 0 ? 1.5 : -0.5;
    EXPECT_EQ(RunTable(episode, {}, table).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(DetailPhase, TakesOneAnswerForEachQuestion) {
  const Episode episode = Talk(2, 3);
  const Options options;
  const EvaluatorTraits vote =
      Traits(EvaluatorKind::kVote, {QuestionKind::kMessages, QuestionKind::kOwenSets});
  const DetailInputs inputs = {episode, options, vote, 1, 100};
  Findings before;
  before.scores = {0.5, 0, -0.5};
  auto phase = MakeDetailPhase(inputs, {0.5, 0.5}, before);
  ASSERT_TRUE(phase.ok());
  EXPECT_EQ((*phase)->tell({}).code(), absl::StatusCode::kInvalidArgument);
  const std::vector<double> table = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1};
  Answer answer;
  answer.table = table;
  EXPECT_TRUE((*phase)->tell({answer}).ok());
  EXPECT_EQ((*phase)->tell({}).code(), absl::StatusCode::kFailedPrecondition);
  const auto findings = (*phase)->finish();
  ASSERT_TRUE(findings.ok());
  EXPECT_EQ(findings->scores, before.scores);
  EXPECT_EQ(findings->owen.size(), 3);
}

TEST(OwenTable, EveryValueOfItsAnswerIsChecked) {
  const Episode episode = Talk(2, 3);
  const Options options;
  const EvaluatorTraits vote =
      Traits(EvaluatorKind::kVote, {QuestionKind::kMessages, QuestionKind::kOwenSets});
  const DetailInputs inputs = {episode, options, vote, 1, 100};
  for (int bad = -1; bad < 8; ++bad) {
    Findings findings;
    auto phase = MakeDetailPhase(inputs, {0.5, 0.5}, findings);
    ASSERT_TRUE(phase.ok());
    std::vector<double> table = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1};
    if (bad >= 0) table[bad] = 1.5;
    Answer answer;
    answer.table = table;
    EXPECT_EQ((*phase)->tell({answer}).ok(), bad < 0) << bad;
  }
}

}  // namespace
}  // namespace assay::signals
