#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "server/blame/text/lexicon.h"
#include "server/blame/text/text_features.h"
#include "server/blame/text/text_prior.h"

namespace assay::blame {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

MarkerCounts Scan(absl::string_view text) {
  WordScanner scanner(text);
  while (scanner.Next()) {
  }
  return scanner.counts();
}

TEST(Lexicon, CountsWordsStemsAndPhrases) {
  const MarkerCounts counts =
      Scan("Unfortunately I could not verify this. Verified? Could it not?");
  EXPECT_EQ(counts[kNegation], 2);  // unfortunately, could not; "could it not" is no phrase
  EXPECT_EQ(counts[kVerifies], 2);
  EXPECT_EQ(Scan("exitcode: 1 (execution failed)")[kExitBad], 1);
  EXPECT_EQ(Scan("exitcode: 0 (execution succeeded)")[kExitGood], 1);
  EXPECT_EQ(Scan("exitcode: 12")[kExitBad], 0);
  EXPECT_EQ(Scan("HTTP 404, page not found")[kFailed], 2);
  EXPECT_EQ(Scan("failedness, terrors")[kFailed], 0);
  EXPECT_EQ(Scan("can't, couldn't")[kNegation], 2);
  EXPECT_EQ(Scan("TERMINATE")[kTerminates], 1);
  EXPECT_EQ(Scan("terminate")[kTerminates], 0);
  EXPECT_EQ(Scan("see https://example.org or http: x")[kLink], 1);
  EXPECT_EQ(Scan("```python\nimport x\nprint(1)\n```")[kCode], 4);
}

TEST(Lexicon, WordsAndNumbers) {
  WordScanner scanner("The answer is 3.14.15, 7 xy");
  std::vector<bool> numbers, content;
  std::vector<uint64_t> hashes;
  while (scanner.Next()) {
    numbers.push_back(scanner.is_number());
    content.push_back(scanner.is_content());
    hashes.push_back(scanner.hash());
  }
  EXPECT_THAT(numbers, ::testing::ElementsAre(false, false, false, true, true, true, false));
  EXPECT_THAT(content, ::testing::ElementsAre(false, true, false, true, true, true, false));
  WordScanner same("ANSWER");
  ASSERT_TRUE(same.Next());
  EXPECT_EQ(same.hash(), hashes[1]);
}

// The first and the last of their kind, and their neighbours in ASCII.
TEST(Lexicon, LettersAndDigitsEndWhereTheyEnd) {
  const auto words = [](absl::string_view text) {
    WordScanner scanner(text);
    std::vector<uint64_t> hashes;
    while (scanner.Next()) hashes.push_back(scanner.hash());
    return hashes;
  };
  for (const absl::string_view text : {"AZ", "aZ", "Az"}) EXPECT_EQ(words(text), words("az"));
  for (const absl::string_view text : {"AZ@", "[AZ", "`AZ", "AZ{"}) {
    EXPECT_EQ(words(text), words("az")) << text;
  }
  EXPECT_EQ(words("az@az[az`az{az").size(), 5);
  EXPECT_EQ(words("09/90:09").size(), 3);
  EXPECT_EQ(words("/09:"), words("09"));
  EXPECT_EQ(words("9.0"), words(" 9.0."));
  EXPECT_EQ(words("9.a").size(), 2);
}

double Feature(const TextEpisode& episode, int message, const std::string& name) {
  const auto& names = FeatureNames();
  const auto at = std::find(names.begin(), names.end(), name) - names.begin();
  return TextFeatures(episode)[message * names.size() + at];
}

TextEpisode Sample() {
  return {.task = "How many apples are in the basket?",
          .messages = {{"planner", "Let us count the apples carefully.", false},
                       {"coder", "```python\nprint(40 + 2)\n``` counts fruit", false},
                       {"terminal", "exitcode: 1 execution failed", true},
                       {"coder", "Sorry, the fruit count is 41", false},
                       {"planner", "So the fruit adds up to **41**", false},
                       {"planner", "TERMINATE", false}}};
}

TEST(TextFeatures, MeanWhatTheySay) {
  const TextEpisode episode = Sample();
  EXPECT_EQ(Feature(episode, 1, "next_exit_bad"), 1);
  EXPECT_EQ(Feature(episode, 3, "previous_exit_bad"), 1);
  EXPECT_EQ(Feature(episode, 2, "tool"), 1);
  EXPECT_EQ(Feature(episode, 0, "first_of_agent"), 1);
  EXPECT_EQ(Feature(episode, 3, "first_of_agent"), 0);
  EXPECT_NEAR(Feature(episode, 0, "share_of_agent"), 0.5, 1e-12);
  EXPECT_NEAR(Feature(episode, 3, "origin_of_answer"), 1, 1e-3);  // 41 was first said here
  EXPECT_EQ(Feature(episode, 4, "origin_of_answer"), 0);
  EXPECT_GT(Feature(episode, 1, "origin_of_closing"), 0);  // "fruit"
  EXPECT_NEAR(Feature(episode, 3, "amends"), std::log(2), 1e-12);
  EXPECT_EQ(Feature(episode, 5, "last"), 1);
  EXPECT_NEAR(Feature(episode, 3, "new_numbers"), std::log(2), 1e-12);
}

// An answer in nothing is none: the next mark opens another.
TEST(TextFeatures, MarksAroundNothingAnswerNothing) {
  const auto origin = [](absl::string_view closing) {
    const TextEpisode episode{
        .task = "",
        .messages = {{"a", "an elm", false}, {"b", "oak", false}, {"a", closing, false}}};
    return Feature(episode, 0, "origin_of_answer");
  };
  EXPECT_GT(origin("some large green tree **elm**"), 0.5);
  EXPECT_GT(origin("some large green tree ****elm**"), 0.5);
  EXPECT_GT(origin("some large green tree \"\"elm\""), 0.5);
  EXPECT_EQ(origin("some large green tree **elm"), 0);
  const std::string long_one(78, ' ');
  EXPECT_GT(origin("some large green tree \"elm" + long_one.substr(1) + "\""), 0.5)
      << "80 are quoted";
  EXPECT_EQ(origin("some large green tree \"elm" + long_one + "\""), 0) << "81 are not";
}

TEST(TextFeatures, AnyBytesGiveFiniteNumbers) {
  std::string noise;
  for (int i = 0; i < 5000; ++i) noise += static_cast<char>((i * 131 + i / 7) % 256);
  const TextEpisode episode{.task = "",
                            .messages = {{"", noise, false}, {"", "", true}, {"", "**\"", false}}};
  const std::vector<double> rows = TextFeatures(episode);
  EXPECT_EQ(rows.size(), 3 * FeatureNames().size());
  for (const double x : rows) EXPECT_TRUE(std::isfinite(x));
  EXPECT_TRUE(TextFeatures({}).empty());
}

// Episodes in which the message that assumes something is at fault.
std::vector<LabelledText> Assumers(int count) {
  std::vector<LabelledText> out;
  for (int i = 0; i < count; ++i) {
    LabelledText labelled{.episode = {.task = "task", .messages = {}}, .first_error = (i * 3) % 5};
    for (int t = 0; t < 5; ++t) {
      labelled.episode.messages.push_back(
          {"a", t == labelled.first_error ? "We assume a hypothetical value" : "We read the value",
           false});
    }
    out.push_back(labelled);
  }
  return out;
}

TEST(TextPrior, LearnsFromAHandful) {
  const auto prior = FitTextPrior(Assumers(10));
  ASSERT_TRUE(prior.ok());
  EXPECT_TRUE(Validate(*prior).ok());
  EXPECT_EQ(prior->episodes, 10);
  LabelledText fresh = Assumers(3)[2];
  const std::vector<double> pi = ApplyTextPrior(*prior, fresh.episode);
  EXPECT_GT(pi[fresh.first_error], 0.5);
  EXPECT_NEAR(std::accumulate(pi.begin(), pi.end(), 0.0), 1, 1e-12);
  EXPECT_THAT(pi, Each(::testing::Gt(0)));
}

TEST(TextPrior, ContextHasNoShare) {
  const TextPrior flat{.features = {"length"}, .weights = {0}, .uniform = 0, .episodes = 0};
  const std::vector<double> pi = ApplyTextPrior(flat, Sample());
  EXPECT_EQ(pi[2], 0);
  EXPECT_NEAR(pi[0], 0.2, 1e-12);
  TextEpisode context = Sample();
  for (auto& message : context.messages) message.is_context = true;
  EXPECT_THAT(ApplyTextPrior(flat, context), Each(0));
}

TEST(TextPrior, SaysWhatIsWrong) {
  TextPrior prior{.features = {"length"}, .weights = {1, 2}, .uniform = 0, .episodes = 0};
  EXPECT_THAT(std::string(Validate(prior).message()), HasSubstr("weights"));
  prior = {.features = {"no such"}, .weights = {1}, .uniform = 0, .episodes = 0};
  EXPECT_THAT(std::string(Validate(prior).message()), HasSubstr("features[0]"));
  prior = {.features = {"length"}, .weights = {std::nan("")}, .uniform = 0, .episodes = 0};
  EXPECT_THAT(std::string(Validate(prior).message()), HasSubstr("weights[0]"));
  prior = {.features = {"length", "length"}, .weights = {1, 1}, .uniform = 0, .episodes = 0};
  EXPECT_THAT(std::string(Validate(prior).message()), HasSubstr("repeated"));
  auto labelled = Assumers(3);
  labelled[1].first_error = 5;
  EXPECT_THAT(std::string(FitTextPrior(labelled).status().message()), HasSubstr("episodes[1]"));
  EXPECT_FALSE(FitTextPrior(Assumers(1)).ok());
}

TEST(TextPrior, FitIsDeterministic) {
  EXPECT_EQ(FitTextPrior(Assumers(8))->weights, FitTextPrior(Assumers(8))->weights);
}

}  // namespace
}  // namespace assay::blame
