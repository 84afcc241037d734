#include "server/wire/questions/questions.h"

#include "gtest/gtest.h"
#include "server/base/retry_after.h"
#include "server/base/safe_text.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::evaluation {
namespace {

TEST(Wire, QuestionsNameAgentsAndMessages) {
  auto context = SmallContext(3);
  context->episode.messages.insert(context->episode.messages.begin() + 1, signals::Message());
  context->seed = 5;
  Batch batch;
  batch.context = context;
  batch.questions.resize(4);
  batch.questions[0].players = PlayerSet::FromMask(0b101);
  batch.questions[1].kind = signals::QuestionKind::kMessages;
  batch.questions[1].players.insert(0);
  batch.questions[1].players.insert(1);
  batch.questions[2].kind = signals::QuestionKind::kPrefix;
  batch.questions[2].index = 2;
  batch.questions[2].samples = 3;
  batch.questions[3].kind = signals::QuestionKind::kMessageScores;
  const absl::Time now = absl::FromUnixSeconds(1000);
  batch.deadline = now + absl::Milliseconds(1500);
  v1::EvaluateRequest wire;
  BatchToWire(batch, now, &wire);
  EXPECT_EQ(wire.episode_id(), std::string(context->episode.id));
  EXPECT_EQ(wire.seed(), 5u);
  EXPECT_EQ(wire.timeout().seconds(), 1);
  EXPECT_EQ(wire.timeout().nanos(), 500'000'000);
  const auto& coalition = wire.questions(0).counterfactual().coalition().agents();
  EXPECT_EQ(std::vector<int>(coalition.begin(), coalition.end()), (std::vector<int>{0, 2}));
  // Message 1 is context: the agents' second message is message 2.
  const auto& kept = wire.questions(1).counterfactual().messages().indices();
  EXPECT_EQ(std::vector<int>(kept.begin(), kept.end()), (std::vector<int>{0, 2}));
  EXPECT_EQ(wire.questions(2).counterfactual().prefix().length(), 2);
  EXPECT_EQ(wire.questions(2).samples(), 3);
  EXPECT_TRUE(wire.questions(3).counterfactual().has_message_scores());
}

TEST(Wire, TeamsNameEpisodesAndARequestEachOfThemOnce) {
  static const char* const kIds[] = {"e0", "e1", "e2", "e3"};
  auto group = std::make_shared<EpisodeContext>();
  group->episode.id = "group";
  for (const char* id : kIds) {
    auto member = SmallContext(3);
    member->episode.id = id;
    group->members.push_back(member);
  }
  Batch batch;
  batch.context = group;
  batch.questions.resize(2);
  for (signals::Question& question : batch.questions) question.kind = signals::QuestionKind::kTeam;
  batch.questions[0].team = {3, 3, 1};
  batch.questions[1].team = {1, signals::kAbsent, 3};
  v1::EvaluateRequest wire;
  BatchToWire(batch, absl::FromUnixSeconds(1000), &wire);
  EXPECT_EQ(wire.episode_id(), "group");
  const auto& team = wire.questions(1).counterfactual().team().episode_ids();
  EXPECT_EQ(std::vector<std::string>(team.begin(), team.end()),
            (std::vector<std::string>{"e1", "", "e3"}));
  EXPECT_EQ(
      std::vector<std::string>(wire.group_episode_ids().begin(), wire.group_episode_ids().end()),
      (std::vector<std::string>{"e1", "e3"}));
  EXPECT_EQ(NamedMembers(batch), (std::vector<int>{1, 3}));
}

TEST(Wire, OfManyMessagesTheFirst256CanBeNamed) {
  auto context = SmallContext(1);
  context->episode.messages.assign(258, context->episode.messages[0]);
  signals::Question question;
  question.kind = signals::QuestionKind::kMessages;
  for (const int ordinal : {0, 255}) question.players.insert(ordinal);
  v1::Counterfactual wire;
  QuestionToWire(question, *context, &wire);
  const auto& kept = wire.messages().indices();
  EXPECT_EQ(std::vector<int>(kept.begin(), kept.end()), (std::vector<int>{0, 255}));
}

TEST(Wire, ADeadlineThatHasPassedLeavesNoTime) {
  Batch batch;
  batch.context = SmallContext(1);
  const absl::Time now = absl::FromUnixSeconds(1000);
  batch.deadline = now - absl::Seconds(3);
  v1::EvaluateRequest wire;
  BatchToWire(batch, now, &wire);
  EXPECT_TRUE(wire.has_timeout());
  EXPECT_EQ(wire.timeout().seconds(), 0);
  batch.deadline = absl::InfiniteFuture();
  v1::EvaluateRequest endless;
  BatchToWire(batch, now, &endless);
  EXPECT_FALSE(endless.has_timeout());
}

TEST(Wire, CodesOfStrangersAreKnownOrUnknown) {
  const auto code = [](int sent) {
    v1::Error error;
    error.set_code(sent);
    return static_cast<int>(StatusFromWire(error).code());
  };
  for (int known = 1; known <= 16; ++known) EXPECT_EQ(code(known), known);
  for (const int unknown : {-1, 0, 17}) EXPECT_EQ(code(unknown), 2) << unknown;
}

TEST(Wire, AnswersAndErrors) {
  v1::EvaluateResponse response;
  EXPECT_EQ(AnswersFromWire(response).status().code(), absl::StatusCode::kInvalidArgument);
  v1::Answer* answer = response.mutable_answers()->add_answers();
  answer->set_mean(0.25);
  answer->set_samples(4);
  answer->set_variance(0.5);
  answer->add_message_scores(-1);
  const auto answers = AnswersFromWire(response);
  ASSERT_TRUE(answers.ok());
  EXPECT_EQ((*answers)[0].mean, 0.25);
  EXPECT_EQ((*answers)[0].samples, 4);
  EXPECT_EQ((*answers)[0].variance, 0.5);
  EXPECT_EQ((*answers)[0].scores, std::vector<double>{-1});
  EXPECT_FALSE((*answers)[0].cached);
  answer->set_cached(true);
  EXPECT_TRUE((*AnswersFromWire(response))[0].cached);
  answer->mutable_error()->set_code(14);
  const auto failed = AnswersFromWire(response);
  ASSERT_TRUE(failed.ok()) << "one question alone";
  EXPECT_EQ((*failed)[0].error.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ((*failed)[0].mean, 0);
  response.mutable_error()->set_code(77);
  response.mutable_error()->mutable_retry_after()->set_seconds(2);
  EXPECT_EQ(AnswersFromWire(response).status().code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(RetryAfter(AnswersFromWire(response).status()), absl::Seconds(2));
}

TEST(Wire, MessagesOfStrangersAreWholeCharacters) {
  EXPECT_EQ(SafeText("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(SafeText("a\xff"
                     "b\xc3"),
            "a?b?");
  EXPECT_EQ(SafeText("\xed\xa0\x80"), "???");       // a surrogate
  EXPECT_EQ(SafeText("\xc0\xaf"), "??");            // overlong
  EXPECT_EQ(SafeText("\xf4\x90\x80\x80"), "????");  // beyond U+10FFFF
  EXPECT_EQ(SafeText(std::string(1023, 'a') + "\xc3\xbc"), std::string(1023, 'a'));
  EXPECT_EQ(SafeText(std::string(5000, 'a')).size(), 1024u);
}

std::string Utf8(uint32_t code, int length) {
  std::string text(static_cast<size_t>(length), '\0');
  for (int i = length - 1; i > 0; --i, code >>= 6) {
    text[static_cast<size_t>(i)] = static_cast<char>(0x80 | (code & 0x3f));
  }
  const int lead = length == 1 ? 0 : length == 2 ? 0xc0 : length == 3 ? 0xe0 : 0xf0;
  text[0] = static_cast<char>(lead | static_cast<int>(code));
  return text;
}

// Numbers in every length that can hold them, all of those around a bound: kept where that is the
// shortest and it is a character.
TEST(Wire, KnowsEveryCharacter) {
  const uint32_t limits[] = {0, 0x80, 0x800, 0x10000, 0x200000};
  for (int length = 1; length <= 4; ++length) {
    for (uint32_t code = 0; code < limits[length]; code += (code & 0x7ff) < 0x100 ? 1 : 0x35) {
      const bool character =
          code >= limits[length - 1] && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
      const std::string text = Utf8(code, length);
      const std::string safe = SafeText(text);
      ASSERT_EQ(safe == text, character) << std::hex << code << " in " << length;
      if (!character) {
        ASSERT_EQ(safe, std::string(text.size(), '?')) << std::hex << code;
      }
    }
  }
  for (const char* cut : {"\xc3", "\xe2\x82", "\xf0\x9f\x98"}) {
    EXPECT_EQ(SafeText(cut), std::string(std::string(cut).size(), '?'));
    EXPECT_EQ(SafeText(std::string(cut) + "aaa"),
              std::string(std::string(cut).size(), '?') + "aaa");
  }
}

TEST(Wire, ACutMessageEndsWithAWholeCharacter) {
  v1::Error error;
  error.set_code(14);
  error.set_message(std::string(1023, 'a') + "\xc3\xbc");
  EXPECT_EQ(StatusFromWire(error).message(), std::string(1023, 'a'));
}

}  // namespace
}  // namespace assay::evaluation
