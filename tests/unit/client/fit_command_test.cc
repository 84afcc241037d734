#include "client/cpp/command/fit_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"

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
  int descriptor() const { return fileno(file_); }
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

TEST(FitCommand, WritesAPriorThatFindsTheError) {
  const TemporaryFile labels(Episodes(9) + Episode(9, -1)), output;
  ASSERT_EQ(RunFit(labels.descriptor(), {}, output.get()), 0);
  google::protobuf::Struct json;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(output.Read(), &json).ok());
  const auto& fields = json.fields();
  EXPECT_EQ(fields.at("episodes").number_value(), 9);
  blame::TextPrior prior;
  prior.uniform = fields.at("uniform").number_value();
  for (const auto& name : fields.at("features").list_value().values()) {
    prior.features.push_back(name.string_value());
  }
  for (const auto& weight : fields.at("weights").list_value().values()) {
    prior.weights.push_back(weight.number_value());
  }
  ASSERT_TRUE(blame::Validate(prior).ok());
  const auto pi =
      blame::ApplyTextPrior(prior, {.task = "q",
                                    .messages = {{"a", "We read the value", false},
                                                 {"a", "We assume a hypothetical value", false},
                                                 {"a", "We read the value", false}}});
  EXPECT_GT(pi[1], 0.5);
}

TEST(FitCommand, TheSameLabelsGiveTheSameBytes) {
  const TemporaryFile labels(Episodes(6)), again(Episodes(6)), one, two;
  ASSERT_EQ(RunFit(labels.descriptor(), {}, one.get()), 0);
  ASSERT_EQ(RunFit(again.descriptor(), {}, two.get()), 0);
  EXPECT_EQ(one.Read(), two.Read());
}

TEST(FitCommand, FailsWithoutLabels) {
  const TemporaryFile none(Episode(0, -1)), broken("no json\n"), output;
  EXPECT_NE(RunFit(none.descriptor(), {}, output.get()), 0);
  EXPECT_NE(RunFit(broken.descriptor(), {}, output.get()), 0);
  EXPECT_EQ(output.Read(), "");
}

}  // namespace
}  // namespace assay::command
