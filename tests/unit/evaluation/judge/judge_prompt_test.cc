#include "server/evaluation/judge/judge_prompt.h"

#include <gtest/gtest.h>

#include <regex>
#include <string>

namespace assay::evaluation {
namespace {

using signals::Message;
using signals::Question;
using signals::QuestionKind;

const JudgePrompts kPrompts = {"system", "of {{present}} not {{absent}}: {{transcript}}",
                               "so far: {{transcript}}", "message {{message}}: {{transcript}}",
                               "{{count}} messages on {{task}} ({{reference}}): {{transcript}}"};

// a says, a tool answers, b says two lines, a says again; c is silent.
signals::Episode Talk() {
  signals::Episode episode;
  episode.prompt = "task";
  episode.agents = {{"a", "", "a"}, {"b", "critic", "b"}, {"c", "", "c"}};
  const auto say = [&episode](int agent, absl::string_view content, int round) {
    Message& message = episode.messages.emplace_back();
    message.agent = agent;
    message.content = content;
    message.round = round;
  };
  say(0, "one", 1);
  say(signals::kContext, "tool", 0);
  say(1, "two\nlines", 0);
  say(0, "three", 2);
  return episode;
}

// Without the fences, whose numbers are hashes.
std::string Render(const Question& question, int step = -1) {
  const std::string text = RenderPrompt(kPrompts, Talk(), question, step);
  return std::regex_replace(text, std::regex("<<<DATA [0-9a-f]{16}\n|\nDATA>>> [0-9a-f]{16}"), "");
}

Question Of(QuestionKind kind, int index = 0) {
  Question question;
  question.kind = kind;
  question.index = index;
  return question;
}

constexpr char kAll[] =
    "[0] agent a, round 1:\n| one\n[1] context:\n| tool\n[2] agent b (critic):\n| two\n| lines\n"
    "[3] agent a, round 2:\n| three";

TEST(JudgePrompt, ACoalitionShowsItsMembersAndTheContext) {
  Question question;
  question.players = PlayerSet::FromMask(0b010);
  EXPECT_EQ(Render(question),
            "of | b not | a, c: [0] agent a, round 1: withheld\n[1] context:\n| tool\n"
            "[2] agent b (critic):\n| two\n| lines\n[3] agent a, round 2: withheld");
  question.players = PlayerSet::FromMask(0b111);
  EXPECT_EQ(Render(question), std::string("of | a, b, c not | nobody: ") + kAll);
  question.players = PlayerSet::FromMask(0b100);
  EXPECT_EQ(Render(question),
            "of | c not | a, b: [0] agent a, round 1: withheld\n[1] context:\n| tool\n"
            "[2] agent b (critic): withheld\n[3] agent a, round 2: withheld");
}

TEST(JudgePrompt, KeptMessagesAreCountedWithoutTheContext) {
  Question question = Of(QuestionKind::kMessages);
  question.players.insert(1);
  EXPECT_EQ(Render(question),
            "of | b not | a, c: [0] agent a, round 1: withheld\n[1] context:\n| tool\n"
            "[2] agent b (critic):\n| two\n| lines\n[3] agent a, round 2: withheld");
  question.players.insert(2);
  EXPECT_EQ(Render(question),
            "of | a, b not | c: [0] agent a, round 1: withheld\n[1] context:\n| tool\n"
            "[2] agent b (critic):\n| two\n| lines\n[3] agent a, round 2:\n| three");
  EXPECT_EQ(Render(Of(QuestionKind::kMessages)),
            "of | nobody not | a, b, c: [0] agent a, round 1: withheld\n[1] context:\n| tool\n"
            "[2] agent b (critic): withheld\n[3] agent a, round 2: withheld");
}

// A set of kept messages can name the first 256.
TEST(JudgePrompt, MessagesBeyondTheSetAreWithheld) {
  signals::Episode episode;
  episode.agents = {{"a", "", "a"}};
  episode.messages.resize(258);
  for (Message& message : episode.messages) message.agent = 0;
  Question question = Of(QuestionKind::kMessages);
  for (int t = 0; t < 256; ++t) question.players.insert(t);
  const std::string text = RenderPrompt(kPrompts, episode, question, -1);
  EXPECT_NE(text.find("[255] agent a:\n"), std::string::npos);
  EXPECT_NE(text.find("[256] agent a: withheld"), std::string::npos);
  EXPECT_NE(text.find("[257] agent a: withheld"), std::string::npos);
}

TEST(JudgePrompt, APrefixEndsWhereItSays) {
  EXPECT_EQ(Render(Of(QuestionKind::kPrefix, 0)), "so far: (nothing)");
  EXPECT_EQ(Render(Of(QuestionKind::kPrefix, 2)),
            "so far: [0] agent a, round 1:\n| one\n[1] context:\n| tool");
  EXPECT_EQ(Render(Of(QuestionKind::kPrefix, 4)), std::string("so far: ") + kAll);
  EXPECT_EQ(Render(Of(QuestionKind::kPrefix, 9)), std::string("so far: ") + kAll);
}

TEST(JudgePrompt, AStepIsTheLastOfWhatIsShown) {
  const Question scores = Of(QuestionKind::kMessageScores);
  EXPECT_EQ(Render(scores, 0), "message 0: [0] agent a, round 1:\n| one");
  EXPECT_EQ(Render(scores, 2),
            "message 2: [0] agent a, round 1:\n| one\n[1] context:\n| tool\n"
            "[2] agent b (critic):\n| two\n| lines");
  EXPECT_EQ(Render(scores), std::string("3 messages on | task (| (not known)): ") + kAll);
}

}  // namespace
}  // namespace assay::evaluation
