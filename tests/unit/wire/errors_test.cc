#include "server/wire/errors.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace assay::service {
namespace {

TEST(Errors, APathBecomesAViolation) {
  const v1::Error error = ErrorToWire(OutOfBounds("messages[3].process_score", 2, -1, 1));
  EXPECT_EQ(error.code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
  ASSERT_EQ(error.violations_size(), 1);
  EXPECT_EQ(error.violations(0).field(), "messages[3].process_score");
  EXPECT_EQ(error.violations(0).description(), "is 2, must be in [-1, 1]");
  EXPECT_FALSE(error.has_retry_after());
}

TEST(Errors, TextThatIsNoPathDoesNot) {
  EXPECT_EQ(ErrorToWire(absl::InvalidArgumentError("no path here: none")).violations_size(), 0);
  EXPECT_EQ(ErrorToWire(absl::UnavailableError("judge: connection refused")).violations_size(), 0);
  EXPECT_EQ(ErrorToWire(GoingAway("draining")).violations_size(), 0);
}

TEST(Errors, RetryAfterTravels) {
  const absl::Status status = BeyondCredits(absl::Milliseconds(1500));
  EXPECT_EQ(RetryAfter(status), absl::Milliseconds(1500));
  const v1::Error error = ErrorToWire(status);
  EXPECT_EQ(error.retry_after().seconds(), 1);
  EXPECT_EQ(error.retry_after().nanos(), 500'000'000);
  EXPECT_FALSE(RetryAfter(Missing("id")).has_value());
}

TEST(Errors, MessagesAreBoundedAndStayUtf8) {
  std::string text = "x";
  while (text.size() < 3000) text += "\u00e9";
  const v1::Error error = ErrorToWire(absl::InternalError(text));
  EXPECT_LE(error.message().size(), 1024u);
  EXPECT_EQ((error.message().size() - 1) % 2, 0u) << "cut inside a character";
}

TEST(Errors, IdsAreQuotedAndCut) {
  const std::string message(UnknownId("agents[0].id", std::string(500, '\n')).message());
  EXPECT_LT(message.size(), 250u);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

TEST(Errors, WhatIsJustShortEnoughIsKept) {
  const auto id = [](size_t size) {
    return std::string(UnknownId("id", std::string(size, 'x')).message());
  };
  EXPECT_NE(id(64).find(absl::StrCat("\"", std::string(64, 'x'), "\"")), std::string::npos);
  EXPECT_NE(id(65).find(absl::StrCat("\"", std::string(64, 'x'), "...\"")), std::string::npos);
  const auto kept = [](const std::string& text) {
    return ErrorToWire(absl::InternalError(text)).message();
  };
  EXPECT_EQ(kept(std::string(1024, 'x')), std::string(1024, 'x'));
  EXPECT_EQ(kept(std::string(1025, 'x')), std::string(1024, 'x'));
  EXPECT_EQ(kept(std::string(1023, 'x') + "\u00e9"), std::string(1023, 'x'));
  EXPECT_EQ(kept(std::string(1022, 'x') + "\u00e9y"), std::string(1022, 'x') + "\u00e9");
}

TEST(Errors, APathIsOfLowerCaseDigitsAndBrackets) {
  for (const char* path : {"a", "z9", "a_b.c[0]", "9"}) {
    const v1::Error error = ErrorToWire(absl::OutOfRangeError(std::string(path) + ": what: it is"));
    ASSERT_EQ(error.violations_size(), 1) << path;
    EXPECT_EQ(error.violations(0).field(), path);
    EXPECT_EQ(error.violations(0).description(), "what: it is");
  }
  for (const char* other : {"", "A", "aB", "a b", "a-b", "a(0)", "a:b"}) {
    EXPECT_EQ(ErrorToWire(absl::OutOfRangeError(std::string(other) + ": what")).violations_size(),
              0)
        << other;
  }
  EXPECT_EQ(ErrorToWire(absl::OutOfRangeError("a path without a description")).violations_size(),
            0);
  EXPECT_EQ(ErrorToWire(absl::OutOfRangeError("path")).violations_size(), 0);
}

}  // namespace
}  // namespace assay::service
