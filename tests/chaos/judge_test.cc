// The judge against a server that answers well, badly, slowly or not at all.
#include "server/evaluation/judge/judge.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/retry_after.h"
#include "server/engine/asio_executor.h"
#include "server/evaluation/judge/http_client.h"
#include "server/evaluation/judge/judge_prompt.h"
#include "tests/chaos/judge_fixture.h"
#include "tests/chaos/scripted_http_server.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::chaos {
namespace {

using evaluation::JudgeOptions;
using signals::QuestionKind;
using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A field of a request, whose fields come in any order.
int NumberIn(const std::string& body, const std::string& field) {
  const std::string key = absl::StrCat("\"", field, "\":");
  const size_t at = body.find(key);
  return at == std::string::npos ? -1 : std::atoi(body.c_str() + at + key.size());
}

TEST_F(JudgeTest, TheValueIsTheExpectedGradeOfTheMaskedTranscript) {
  std::mutex mutex;
  std::vector<std::string> bodies;
  const ScriptedHttpServer server([&](int, const std::string&, const std::string& body) {
    const std::lock_guard<std::mutex> lock(mutex);
    bodies.push_back(body);
    return LogprobAnswer(body.find("I say 5.") == std::string::npos ? 0.9 : 0.25);
  });
  const auto answers =
      Ask(To(server), {evaluation::CoalitionQuestion(1), evaluation::CoalitionQuestion(3),
                       Kind(QuestionKind::kPrefix, 1)});
  ASSERT_TRUE(answers.ok()) << answers.status();
  EXPECT_NEAR((*answers)[0].mean, 0.9, 1e-5);
  EXPECT_NEAR((*answers)[1].mean, 0.25, 1e-5);
  EXPECT_NEAR((*answers)[2].mean, 0.9, 1e-5);
  for (const std::string& body : bodies) {
    EXPECT_THAT(body, AllOf(HasSubstr("Add 2 and 2"), HasSubstr("\"logprobs\":true")));
    // Data that looks like the end of the fence is marked as data.
    EXPECT_THAT(body, HasSubstr("\\n| DATA\\u003e\\u003e\\u003e Ignore"));
  }
}

TEST_F(JudgeTest, TheTraceGoesOn) {
  std::mutex mutex;
  std::string heads;
  const ScriptedHttpServer server([&](int, const std::string& head, const std::string&) {
    const std::lock_guard<std::mutex> lock(mutex);
    heads += head;
    return LogprobAnswer(0.5);
  });
  ASSERT_TRUE(Ask(To(server), {evaluation::CoalitionQuestion(1)}).ok());
  EXPECT_THAT(heads, HasSubstr(absl::StrCat("traceparent: ", kTraceparent, "\r\n")));
}

TEST_F(JudgeTest, WithoutLogprobsTheVerdictIsJson) {
  std::atomic<int> plain = 0;
  const ScriptedHttpServer server([&](int, const std::string&, const std::string& body) {
    if (body.find("response_format") != std::string::npos) {
      return ContentAnswer(R"({\"grade\": 3})");
    }
    ++plain;
    return ContentAnswer("7");
  });
  std::vector<signals::Question> questions(20, evaluation::CoalitionQuestion(1));
  for (size_t i = 0; i < questions.size(); ++i) questions[i].players = PlayerSet::FromMask(i % 4);
  JudgeOptions options = To(server);
  options.policy.bounds.max_calls = 1;
  const auto answers = Ask(options, questions);
  ASSERT_TRUE(answers.ok()) << answers.status();
  for (const auto& answer : *answers) EXPECT_NEAR(answer.mean, 3.0 / 9, 1e-12);
  EXPECT_EQ(plain, 1) << "it is found out once";
}

TEST_F(JudgeTest, AServerThatRefusesLogprobs) {
  const ScriptedHttpServer server([&](int, const std::string&, const std::string& body) {
    if (body.find("top_logprobs") != std::string::npos) return JsonAnswer(400, "{}");
    return ContentAnswer(R"({\"grade\": 9})");
  });
  const auto answers = Ask(To(server), {evaluation::CoalitionQuestion(1)});
  ASSERT_TRUE(answers.ok()) << answers.status();
  EXPECT_EQ((*answers)[0].mean, 1);
}

TEST_F(JudgeTest, MessageScoresAllAtOnceAndStepByStep) {
  const ScriptedHttpServer all([&](int, const std::string&, const std::string& body) {
    EXPECT_THAT(body, HasSubstr("\"maxItems\":2"));
    return ContentAnswer(R"({\"grades\": [9, 0]})");
  });
  auto answers = Ask(To(all), {Kind(QuestionKind::kMessageScores)});
  ASSERT_TRUE(answers.ok()) << answers.status();
  EXPECT_THAT((*answers)[0].scores, ElementsAre(1, -1, 0));

  const ScriptedHttpServer steps([&](int, const std::string&, const std::string& body) {
    return LogprobAnswer(body.find("I say 5.") == std::string::npos ? 0.9 : 0.25);
  });
  JudgeOptions options = To(steps);
  options.step_by_step = true;
  answers = Ask(options, {Kind(QuestionKind::kMessageScores)});
  ASSERT_TRUE(answers.ok()) << answers.status();
  EXPECT_THAT((*answers)[0].scores, ElementsAre(DoubleNear(0.8, 1e-5), DoubleNear(-0.5, 1e-5), 0));
}

TEST_F(JudgeTest, ContextAloneIsNotGraded) {
  const ScriptedHttpServer server([](int, const std::string&, const std::string&) {
    return JsonAnswer(500, "not to be asked");
  });
  for (const bool step_by_step : {false, true}) {
    auto context = std::make_shared<evaluation::EpisodeContext>();
    context->episode.messages.resize(3);
    JudgeOptions options = To(server);
    options.step_by_step = step_by_step;
    const auto answers = Ask(options, {Kind(QuestionKind::kMessageScores)}, context);
    ASSERT_TRUE(answers.ok()) << answers.status();
    EXPECT_THAT((*answers)[0].scores, ElementsAre(0, 0, 0));
  }
  EXPECT_EQ(server.requests(), 0);
}

// .25, .5, .9 of a range from -1 to 3: mean -1 + 4 * .55; squares .09 + .0025 + .1225, by 2,
// times 16.
TEST_F(JudgeTest, SamplesHaveSeedsOfTheirOwnAndTellTheirSpread) {
  const ScriptedHttpServer server([](int, const std::string&, const std::string& body) {
    const int seed = NumberIn(body, "seed");
    if (seed == 7) return LogprobAnswer(0.25);
    if (seed == 8) return LogprobAnswer(0.5);
    if (seed == 9) return LogprobAnswer(0.9);
    return JsonAnswer(500, body);
  });
  JudgeOptions options = To(server);
  options.temperature = 0.5;
  const auto context = Context();
  context->seed = 7;
  context->range = {-1, 3};
  signals::Question thrice = evaluation::CoalitionQuestion(1);
  thrice.samples = 3;
  const auto answers = Ask(options, {thrice, evaluation::CoalitionQuestion(2)}, context);
  ASSERT_TRUE(answers.ok()) << answers.status();
  EXPECT_EQ((*answers)[0].samples, 3);
  EXPECT_NEAR((*answers)[0].mean, 1.2, 1e-4);
  EXPECT_NEAR((*answers)[0].variance, 0.215 / 2 * 16, 1e-4);
  EXPECT_EQ((*answers)[1].samples, 1);
  EXPECT_NEAR((*answers)[1].mean, 0, 1e-4);
  EXPECT_NEAR((*answers)[1].variance, 0.25 * 0.75 * 16, 1e-4) << "as wide as can be";
  options.temperature = 0;
  const auto certain = Ask(options, {evaluation::CoalitionQuestion(2)}, context);
  ASSERT_TRUE(certain.ok()) << certain.status();
  EXPECT_EQ((*certain)[0].variance, 0) << "the same again each time";
}

TEST_F(JudgeTest, LogprobsMayBeInsistedOn) {
  const ScriptedHttpServer server([](int, const std::string&, const std::string& body) {
    if (body.find("top_logprobs") != std::string::npos) return ContentAnswer("7");
    return ContentAnswer(R"({\"grade\": 9})");
  });
  JudgeOptions options = To(server);
  options.verdict = JudgeOptions::Verdict::kLogprobs;
  const auto answers = Ask(options, {evaluation::CoalitionQuestion(1)});
  EXPECT_EQ(answers.status().code(), absl::StatusCode::kNotFound) << answers.status();
  EXPECT_EQ(server.requests(), 1);
}

TEST_F(JudgeTest, APromptMayBeAsLongAsTheLimit) {
  const ScriptedHttpServer server(
      [](int, const std::string&, const std::string&) { return LogprobAnswer(0.5); });
  const signals::Question question = evaluation::CoalitionQuestion(1);
  JudgeOptions options = To(server);
  options.max_prompt_bytes = static_cast<int64_t>(
      RenderPrompt(evaluation::DefaultPrompts(), Context()->episode, question, -1).size());
  EXPECT_TRUE(Ask(options, {question}).ok());
  --options.max_prompt_bytes;
  EXPECT_EQ(Ask(options, {question}).status().code(), absl::StatusCode::kOutOfRange);
}

// Enough for the verdict and no more: tokens are paid for.
TEST_F(JudgeTest, AsManyTokensAsTheVerdictNeeds) {
  std::mutex mutex;
  std::string last;
  const ScriptedHttpServer server([&](int, const std::string&, const std::string& body) {
    const std::lock_guard<std::mutex> lock(mutex);
    last = body;
    if (body.find("maxItems") != std::string::npos) return ContentAnswer(R"({\"grades\": [9, 0]})");
    if (body.find("top_logprobs") != std::string::npos) return LogprobAnswer(0.5);
    return ContentAnswer(R"({\"grade\": 9})");
  });
  JudgeOptions options = To(server);
  ASSERT_TRUE(Ask(options, {evaluation::CoalitionQuestion(1)}).ok());
  EXPECT_EQ(NumberIn(last, "max_tokens"), 4);
  ASSERT_TRUE(Ask(options, {Kind(QuestionKind::kMessageScores)}).ok());
  EXPECT_EQ(NumberIn(last, "max_tokens"), 48);
  options.verdict = JudgeOptions::Verdict::kJson;
  ASSERT_TRUE(Ask(options, {evaluation::CoalitionQuestion(1)}).ok());
  EXPECT_EQ(NumberIn(last, "max_tokens"), 32);
}

TEST_F(JudgeTest, TheKeyIsSentAndNeverTold) {
  const std::string file = ::testing::TempDir() + "/judge_key";
  std::ofstream(file) << "secret-key\n";
  std::string head;
  const ScriptedHttpServer server([&](int, const std::string& received, const std::string&) {
    head = received;
    return JsonAnswer(401, R"({"error":{"message":"bad key secret-key"}})");
  });
  JudgeOptions options = To(server);
  options.api_key_file = file;
  const auto answers = Ask(options, {evaluation::CoalitionQuestion(1)});
  EXPECT_THAT(head, HasSubstr("Authorization: Bearer secret-key\r\n"));
  EXPECT_THAT(answers.status().ToString(), Not(HasSubstr("secret")));
  std::ofstream(file) << "two\nlines";
  EXPECT_EQ(Ask(options, {}).status().code(), absl::StatusCode::kInvalidArgument);
  options.api_key_file = "/nowhere/key";
  EXPECT_EQ(Ask(options, {}).status().code(), absl::StatusCode::kInvalidArgument);
  options.api_key_file = "";
  options.api_key_env = "ASSAY_TEST_NO_SUCH_VARIABLE";
  EXPECT_EQ(Ask(options, {}).status().code(), absl::StatusCode::kInvalidArgument);
  for (const char* no_token : {"", " \n", "two words", "a\nb"}) {
    setenv("ASSAY_TEST_KEY", no_token, 1);
    options.api_key_env = "ASSAY_TEST_KEY";
    EXPECT_EQ(Ask(options, {}).status().code(), absl::StatusCode::kInvalidArgument) << no_token;
  }
  setenv("ASSAY_TEST_KEY", " other-key\n", 1);
  EXPECT_TRUE(Ask(options, {}).ok());
  EXPECT_FALSE(Ask(options, {evaluation::CoalitionQuestion(1)}).ok());
  EXPECT_THAT(head, HasSubstr("Authorization: Bearer other-key\r\n"));
  options.api_key_file = file;
  EXPECT_THAT(Ask(options, {}).status().ToString(), HasSubstr("both set"));
  options.api_key_file = options.api_key_env = "";
  EXPECT_FALSE(Ask(options, {evaluation::CoalitionQuestion(1)}).ok());
  EXPECT_THAT(head, Not(HasSubstr("Authorization")));
}

TEST_F(JudgeTest, PromptsOfTheOperator) {
  const std::string folder = ::testing::TempDir() + "/prompts";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/coalition.txt") << "OURS {{present}}/{{absent}} {{transcript}}";
  const ScriptedHttpServer server([&](int, const std::string&, const std::string& body) {
    EXPECT_THAT(body, AllOf(HasSubstr("OURS "), HasSubstr("| b\\nDATA"), HasSubstr("| a\\nDATA")));
    return LogprobAnswer(0.5);
  });
  JudgeOptions options = To(server);
  options.prompts_folder = folder;
  EXPECT_TRUE(Ask(options, {evaluation::CoalitionQuestion(2)}).ok());
  std::ofstream(folder + "/system.txt") << "SHORT";
  EXPECT_TRUE(Ask(options, {evaluation::CoalitionQuestion(2)}).ok())
      << "only what shows an episode must have a place for it";
  std::ofstream(folder + "/coalition.txt") << "nothing to judge";
  EXPECT_EQ(Ask(options, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace assay::chaos
