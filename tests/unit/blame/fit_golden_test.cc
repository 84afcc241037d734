// Golden cases of what is read from texts, and of what is fitted to them and to evidence.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/blame/em.h"
#include "server/blame/text/text_features.h"
#include "server/blame/text/text_prior.h"
#include "tests/unit/blame/draws.h"

namespace assay::blame {
namespace {

using assay::testing::Append;
using assay::testing::Dice;
using assay::testing::Golden;

constexpr absl::string_view kWords[] = {
    "The",        "sum",        "of",          "42",           "3.50",
    "is",         "wrong",      "could",       "not",          "verify",
    "exitcode:",  "0",          "1",           "error",        "Errors",
    "failed",     "sorry",      "try again",   "i see",        "assume",
    "example",    "likely",     "based on",    "confirm",      "correct",
    "therefore",  "the answer", "final",       "TERMINATE",    "```",
    "\n",         "import os",  "https://a.b", "i clicked",    "ann",
    "bob",        "Bob,",       "should be",   "what?",        "?",
    "re-read",    "can't",      "didn't",      "(x)",          "y=2",
    "404",        "timeout",    "plan",        "step",         "the sum of 42",
    "na\u00efve", "def f",      "print",       "double check", "in summary",
    "!"};

std::string DrawText(Dice& dice, int words) {
  std::string text;
  for (; words > 0; --words) {
    // One after the other: compilers evaluate arguments in different orders.
    text += std::string(kWords[dice.Below(std::size(kWords))]);
    if (dice.Chance(90)) text += ' ';
  }
  return text;
}

// Where the sum over messages, each by its place, stands for all rows.
TEST(Golden, FeaturesOfTexts) {
  Golden golden("texts");
  for (int k = 0; k < 80; ++k) {
    Dice dice(8000 + k);
    TextEpisode episode;
    std::vector<std::string> texts = {DrawText(dice, dice.Below(20))};
    const int messages = 1 + dice.Below(9);
    for (int t = 0; t < messages; ++t) {
      // Some say again what was said.
      texts.push_back(t > 0 && dice.Chance(15)
                          ? texts[1 + dice.Below(t)]
                          : DrawText(dice, dice.Below(k % 10 == 0 ? 400 : 40)));
    }
    episode.task = texts[0];
    const absl::string_view names[] = {"ann", "bob", "Orchestrator", "tool", ""};
    for (int t = 0; t < messages; ++t) {
      episode.messages.push_back(
          {names[dice.Below(std::size(names))], texts[t + 1], dice.Chance(20)});
    }
    const std::vector<double> rows = TextFeatures(episode);
    const size_t width = FeatureNames().size();
    std::vector<double> sums(width);
    for (size_t i = 0; i < rows.size(); ++i) {
      const size_t message = i / width;
      sums[i % width] += rows[i] * (1 + 0.1 * static_cast<double>(message));
    }
    golden.Expect(absl::StrCat(k), sums);
  }
}

// Whose words the closing message answers with, however it marks its answer.
TEST(Golden, OriginsOfAnswers) {
  Golden golden("answers");
  constexpr absl::string_view kSaid[] = {"oak",    "elm ",  "ash, ",   "42 ",  "7.5 ", "the ",
                                         "birch ", "pine ", "because", " is ", "404 "};
  constexpr absl::string_view kMarks[] = {
      "**", "**", "\"", "\"", "boxed{", "}", "final answer", "Final answer: ", "FINAL ANSWER ",
      "* "};
  const auto& names = FeatureNames();
  const auto column = std::find(names.begin(), names.end(), "origin_of_answer") - names.begin();
  for (int k = 0; k < 120; ++k) {
    Dice dice(12000 + k);
    const auto say = [&](int words, int marks) {
      std::string text;
      for (; words > 0; --words) {
        text += std::string(dice.Chance(marks) ? kMarks[dice.Below(std::size(kMarks))]
                                               : kSaid[dice.Below(std::size(kSaid))]);
      }
      return text;
    };
    std::vector<std::string> texts;
    for (int t = 2 + dice.Below(3); t > 0; --t) texts.push_back(say(3 + dice.Below(4), 0));
    // Some quote more than anybody would take for an answer.
    texts.push_back(say(k % 6 == 0 ? 60 : 6 + dice.Below(10), k % 6 == 0 ? 8 : 35));
    const std::string task = say(k % 2, 0);
    TextEpisode episode{.task = task, .messages = {}};
    for (const std::string& text : texts) episode.messages.push_back({"ann", text, false});
    if (dice.Chance(30)) episode.messages.push_back({"bob", "ok", false});
    const std::vector<double> rows = TextFeatures(episode);
    std::vector<double> numbers;
    for (size_t t = 0; t < episode.messages.size(); ++t) {
      numbers.push_back(rows[t * names.size() + column]);
    }
    golden.Expect(absl::StrCat(k), numbers);
  }
}

TEST(Golden, FitsOfParametersAndTexts) {
  Golden golden("fits");
  for (int k = 0; k < 4; ++k) {
    Dice dice(3000 + k);
    std::vector<Evidence> episodes(12);
    for (Evidence& evidence : episodes) evidence = DrawEvidence(dice);
    Parameters start;
    if (k % 2 == 1) start.shared_level = 0.3;
    const auto fit = FitParameters(episodes, start, {.max_iterations = 15});
    ASSERT_TRUE(fit.ok()) << fit.status();
    const Parameters& p = fit->parameters;
    std::vector<double> numbers = {p.start_high,
                                   p.error_rate,
                                   p.repair_rate,
                                   p.propagated_share,
                                   p.shared_level,
                                   fit->log_evidence,
                                   static_cast<double>(fit->converged)};
    for (const auto* row : {&p.high_weights, &p.low_weights, &fit->objective}) {
      Append(numbers, *row);
    }
    golden.Expect(absl::StrCat(k, " parameters"), numbers);
  }
  Dice dice(4000);
  std::vector<LabelledText> texts;
  for (int e = 0; e < 10; ++e) {
    LabelledText& text = texts.emplace_back();
    text.episode.task = DrawSaying(dice);
    for (int t = 2 + dice.Below(5); t > 0; --t) {
      const bool context = t > 1 && dice.Chance(20);
      text.episode.messages.push_back({dice.Chance(50) ? "ann" : "bob", DrawSaying(dice), context});
    }
    text.first_error = static_cast<int>(text.episode.messages.size()) - 1;
    golden.Expect(absl::StrCat(e, " features"), TextFeatures(text.episode));
  }
  for (int k = 0; k < 4; ++k) {
    std::vector<std::string> words(60);
    std::vector<LabelledText> labelled;
    for (std::string& text : words) text = DrawText(dice, 4 + dice.Below(8));
    for (int e = 0; e < 10 + k; ++e) {
      LabelledText& text = labelled.emplace_back();
      for (int t = 3 + dice.Below(4); t > 0; --t) {
        text.episode.messages.push_back({"ann", words[dice.Below(60)], false});
      }
      text.first_error = dice.Below(static_cast<int>(text.episode.messages.size()));
    }
    const auto prior = FitTextPrior(labelled);
    ASSERT_TRUE(prior.ok()) << prior.status();
    std::vector<double> shares;
    for (const LabelledText& text : labelled) Append(shares, ApplyTextPrior(*prior, text.episode));
    for (double& share : shares) share = std::round(share * 1e4) / 1e4;
    golden.Expect(absl::StrCat("ridge of ", k), shares);
  }
  for (const double ridge : {0.0, 2.0}) {
    const auto prior = FitTextPrior(texts, {ridge});
    ASSERT_TRUE(prior.ok()) << prior.status();
    std::vector<double> shares;
    for (const LabelledText& text : texts) Append(shares, ApplyTextPrior(*prior, text.episode));
    // An optimum that was searched for: of fewer digits than what was computed.
    for (double& share : shares) share = std::round(share * 1e4) / 1e4;
    golden.Expect(absl::StrCat("prior, ridge ", ridge), shares);
  }
}

}  // namespace
}  // namespace assay::blame
