// Golden cases of posteriors, of what is read from them, and of the search that feeds them.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/blame/labels.h"
#include "server/blame/pairs/pairs.h"
#include "server/blame/posterior.h"
#include "server/blame/rewards.h"
#include "server/blame/search.h"
#include "tests/unit/blame/draws.h"

namespace assay::blame {
namespace {

using assay::testing::Append;
using assay::testing::Dice;
using assay::testing::Golden;

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

}  // namespace
}  // namespace assay::blame
