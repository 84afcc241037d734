#include "tests/unit/golden.h"

#include <gtest/gtest.h>

#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/evaluation/evaluators/vote_replay.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::evaluation {
namespace {

using assay::testing::Append;
using assay::testing::Dice;
using assay::testing::Golden;

constexpr const char* kBallots[] = {"A", "(a)",  "B",   "c) no", "",   " ",
                                    "2", "2.05", "two", "1/2",   "0.5"};

// Every kind of question about a drawn debate.
std::vector<double> Replay(Dice& dice) {
  const int agents = 1 + dice.Below(5);
  auto context = SmallContext(agents);
  context->range = {dice.Chance(50) ? 0.0 : -2.0, 1};
  context->episode.messages.clear();
  const char* const references[] = {"A", "2", "1/2", "B"};
  context->episode.reference_answer = references[dice.Below(4)];
  for (int t = dice.Below(9); t > 0; --t) {
    signals::Message& message = context->episode.messages.emplace_back();
    message.agent = dice.Chance(10) ? signals::kContext : dice.Below(agents);
    message.round = dice.Below(4);
    if (dice.Chance(80)) message.answer = kBallots[dice.Below(std::size(kBallots))];
  }
  VoteOptions options;
  options.ballots = static_cast<Ballots>(dice.Below(3));
  options.grader = static_cast<grading::GraderKind>(dice.Below(4));
  options.empty_ballots = dice.Chance(30);
  options.tolerance = dice.Chance(50) ? 0 : 0.1;

  std::vector<signals::Question> questions(1);
  questions[0].kind = signals::QuestionKind::kAllCoalitions;
  const auto count = static_cast<int>(context->episode.messages.size());
  for (Coalition s = 0; s < Coalition{1} << agents; ++s) {
    questions.push_back(CoalitionQuestion(s));
  }
  for (int j = 0; j <= count; ++j) {
    questions.emplace_back().kind = signals::QuestionKind::kPrefix;
    questions.back().index = j;
    questions.emplace_back().kind = signals::QuestionKind::kMessages;
    for (int t = 0; t < count; ++t) {
      if (dice.Chance(50) && context->episode.messages[t].agent != signals::kContext) {
        int ordinal = 0;
        for (int u = 0; u < t; ++u) {
          ordinal += context->episode.messages[u].agent == signals::kContext ? 0 : 1;
        }
        questions.back().players.insert(ordinal);
      }
    }
  }
  questions.emplace_back().kind = signals::QuestionKind::kMessageScores;
  const auto replay = MakeVoteReplay(options)->Prepare(context);
  EXPECT_TRUE(replay.ok()) << replay.status();
  Answers answers(questions.size());
  const absl::Status answered = (*replay)->Answer(questions, absl::MakeSpan(answers));
  EXPECT_TRUE(answered.ok()) << answered;
  std::vector<double> numbers(answers[0].table.begin(), answers[0].table.end());
  for (size_t k = 1; k + 1 < answers.size(); ++k) numbers.push_back(answers[k].mean);
  Append(numbers, answers.back().scores);
  return numbers;
}

TEST(Golden, Votes) {
  Golden golden("votes");
  for (int k = 0; k < 150; ++k) {
    Dice dice(7000 + k);
    golden.Expect(absl::StrCat(k), Replay(dice));
  }
}

}  // namespace
}  // namespace assay::evaluation
