#include "server/service/errors.h"

#include <gtest/gtest.h>

#include <string>

namespace assay::service {
namespace {

TEST(Errors, APathBecomesAViolation) {
  const v1::Error error = ToWire(OutOfBounds("messages[3].process_score", 2, -1, 1));
  EXPECT_EQ(error.code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
  ASSERT_EQ(error.violations_size(), 1);
  EXPECT_EQ(error.violations(0).field(), "messages[3].process_score");
  EXPECT_EQ(error.violations(0).description(), "is 2, must be in [-1, 1]");
  EXPECT_FALSE(error.has_retry_after());
}

TEST(Errors, TextThatIsNoPathDoesNot) {
  EXPECT_EQ(ToWire(absl::InvalidArgumentError("no path here: none")).violations_size(), 0);
  EXPECT_EQ(ToWire(absl::UnavailableError("judge: connection refused")).violations_size(), 0);
  EXPECT_EQ(ToWire(GoingAway("draining")).violations_size(), 0);
}

TEST(Errors, RetryAfterTravels) {
  const absl::Status status = BeyondCredits(absl::Milliseconds(1500));
  EXPECT_EQ(RetryAfter(status), absl::Milliseconds(1500));
  const v1::Error error = ToWire(status);
  EXPECT_EQ(error.retry_after().seconds(), 1);
  EXPECT_EQ(error.retry_after().nanos(), 500'000'000);
  EXPECT_FALSE(RetryAfter(Missing("id")).has_value());
}

TEST(Errors, MessagesAreBoundedAndStayUtf8) {
  std::string text = "x";
  while (text.size() < 3000) text += "\u00e9";
  const v1::Error error = ToWire(absl::InternalError(text));
  EXPECT_LE(error.message().size(), 1024u);
  EXPECT_EQ((error.message().size() - 1) % 2, 0u) << "cut inside a character";
}

TEST(Errors, IdsAreQuotedAndCut) {
  const std::string message(UnknownId("agents[0].id", std::string(500, '\n')).message());
  EXPECT_LT(message.size(), 250u);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace assay::service
