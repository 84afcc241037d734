#include "tests/unit/golden.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/blame/em.h"
#include "server/blame/labels.h"
#include "server/blame/pairs/pairs.h"
#include "server/blame/posterior.h"
#include "server/blame/rewards.h"
#include "server/blame/search.h"
#include "server/blame/text/text_features.h"
#include "server/blame/text/text_prior.h"

namespace assay::blame {
namespace {

using assay::testing::Append;
using assay::testing::Dice;
using assay::testing::Golden;

Evidence DrawEvidence(Dice& dice) {
  Evidence e;
  e.agents = 1 + dice.Below(4);
  const int messages = 1 + dice.Below(12);
  for (int t = 0; t < messages; ++t) {
    e.authors.push_back(dice.Chance(15) ? kNobody : dice.Below(e.agents));
  }
  const auto agents_message = [&](int t) { return e.authors[t] != kNobody; };
  e.outcome = static_cast<Outcome>(std::max(0, dice.Below(5) - 2));
  if (dice.Chance(30)) e.low = -2;
  const auto value = [&] { return e.low + (e.high - e.low) * dice.Unit(); };
  e.score = value();
  if (dice.Chance(50)) {
    for (int j = 0; j <= messages; ++j) {
      const int trials = dice.Below(6);
      e.nodes.push_back({static_cast<double>(dice.Below(trials + 1)), static_cast<double>(trials)});
    }
  }
  if (dice.Chance(30)) e.start_value = value();
  const bool judged = dice.Chance(60);
  for (int t = 0; t < messages; ++t) {
    if (!agents_message(t)) continue;
    for (int j = dice.Below(3); judged && j > 0; --j) e.scores.push_back({t, 2 * dice.Unit() - 1});
    if (dice.Chance(15)) e.corrections.push_back({t, {static_cast<double>(dice.Below(4)), 3}});
    if (dice.Chance(3)) e.annotations.push_back(t);
    const int before = dice.Below(t + 1);
    if (before < t && agents_message(before) && dice.Chance(15)) e.repairs.push_back({t, before});
  }
  if (dice.Chance(30)) {
    for (int t = 0; t < messages; ++t) e.prior.push_back(dice.Chance(20) ? 0 : dice.Unit());
    e.prior_used = dice.Chance(50) ? PriorUsed::kStated : PriorUsed::kFlat;
  }
  if (dice.Chance(40)) {
    for (int t = 0; t < messages; ++t) {
      e.grades.push_back(agents_message(t) ? static_cast<Grade>(dice.Below(4)) : Grade::kNone);
    }
  }
  if (dice.Chance(50)) {
    for (int t = 0; t < messages; ++t) {
      e.message_credit.push_back(agents_message(t) ? dice.Unit() - 0.5 : 0);
    }
  }
  return e;
}

Parameters DrawParameters(Dice& dice) {
  Parameters p;
  if (dice.Chance(50)) return p;
  p.start_high = 0.8 + 0.19 * dice.Unit();
  p.error_rate = 0.5 + dice.Unit();
  p.repair_rate = 0.5 + dice.Unit();
  p.context_error_rate = 0.1 + dice.Unit();
  p.context_repair_rate = 0.1 + dice.Unit();
  p.propagated_share = dice.Unit();
  p.base_rate = 0.2 + 0.6 * dice.Unit();
  p.judge_correlation = dice.Unit();
  if (dice.Chance(60)) p.shared_level = dice.Unit();
  p.high_rates = {0.5, 0.9};
  p.high_weights = {0.25, 0.75};
  return p;
}

std::vector<double> Numbers(const Posterior& p) {
  std::vector<double> numbers;
  for (const auto* row : {&p.first, &p.decisive, &p.repair, &p.error, &p.high, &p.value,
                          &p.log_ratio, &p.prior, &p.agent_first}) {
    Append(numbers, *row);
  }
  Append(numbers,
         {p.environment, p.none, p.log_evidence, static_cast<double>(p.tier),
          static_cast<double>(p.likeliest_first), static_cast<double>(p.likeliest_decisive),
          static_cast<double>(p.likeliest_agent), static_cast<double>(p.claimed_first.value_or(-1)),
          static_cast<double>(p.claimed_decisive.value_or(-1)), static_cast<double>(p.rolled_out)});
  for (const bool suspect : p.suspect) numbers.push_back(suspect);
  for (const int t : p.credible_set) numbers.push_back(t);
  return numbers;
}

std::vector<double> Numbers(const RewardProblem& p) {
  std::vector<double> numbers = {p.target, p.placed, static_cast<double>(p.signs_relaxed)};
  for (const auto* row : {&p.raw_reward, &p.weight, &p.low, &p.high}) Append(numbers, *row);
  return numbers;
}

void AppendSide(const std::optional<PairSide>& side, std::vector<double>& numbers) {
  if (!side.has_value()) return numbers.push_back(-1);
  Append(numbers,
         {static_cast<double>(side->episode), static_cast<double>(side->begin),
          static_cast<double>(side->end), static_cast<double>(side->alternative.value_or(-1))});
}

std::vector<double> Numbers(const std::vector<Pair>& pairs) {
  std::vector<double> numbers;
  for (const Pair& pair : pairs) {
    Append(numbers, {static_cast<double>(pair.kind), static_cast<double>(pair.context_episode),
                     static_cast<double>(pair.context_length), pair.weight});
    AppendSide(pair.chosen, numbers);
    AppendSide(pair.rejected, numbers);
  }
  return numbers;
}

constexpr absl::string_view kSayings[] = {
    "",
    "yes",
    "The sum is 42, therefore the final answer is 42.",
    "Error: file not found, exitcode: 1",
    "Sorry, I will try again. The sum is 43.5",
    "We could assume that https://example.com is probably right",
    "exitcode: 0\nverified and done",
    "```python\nprint(42)\n``` I was unable to run it. TERMINATE"};

absl::string_view DrawSaying(Dice& dice) { return kSayings[dice.Below(std::size(kSayings))]; }

std::vector<double> Numbers(const std::vector<Label>& labels) {
  std::vector<double> numbers(labels.size());
  for (size_t t = 0; t < labels.size(); ++t) numbers[t] = static_cast<double>(labels[t]);
  return numbers;
}

TEST(Golden, PosteriorLabelsRewardsAndPairs) {
  Golden golden("blame");
  for (int k = 0; k < 40; ++k) {
    Dice dice(k);
    const Evidence evidence = DrawEvidence(dice);
    const Parameters parameters = DrawParameters(dice);
    const PosteriorOptions options = {static_cast<ErrorDefinition>(k % 3), 0.3 + 0.4 * dice.Unit(),
                                      0.8};
    ASSERT_TRUE(Validate(evidence).ok()) << Validate(evidence);
    const Posterior posterior = ComputePosterior(evidence, parameters, options);
    golden.Expect(absl::StrCat(k, " posterior"), Numbers(posterior));

    const std::vector<Label> labels = AssignLabels(evidence, posterior);
    std::vector<double> numbers = Numbers(labels);
    golden.Expect(absl::StrCat(k, " labels"), numbers);

    const size_t messages = evidence.authors.size();
    std::vector<double> redundancy, rewards;
    std::vector<absl::string_view> contents;
    std::vector<std::vector<Alternative>> alternatives(messages);
    for (size_t t = 0; t < messages; ++t) {
      redundancy.push_back(dice.Unit());
      rewards.push_back(dice.Chance(20) ? 0 : dice.Unit() - 0.5);
      contents.push_back(DrawSaying(dice));
      for (int a = dice.Below(4); a > 0; --a) {
        const double value = evidence.low + (evidence.high - evidence.low) * dice.Unit();
        alternatives[t].push_back(
            {DrawSaying(dice), dice.Chance(80) ? std::optional(value) : std::nullopt});
      }
    }
    const RewardOptions reward_options = {2 * (evidence.high - evidence.low), 0.5,
                                          evidence.high - 0.2 * dice.Unit(),
                                          static_cast<Basis>(k % 5)};
    numbers = Numbers(FailureRewards(evidence, posterior, labels, redundancy, reward_options));
    for (const WeightedProblem& soft :
         SoftFailureRewards(evidence, parameters, options, {}, reward_options)) {
      numbers.push_back(soft.probability);
      Append(numbers, Numbers(soft.problem));
    }
    golden.Expect(absl::StrCat(k, " rewards"), numbers);
    golden.Expect(absl::StrCat(k, " pairs"),
                  Numbers(EpisodePairs(evidence, posterior, labels, rewards, contents, alternatives,
                                       {.kinds = {}, .margin = k % 2 == 0 ? 0 : 0.2})));
  }
}

// A posterior in quarters: probabilities and values that meet their bounds exactly. It need not be
// one that any evidence leads to.
Posterior DrawPosterior(Dice& dice, const Evidence& evidence) {
  const size_t messages = evidence.authors.size();
  Posterior p;
  const auto draw = [&](size_t size) {
    std::vector<double> row;
    for (size_t i = 0; i < size; ++i) row.push_back(dice.Unit());
    return row;
  };
  p.first = draw(messages);
  p.decisive = draw(messages);
  p.repair = draw(messages);
  p.error = draw(messages);
  p.high = draw(messages + 1);
  p.value = draw(messages + 1);
  p.environment = dice.Chance(50) ? 0 : dice.Unit();
  p.tier = static_cast<Tier>(dice.Below(5));
  p.rolled_out = dice.Chance(30);
  for (size_t t = 0; t < messages; ++t) p.suspect.push_back(dice.Chance(60));
  if (dice.Chance(40)) p.claimed_first = dice.Below(static_cast<int>(messages));
  if (dice.Chance(30)) p.claimed_decisive = dice.Below(static_cast<int>(messages));
  return p;
}

TEST(Golden, LabelsRewardsAndPairsAtTheirBounds) {
  Golden golden("blame_bounds");
  for (int k = 0; k < 150; ++k) {
    Dice dice(6000 + k, 4);
    Evidence evidence = DrawEvidence(dice);
    evidence.outcome = static_cast<Outcome>(k % 3);
    const Posterior posterior = DrawPosterior(dice, evidence);
    const std::vector<Label> labels = AssignLabels(evidence, posterior);
    std::vector<double> numbers = Numbers(labels);
    const size_t messages = evidence.authors.size();
    std::vector<double> redundancy, rewards;
    std::vector<absl::string_view> contents;
    std::vector<std::vector<Alternative>> alternatives(messages);
    for (size_t t = 0; t < messages; ++t) {
      redundancy.push_back(dice.Unit());
      rewards.push_back(dice.Unit() - 0.5);
      contents.push_back(DrawSaying(dice));
      for (int a = dice.Below(4); a > 0; --a) {
        const absl::string_view said = dice.Chance(30) ? contents.back() : DrawSaying(dice);
        alternatives[t].push_back(
            {said, dice.Chance(80) ? std::optional(dice.Unit()) : std::nullopt});
      }
    }
    const PairOptions pair_options = {
        .kinds = {}, .margin = dice.Chance(50) ? 0 : 0.25, .success_threshold = dice.Unit()};
    Append(numbers, Numbers(EpisodePairs(evidence, posterior, labels, rewards, contents,
                                         alternatives, pair_options)));
    const RewardOptions reward_options = {dice.Chance(50) ? 2 : 0.5, 0.5, dice.Unit(),
                                          static_cast<Basis>(k % 5)};
    Append(numbers,
           Numbers(FailureRewards(evidence, posterior, labels, redundancy, reward_options)));
    golden.Expect(absl::StrCat(k), numbers);
  }
}

// Scores, values and priors in halves, of few messages, under every definition.
TEST(Golden, PosteriorsAtTheirBounds) {
  Golden golden("posterior_bounds");
  for (int k = 0; k < 90; ++k) {
    Dice dice(7000 + k, 2);
    const Evidence evidence = DrawEvidence(dice);
    if (!Validate(evidence).ok()) continue;
    Parameters parameters;
    if (dice.Chance(40)) parameters.propagated_share = dice.Chance(50) ? 0 : 1;
    if (dice.Chance(40)) parameters.shared_level = dice.Chance(50) ? 0 : 0.5;
    if (dice.Chance(30)) parameters.judge_correlation = dice.Chance(50) ? 0 : 1;
    const PosteriorOptions options = {static_cast<ErrorDefinition>(k % 3), 0.5,
                                      dice.Chance(50) ? 1 : 0.5};
    golden.Expect(absl::StrCat(k), Numbers(ComputePosterior(evidence, parameters, options)));
    for (size_t t = 0; k % 5 == 0 && t < evidence.authors.size(); ++t) {
      if (evidence.authors[t] < 0) continue;
      golden.Expect(absl::StrCat(k, " first ", t),
                    Numbers(ConditionOnFirst(evidence, static_cast<int>(t), parameters, options)));
    }
  }
}

TEST(Golden, PairsOfGroups) {
  Golden golden("groups");
  for (int k = 0; k < 20; ++k) {
    Dice dice(1000 + k);
    std::vector<GroupEpisode> episodes;
    for (int e = 2 + dice.Below(6); e > 0; --e) {
      GroupEpisode& episode = episodes.emplace_back();
      episode.task = dice.Chance(80) ? "one" : "other";
      episode.score = dice.Below(5) / 2.0 - 1;
      for (int t = dice.Below(5); t > 0; --t) {
        episode.turns.push_back({dice.Chance(10) ? "" : "a", dice.Chance(60) ? "x" : "y"});
      }
    }
    golden.Expect(
        absl::StrCat(k),
        Numbers(GroupPairs(
            episodes, -1, 1,
            {.kinds = {}, .margin = k % 3 == 0 ? 0.5 : 0, .max_pairs = k % 4 == 0 ? 3 : 4096})));
  }
}

TEST(Golden, Searches) {
  Golden golden("search");
  for (int k = 0; k < 40; ++k) {
    Dice dice(2000 + k);
    Evidence evidence;
    const int messages = 2 + dice.Below(20);
    for (int t = 0; t < messages; ++t) {
      evidence.authors.push_back(dice.Chance(10) ? kNobody : dice.Below(2));
      if (k % 2 == 0 && evidence.authors[t] != kNobody && dice.Chance(60)) {
        evidence.scores.push_back({t, 2 * dice.Unit() - 1});
      }
    }
    evidence.agents = 2;
    const int truth = dice.Below(messages);
    const bool exact = dice.Chance(30);
    // One after the other: compilers evaluate arguments in different orders.
    const SearchOptions options = {.max_rollouts = dice.Chance(50) ? 0 : 5 + dice.Below(30),
                                   .batch = dice.Below(4),
                                   .prefixes = k % 5 != 0,
                                   .corrections = k % 5 == 0 || dice.Chance(50),
                                   .deterministic = exact};
    FirstErrorSearch search(evidence, DrawParameters(dice), {}, options);
    std::vector<double> numbers;
    while (!search.done()) {
      std::vector<Answer> answers;
      for (const Question& question : search.ask()) {
        Append(numbers, {static_cast<double>(question.kind), static_cast<double>(question.index),
                         static_cast<double>(question.samples)});
        const bool high = question.index <= truth;
        const double mean = exact ? (high ? 0.75 : 0.0) : (dice.Chance(high ? 75 : 5) ? 1.0 : 0.0);
        answers.push_back({.mean = mean, .samples = question.samples});
      }
      ASSERT_TRUE(search.tell(answers).ok());
    }
    Append(numbers, Numbers(ComputePosterior(search.evidence())));
    golden.Expect(absl::StrCat(k), numbers);
  }
}

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
