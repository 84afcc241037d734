#include "client/command/fit_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/json.h"
#include "server/blame/text/general_prior.h"
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
  EXPECT_EQ(RunFit({{"ours", labels.name()}}, {}, {}, output.get()), 0);
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
  EXPECT_EQ(prior->texts, nullptr);
  const blame::Parameters& p = prior->parameters;
  // No rollout was lucky, nothing was repaired, no episode was lost from the start.
  EXPECT_LT(p.repair_rate, 0.5);
  EXPECT_GT(p.start_high, 0.98);
  const auto largest = std::max_element(p.high_weights.begin(), p.high_weights.end());
  EXPECT_NEAR(p.high_rates[largest - p.high_weights.begin()], 0.75, 0.051);
  EXPECT_EQ(std::max_element(p.low_weights.begin(), p.low_weights.end()), p.low_weights.begin());
}

TEST(FitCommand, LearnsFromBothKindsInOneFile) {
  const v1::FittedPrior fitted = Fitted(TemporaryFile(Episodes(9) + RolledOut(0) + RolledOut(1)));
  ASSERT_EQ(fitted.collections_size(), 1);
  EXPECT_EQ(fitted.collections(0).source(), "ours");
  EXPECT_EQ(fitted.collections(0).episodes(), 9);
  EXPECT_GT(fitted.collections(0).prior().features_size(), 0);
  EXPECT_EQ(fitted.model_episodes(), 2);
  // One label is none, and does not stand in the way of the rest.
  const v1::FittedPrior one = Fitted(TemporaryFile(Episode(0, 1) + RolledOut(0)));
  EXPECT_FALSE(one.collections(0).has_prior());
  EXPECT_FALSE(one.has_general()) << "not what these episodes taught";
  EXPECT_EQ(one.model_episodes(), 1);
}

TEST(FitCommand, WritesAPriorThatFindsTheErrorAndItsFigures) {
  const TemporaryFile labels(Episodes(12) + Episode(12, -1));
  const v1::FittedPrior fitted = Fitted(labels);
  ASSERT_EQ(fitted.collections_size(), 1);
  const v1::CollectionPrior& ours = fitted.collections(0);
  EXPECT_EQ(ours.episodes(), 12);
  EXPECT_EQ(ours.by_question().episodes(), 12);
  EXPECT_GT(ours.by_question().step_accuracy(), 0.7);
  EXPECT_GT(ours.by_question().gain(), ours.by_question().gain_error());
  EXPECT_FALSE(fitted.has_model());
  EXPECT_EQ(fitted.general_share(), blame::kOrderingShare)
      << "one collection cannot tell what carries over: what is shipped only orders";
  EXPECT_EQ(fitted.general().features_size(),
            static_cast<int>(blame::ShippedPrior().general.features.size()));
  const auto prior = service::FittedPriorFromWire(fitted);
  ASSERT_TRUE(prior.ok()) << prior.status();
  const auto applied =
      blame::Apply(*prior->texts, {.task = "q",
                                   .messages = {{"a", "We read the value", false},
                                                {"a", "We assume a hypothetical value", false},
                                                {"a", "We read the value", false}}});
  EXPECT_GT(applied.pi[1], 0.5);
}

// A label on a tool's message: the environment's fault, which is kept and blames nobody.
TEST(FitCommand, KeepsLabelsOnContext) {
  std::string others;
  for (int i = 0; i < 3; ++i) {
    others += R"({"id":"c)" + std::to_string(i) +
              R"(","task":{"prompt":"q"},"agents":[{"id":"a"}],"messages":[)" +
              R"({"agentId":"a","content":"go"},{"content":"exit code 1","firstError":true}]})" +
              "\n";
  }
  const v1::FittedPrior fitted = Fitted(TemporaryFile(Episodes(12) + others));
  EXPECT_EQ(fitted.collections(0).episodes(), 12);
  EXPECT_EQ(fitted.collections(0).environment(), 3);
}

// Errors that nothing foretells: exit code 1, and nothing is written.
TEST(FitCommand, DoesNotCallFittedWhatDoesNotBeatUniformShares) {
  std::string lines;
  for (int i = 0; i < 40; ++i) {
    std::string messages;
    for (int t = 0; t < 4; ++t) {
      messages += std::string(t ? "," : "") + R"({"agentId":"a","content":"We read the value")" +
                  (t == i * 7 % 4 ? R"(,"firstError":true})" : "}");
    }
    lines += R"({"id":"e)" + std::to_string(i) + R"(","task":{"prompt":"q)" + std::to_string(i) +
             R"("},"agents":[{"id":"a"}],"messages":[)" + messages + "]}\n";
  }
  const TemporaryFile labels(lines), output;
  EXPECT_EQ(RunFit({{"ours", labels.name()}}, {}, {}, output.get()), 1);
  EXPECT_EQ(output.Read(), "");
}

TEST(FitCommand, CollectionsAreNamed) {
  EXPECT_EQ(CollectionOf("ours=a/b.jsonl").name, "ours");
  EXPECT_EQ(CollectionOf("ours=a/b.jsonl").file, "a/b.jsonl");
  EXPECT_EQ(CollectionOf("a/whowhen.jsonl.gz").name, "whowhen");
  EXPECT_EQ(CollectionOf("a/x=1.jsonl").file, "a/x=1.jsonl");
  EXPECT_EQ(CollectionOf("-").name, "labels");
  const TemporaryFile one(Episodes(9)), two(Episodes(9)), output;
  EXPECT_EQ(RunFit({{"a", one.name()}, {"a", two.name()}}, {}, {}, output.get()), 2);
  EXPECT_EQ(RunFit({{"a", one.name()}, {"b", two.name()}}, {}, {}, output.get()), 0);
  v1::FittedPrior fitted;
  ASSERT_TRUE(FromJson(output.Read(), &fitted).ok());
  ASSERT_EQ(fitted.collections_size(), 2);
  EXPECT_EQ(fitted.collections(1).source(), "b");
}

TEST(FitCommand, TheSameLabelsGiveTheSameBytes) {
  const TemporaryFile labels(Episodes(6)), again(Episodes(6)), one, two;
  ASSERT_EQ(RunFit({{"ours", labels.name()}}, {}, {}, one.get()), 0);
  ASSERT_EQ(RunFit({{"ours", again.name()}}, {}, {}, two.get()), 0);
  EXPECT_EQ(one.Read(), two.Read());
}

TEST(FitCommand, FailsWithoutLabels) {
  const TemporaryFile none(Episode(0, -1)), broken("no json\n"), output;
  EXPECT_NE(RunFit({{"none", none.name()}}, {}, {}, output.get()), 0);
  EXPECT_NE(RunFit({{"broken", broken.name()}}, {}, {}, output.get()), 0);
  EXPECT_EQ(output.Read(), "");
}

}  // namespace
}  // namespace assay::command
