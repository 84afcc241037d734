// The judge against a server that fails, is slow, or does not answer.
#include <filesystem>
#include <future>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/retry_after.h"
#include "server/engine/asio_executor.h"
#include "server/evaluation/judge/http_client.h"
#include "server/evaluation/judge/judge.h"
#include "server/evaluation/judge/judge_prompt.h"
#include "tests/chaos/judge_fixture.h"
#include "tests/chaos/scripted_http_server.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::chaos {
namespace {

using evaluation::Answers;
using evaluation::JudgeOptions;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(JudgeTest, TooManyRequestsAreRetriedWhenTheServerSaysSo) {
  const ScriptedHttpServer server([&](int k, const std::string&, const std::string&) {
    return k == 0 ? JsonAnswer(429, "{}", "Retry-After: 1\r\n") : LogprobAnswer(0.5);
  });
  const absl::Time start = absl::Now();
  const auto answers = Ask(To(server), {evaluation::CoalitionQuestion(1)});
  ASSERT_TRUE(answers.ok()) << answers.status();
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(990));
  EXPECT_EQ(server.requests(), 2);
}

TEST_F(JudgeTest, PassingFaultsAreRetried) {
  const std::string good = LogprobAnswer(0.5).bytes;
  const ScriptedHttpServer server([&](int k, const std::string&, const std::string&) {
    switch (k) {
      case 0:
        return JsonAnswer(500, "oops");
      case 1:
        return JsonAnswer(200, "{\"choices\": [");  // invalid JSON
      case 2:
        return HttpAnswer{good.substr(0, good.size() / 2), absl::ZeroDuration()};  // truncated
      default:
        return LogprobAnswer(0.5);
    }
  });
  const auto answers = Ask(To(server), {evaluation::CoalitionQuestion(1)});
  ASSERT_TRUE(answers.ok()) << answers.status();
  EXPECT_EQ(server.requests(), 4);
}

TEST_F(JudgeTest, ASlowDripEndsAtTheDeadline) {
  const ScriptedHttpServer server([&](int, const std::string&, const std::string&) {
    HttpAnswer answer = LogprobAnswer(0.5);
    answer.pause = absl::Milliseconds(20);
    return answer;
  });
  JudgeOptions options = To(server);
  options.policy.timeout = absl::Milliseconds(200);
  options.policy.retry.max_attempts = 2;
  const auto answers = Ask(options, {evaluation::CoalitionQuestion(1)});
  EXPECT_EQ(answers.status().code(), absl::StatusCode::kDeadlineExceeded) << answers.status();
}

TEST_F(JudgeTest, LastingFaultsNameTheirCause) {
  const auto ask = [&](const HttpAnswer& answer) {
    const ScriptedHttpServer server(
        [&](int, const std::string&, const std::string&) { return answer; });
    JudgeOptions options = To(server);
    options.verdict = JudgeOptions::Verdict::kJson;
    return Ask(options, {evaluation::CoalitionQuestion(1)}).status();
  };
  EXPECT_EQ(ask(JsonAnswer(503, "x")).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ask(JsonAnswer(401, "x")).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(ask(JsonAnswer(403, "x")).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ask(JsonAnswer(404, "x")).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ask(ContentAnswer("eleven")).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ask(ContentAnswer(R"({\"grade\": 11})")).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ask(JsonAnswer(200, "[]")).code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(ask(JsonAnswer(503, "x")).message()),
              AllOf(HasSubstr("evaluator judge"), HasSubstr("503"), HasSubstr("attempt 4")));
}

TEST_F(JudgeTest, AnAnswerMayBeAsLongAsTheLimit) {
  const ScriptedHttpServer server([&](int, const std::string&, const std::string& body) {
    return JsonAnswer(200, std::string(std::stoul(body), 'x'));
  });
  evaluation::HttpClientOptions options;
  options.max_response_bytes = 100;
  evaluation::HttpClient client(options);
  for (const int size : {0, 99, 100, 101, 199, 5000}) {
    std::promise<absl::StatusOr<std::string>> answer;
    client.Post({server.url(), {}, std::to_string(size), kHangs},
                [&](absl::StatusOr<std::string> body) { answer.set_value(std::move(body)); });
    const absl::StatusOr<std::string> body = answer.get_future().get();
    if (size <= 100) {
      ASSERT_TRUE(body.ok()) << body.status();
      EXPECT_EQ(body->size(), static_cast<size_t>(size));
    } else {
      EXPECT_EQ(body.status().code(), absl::StatusCode::kOutOfRange) << size;
    }
  }
}

TEST_F(JudgeTest, StatusesOfHttpHaveTheirMeaning) {
  const ScriptedHttpServer server([](int, const std::string&, const std::string& body) {
    return JsonAnswer(std::stoi(body.substr(0, 3)), "x", body.substr(3));
  });
  evaluation::HttpClient client({});
  const auto ask = [&](int code, const std::string& header = "") {
    std::promise<absl::Status> answer;
    client.Post({server.url(), {}, absl::StrCat(code, header), kHangs},
                [&](const absl::StatusOr<std::string>& body) { answer.set_value(body.status()); });
    return answer.get_future().get();
  };
  for (const int code : {200, 201, 299}) EXPECT_TRUE(ask(code).ok()) << code;
  for (const int code : {300, 400, 404, 407, 409, 499}) {
    EXPECT_EQ(ask(code).code(), absl::StatusCode::kFailedPrecondition) << code;
  }
  EXPECT_EQ(ask(401).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(ask(403).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ask(429).code(), absl::StatusCode::kResourceExhausted);
  for (const int code : {408, 500, 501, 599}) {
    EXPECT_EQ(ask(code).code(), absl::StatusCode::kUnavailable) << code;
  }
  EXPECT_EQ(RetryAfter(ask(429)), std::nullopt);
  EXPECT_EQ(RetryAfter(ask(429, "Retry-After: 1\r\n")), absl::Seconds(1));
  EXPECT_EQ(RetryAfter(ask(503, "Retry-After: 70\r\n")), absl::Seconds(70));
}

TEST_F(JudgeTest, ARequestIsWaitedForAsLongAsItSays) {
  const ScriptedHttpServer server([](int, const std::string&, const std::string&) {
    HttpAnswer answer = JsonAnswer(200, "x");
    answer.pause = absl::Milliseconds(1);
    return answer;
  });
  evaluation::HttpClient client({});
  const auto ask = [&](absl::Duration timeout) {
    std::promise<absl::Status> answer;
    client.Post({server.url(), {}, "", timeout},
                [&](const absl::StatusOr<std::string>& body) { answer.set_value(body.status()); });
    return answer.get_future().get();
  };
  EXPECT_TRUE(ask(kHangs).ok());
  EXPECT_TRUE(ask(absl::InfiniteDuration()).ok());
  EXPECT_EQ(ask(absl::ZeroDuration()).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ask(-absl::Seconds(1)).code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(JudgeTest, CancelEndsWhatIsOnItsWay) {
  const ScriptedHttpServer server([&](int, const std::string&, const std::string&) {
    HttpAnswer answer = LogprobAnswer(0.5);
    answer.pause = absl::Hours(24);
    return answer;
  });
  const auto judge = evaluation::MakeJudge(To(server), &executor_, nullptr);
  ASSERT_TRUE(judge.ok());
  std::promise<absl::Status> promise;
  auto cancel = (*judge)->Evaluate(
      evaluation::CoalitionBatch(Context()),
      [&](const absl::StatusOr<Answers>& answers) { promise.set_value(answers.status()); });
  while (server.requests() == 0) absl::SleepFor(absl::Milliseconds(1));
  cancel();
  EXPECT_EQ(promise.get_future().get().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace assay::chaos
