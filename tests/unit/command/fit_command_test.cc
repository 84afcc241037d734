#include "client/command/fit_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/json.h"
#include "server/wire/fitted_prior.h"

namespace assay::command {
namespace {

// A file that is gone when the test is over.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text = "") : file_(tmpfile()) {
    fputs(text.c_str(), file_);
    rewind(file_);
  }
  ~TemporaryFile() { fclose(file_); }

  FILE* get() const { return file_; }
  std::string name() const { return absl::StrCat("/dev/fd/", fileno(file_)); }
  std::string Read() const {
    rewind(file_);
    std::string text;
    for (int c; (c = fgetc(file_)) != EOF;) text += static_cast<char>(c);
    return text;
  }

 private:
  FILE* file_;
};

// Three messages; the one that assumes something is at fault.
std::string Episode(int number, int first_error) {
  std::string messages;
  for (int t = 0; t < 3; ++t) {
    const bool wrong = t == first_error;
    messages += std::string(t ? "," : "") + R"({"agentId":"a","content":")" +
                (wrong ? "We assume a hypothetical value" : "We read the value") + R"(")" +
                (wrong ? R"(,"firstError":true})" : "}");
  }
  return R"({"id":"e)" + std::to_string(number) +
         R"(","task":{"prompt":"q"},"agents":[{"id":"a"}],"messages":[)" + messages + "]}\n";
}

std::string Episodes(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) lines += Episode(i, i % 3);
  return lines;
}

v1::FittedPrior Fitted(const TemporaryFile& labels) {
  const TemporaryFile output;
  EXPECT_EQ(RunFit(labels.name(), {}, {}, output.get()), 0);
  v1::FittedPrior fitted;
  EXPECT_TRUE(FromJson(output.Read(), &fitted).ok());
  return fitted;
}

// Nobody labelled it; three of four rollouts succeed before message 2, none after it.
std::string RolledOut(int number) {
  std::string messages;
  for (int t = 0; t < 6; ++t) {
    messages += std::string(t ? "," : "") +
                R"({"agentId":"a","content":"We go on","prefixRollouts":{"successes":)" +
                (t <= 2 ? "3" : "0") + R"(,"trials":4}})";
  }
  return R"({"id":"r)" + std::to_string(number) +
         R"(","task":{"prompt":"q"},"outcome":{"score":0},"agents":[{"id":"a"}],"messages":[)" +
         messages + "]}\n";
}

TEST(FitCommand, LearnsTheModelFromRolloutsWithoutLabels) {
  std::string episodes;
  for (int i = 0; i < 20; ++i) episodes += RolledOut(i);
  const v1::FittedPrior fitted = Fitted(TemporaryFile(episodes));
  EXPECT_EQ(fitted.model_episodes(), 20);
  EXPECT_EQ(fitted.features_size(), 0);
  const auto prior = service::FittedPriorFromWire(fitted);
  ASSERT_TRUE(prior.ok()) << prior.status();
  EXPECT_EQ(prior->text, nullptr);
  const blame::Parameters& p = prior->parameters;
  // No rollout was lucky, nothing was repaired, no episode was lost from the start.
  EXPECT_LT(p.repair_rate, 0.5);
  EXPECT_GT(p.start_high, 0.98);
  const auto largest = std::max_element(p.high_weights.begin(), p.high_weights.end());
  EXPECT_NEAR(p.high_rates[largest - p.high_weights.begin()], 0.75, 0.051);
  EXPECT_EQ(std::max_element(p.low_weights.begin(), p.low_weights.end()), p.low_weights.begin());
}

TEST(FitCommand, LearnsFromBothKindsInOneFile) {
  const v1::FittedPrior fitted = Fitted(TemporaryFile(Episodes(6) + RolledOut(0) + RolledOut(1)));
  EXPECT_EQ(fitted.episodes(), 6);
  EXPECT_EQ(fitted.model_episodes(), 2);
  // One label is none, and does not stand in the way of the rest.
  EXPECT_EQ(Fitted(TemporaryFile(Episode(0, 1) + RolledOut(0))).features_size(), 0);
}

TEST(FitCommand, WritesAPriorThatFindsTheError) {
  const TemporaryFile labels(Episodes(9) + Episode(9, -1));
  const v1::FittedPrior fitted = Fitted(labels);
  EXPECT_EQ(fitted.episodes(), 9);
  EXPECT_FALSE(fitted.has_model());
  const auto prior = service::FittedPriorFromWire(fitted);
  ASSERT_TRUE(prior.ok()) << prior.status();
  const auto pi = blame::ApplyTextPrior(
      *prior->text, {.task = "q",
                     .messages = {{"a", "We read the value", false},
                                  {"a", "We assume a hypothetical value", false},
                                  {"a", "We read the value", false}}});
  EXPECT_GT(pi[1], 0.5);
}

TEST(FitCommand, TheSameLabelsGiveTheSameBytes) {
  const TemporaryFile labels(Episodes(6)), again(Episodes(6)), one, two;
  ASSERT_EQ(RunFit(labels.name(), {}, {}, one.get()), 0);
  ASSERT_EQ(RunFit(again.name(), {}, {}, two.get()), 0);
  EXPECT_EQ(one.Read(), two.Read());
}

TEST(FitCommand, FailsWithoutLabels) {
  const TemporaryFile none(Episode(0, -1)), broken("no json\n"), output;
  EXPECT_NE(RunFit(none.name(), {}, {}, output.get()), 0);
  EXPECT_NE(RunFit(broken.name(), {}, {}, output.get()), 0);
  EXPECT_EQ(output.Read(), "");
}

}  // namespace
}  // namespace assay::command
