#include "server/signals/findings.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "server/blame/text/mixed_prior.h"
#include "server/blame/text/text_features.h"
#include "tests/unit/signals/play.h"

namespace assay::signals {
namespace {

using testing::Say;
using testing::Team;

TEST(LocatesErrors, ByAnyOneThingThatDoes) {
  Episode plain = Team(1);
  for (int t = 0; t < 3; ++t) Say(plain, 0).process_score = -1;
  EXPECT_FALSE(LocatesErrors(plain, {}));
  Findings nodes, corrections, others;
  nodes.node_rollouts.resize(4);
  corrections.corrections = {{1, {0, 1}}};
  others.scores = {-1, -1, -1};
  others.owen = {-1, -1, -1};
  others.node_values.resize(4);
  EXPECT_TRUE(LocatesErrors(plain, nodes));
  EXPECT_TRUE(LocatesErrors(plain, corrections));
  EXPECT_FALSE(LocatesErrors(plain, others));
  const auto with = [&](const auto& change) {
    Episode episode = plain;
    change(episode.messages[1]);
    return LocatesErrors(episode, {});
  };
  EXPECT_TRUE(with([](Message& m) { m.first_error = true; }));
  EXPECT_TRUE(with([](Message& m) { m.repairs = 0; }));
  EXPECT_TRUE(with([](Message& m) { m.prefix_value = 0; }));
  EXPECT_TRUE(with([](Message& m) { m.rollouts = blame::Rollouts{0, 1}; }));
  EXPECT_FALSE(with([](Message& m) { m.rollouts = blame::Rollouts{0, 0}; }));
}

// The prior reads the task, who speaks and what; context is nobody's.
TEST(BlameEvidence, ATextPriorReadsTheEpisodeAsItIs) {
  Episode episode = Team(2);
  episode.prompt = "find the sum of 2 and 40";
  Say(episode, kContext, "tool: exitcode: 1, error");
  Say(episode, 1, "The sum is 42");
  Say(episode, 0, "Sorry, that could be wrong: 43");
  Say(episode, 1, "I am sure that it is 42");
  Options options;
  auto prior = std::make_shared<blame::MixedPrior>();
  blame::TextPrior& logit = prior->everywhere;
  for (const absl::string_view name : blame::FeatureNames()) {
    logit.features.emplace_back(name);
    logit.weights.push_back(0.3 + 0.01 * static_cast<double>(logit.weights.size()));
  }
  options.first_error.prior = prior;
  const blame::Evidence evidence = BlameEvidence(episode, options, {}, 0, {0.5, -0.5});
  blame::TextEpisode text;
  text.task = episode.prompt;
  text.messages = {{"", episode.messages[0].content, true},
                   {"a1", episode.messages[1].content, false},
                   {"a0", episode.messages[2].content, false},
                   {"a1", episode.messages[3].content, false}};
  EXPECT_EQ(evidence.prior_used, blame::PriorUsed::kStated);
  EXPECT_EQ(evidence.prior_weight, 1);
  EXPECT_EQ(evidence.prior, blame::ApplyTextPrior(logit, text));
  EXPECT_EQ(evidence.prior[0], 0);
  options.first_error.prior = nullptr;
  const blame::Evidence credit = BlameEvidence(episode, options, {}, 0, {0.5, -0.5});
  EXPECT_EQ(credit.prior_used, blame::PriorUsed::kCredit);
  EXPECT_EQ(credit.prior, blame::CreditPrior(credit.authors, {0.5, -0.5}, 1));
  const blame::Evidence nothing = BlameEvidence(episode, options, {}, 0, {});
  EXPECT_TRUE(nothing.prior.empty());
  EXPECT_EQ(nothing.prior_used, blame::PriorUsed::kFlat);
}

// Uniform shares that are meant: no message is suspect for its place in the order, and no text
// speaks.
TEST(BlameEvidence, AForeignEpisodeFallsBackToUniformShares) {
  Episode episode = Team(2);
  for (int t = 0; t < 6; ++t) Say(episode, t % 2, "the sum is 42");
  episode.score = 0;
  Options options;
  auto prior = std::make_shared<blame::MixedPrior>();
  blame::CollectionPrior& home = prior->collections.emplace_back();
  home.source = "long ones";
  home.prior = {
      .features = {blame::FeatureNames()[0]}, .weights = {3}, .uniform = 0, .episodes = 9};
  std::vector<std::vector<double>> described;
  for (int e = 0; e < 9; ++e) {
    Episode far = Team(2);
    for (int t = 0; t < 300 + e; ++t) Say(far, 0, "no: error, and error again, and then failed");
    blame::TextEpisode text;
    for (const Message& m : far.messages) text.messages.push_back({"a0", m.content, false});
    described.push_back(blame::DescribeEpisode(text));
  }
  home.domain = *blame::FitDomain(described);
  ASSERT_TRUE(blame::Validate(*prior).ok());
  options.first_error.prior = prior;
  const blame::Evidence evidence = BlameEvidence(episode, options, {}, 0, {});
  EXPECT_EQ(evidence.prior_used, blame::PriorUsed::kFlat);
  EXPECT_EQ(evidence.prior_collection, 0);
  EXPECT_EQ(evidence.prior_weight, 0);
  const blame::Posterior posterior = blame::ComputePosterior(evidence);
  EXPECT_EQ(posterior.tier, blame::Tier::kNone);
  for (size_t t = 1; t < 6; ++t) EXPECT_NEAR(posterior.first[t], posterior.first[0], 1e-6);
}

TEST(BlameEvidence, JudgesCountForWhatTheyAreWorth) {
  Episode episode = Team(1);
  Message& m = Say(episode, 0);
  m.process_score = 0.5;
  m.judge_scores = {{"flatterer", 1}, {"expert", -0.5}};
  Options options;
  options.first_error.judges = {{"flatterer", 0, 0.5, 9}, {"expert", 2, 0.25, 9}};
  const blame::Evidence evidence = BlameEvidence(episode, options, {}, 0, {});
  ASSERT_EQ(evidence.scores.size(), 2u);
  EXPECT_EQ(evidence.scores[0].weight, 1);
  EXPECT_FALSE(evidence.scores[0].base_rate.has_value());
  EXPECT_EQ(evidence.scores[1].weight, 2);
  // p = .75: lambda = logit(.25). p = .25, b = .25: 2 (logit(.75) - logit(.25)) = 4 ln 3. Two
  // judges.
  const double ln3 = std::log(3.0);
  EXPECT_NEAR(blame::ErrorLogRatios(evidence.scores, 1, {})[0], (-ln3 + 4 * ln3) / 1.5, 1e-12);
  // q = (.5 + 2 * -.5) / 3.
  EXPECT_NEAR(*GatherMessageFacts(episode, options, {}, 0).scores[0], -0.5 / 3, 1e-12);
}

TEST(BlameEvidence, TakesOverWhatTheCallerKnows) {
  Episode episode = Team(2);
  Say(episode, 0).prefix_value = 0.25;
  Say(episode, kContext);
  Say(episode, 1).first_error = true;
  Say(episode, 0).repairs = 2;
  episode.messages[2].judge_scores = {{"strict", -0.5}};
  episode.messages[2].process_score = 0.5;
  episode.messages[3].rollouts = blame::Rollouts{1, 4};
  Options options;
  options.range = {-1, 3};
  options.success_threshold = 1;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Findings findings;
  findings.scores = {nan, 1, 0.75, -1};
  const blame::Evidence e = BlameEvidence(episode, options, findings, 1, {});
  EXPECT_EQ(e.authors, (std::vector<int>{0, blame::kNobody, 1, 0}));
  EXPECT_EQ(e.agents, 2);
  EXPECT_EQ(e.low, -1);
  EXPECT_EQ(e.high, 3);
  EXPECT_EQ(e.start_value, 0.25);
  EXPECT_EQ(e.annotations, std::vector<int>{2});
  ASSERT_EQ(e.repairs.size(), 1);
  EXPECT_EQ(e.repairs[0].message, 3);
  EXPECT_EQ(e.repairs[0].repaired, 2);
  ASSERT_EQ(e.scores.size(), 4) << "of nobody's message none";
  EXPECT_EQ(e.scores[0].value, 0.5);
  EXPECT_EQ(e.scores[1].value, -0.5);
  EXPECT_EQ(e.scores[2].value, 0.75);
  EXPECT_EQ(e.scores[3].message, 3);
  ASSERT_EQ(e.nodes.size(), 5);
  const blame::Rollouts given = blame::FromPrefixValue(0.25, -1, 3);
  EXPECT_EQ(e.nodes[0].successes, given.successes);
  EXPECT_EQ(e.nodes[0].trials, given.trials);
  EXPECT_EQ(e.nodes[3].successes, 1);
  EXPECT_EQ(e.nodes[3].trials, 4);
  EXPECT_EQ(e.nodes[4].trials, 0);
  EXPECT_EQ(e.outcome, blame::Outcome::kSuccess);
  EXPECT_EQ(BlameEvidence(episode, options, {}, 0.999, {}).outcome, blame::Outcome::kFailure);
  episode.truncated = true;
  EXPECT_EQ(BlameEvidence(episode, options, {}, 0.999, {}).outcome, blame::Outcome::kOpen);
  EXPECT_EQ(BlameEvidence(episode, options, {}, 1, {}).outcome, blame::Outcome::kSuccess);
}

TEST(MessageFacts, NodesHaveTheValuesThatWereGivenOrFound) {
  Episode episode = Team(1);
  for (int t = 0; t < 4; ++t) Say(episode, 0);
  episode.messages[0].prefix_value = 0.5;
  episode.messages[1].rollouts = blame::Rollouts{1, 4};
  episode.messages[2].rollouts = blame::Rollouts{0, 0};
  Options options;
  options.range = {-1, 3};
  Findings findings;
  const auto none = NodeValues(episode, options, findings, 2);
  ASSERT_EQ(none.size(), 5);
  EXPECT_EQ(none[0], 0.5);
  EXPECT_EQ(none[1], 0);
  EXPECT_FALSE(none[2].has_value());
  EXPECT_EQ(none[4], 2);
  findings.node_values = {1, 1, 1, std::nullopt, 1};
  const auto found = NodeValues(episode, options, findings, 2);
  EXPECT_EQ(found[0], 0.5);
  EXPECT_EQ(found[1], 0);
  EXPECT_EQ(found[2], 1);
  EXPECT_FALSE(found[3].has_value());
  EXPECT_EQ(found[4], 2);
}

}  // namespace
}  // namespace assay::signals
