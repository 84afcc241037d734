#include "server/blame/text/mixed_prior.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "server/blame/text/general_prior.h"
#include "server/blame/text/prior_fit.h"
#include "server/blame/text/text_features.h"
#include "server/blame/text/transfer_features.h"
#include "tests/simulation/blame/collections.h"
#include "tests/simulation/blame/splitmix.h"

namespace assay::blame {
namespace {

using ::testing::ElementsAre;

double Feature(const TextEpisode& episode, int message, const std::string& name) {
  const auto& names = TransferFeatureNames();
  const auto at = std::find(names.begin(), names.end(), name) - names.begin();
  return TransferFeatures(episode)[message * names.size() + at];
}

TEST(TransferFeatures, MeanWhatTheySay) {
  const TextEpisode episode{
      .task = "Book a flight",
      .messages = {{"clerk", "Let me look up flights to Seattle tomorrow", false},
                   {"", "{\"flights\": [\"HAT1\"], \"note\": \"error\"}", true},
                   {"clerk", "Let me look up flights to Seattle today", false},
                   {"you", "Sorry, I meant Boston", true},
                   {"chief", "We booked flight HAT1 to Seattle", false},
                   {"clerk", "TERMINATE", false},
                   {"Computer_terminal", "exitcode: 0 ok", false}}};
  EXPECT_EQ(Feature(episode, 0, "acts"), 1);
  EXPECT_EQ(Feature(episode, 0, "error_follows"), 1);
  EXPECT_GT(Feature(episode, 0, "tried_again"), 0.5);
  EXPECT_EQ(Feature(episode, 0, "retry"), 0);
  EXPECT_EQ(Feature(episode, 2, "retry"), Feature(episode, 0, "tried_again"));
  EXPECT_EQ(Feature(episode, 2, "reads_result"), 1);
  EXPECT_EQ(Feature(episode, 2, "acts"), 0) << "a person answers";
  EXPECT_EQ(Feature(episode, 2, "amended"), 1);
  EXPECT_EQ(Feature(episode, 4, "answer"), 1) << "the last message that says anything";
  EXPECT_EQ(Feature(episode, 4, "hands_over"), 1);
  EXPECT_EQ(Feature(episode, 5, "last_word"), 1);
  EXPECT_EQ(Feature(episode, 5, "empty"), 1);
  EXPECT_EQ(Feature(episode, 6, "prints"), 1);
  const std::vector<double> rows = TransferFeatures(episode);
  const size_t columns = TransferFeatureNames().size();
  EXPECT_EQ(rows.size(), 7 * columns);
  for (const size_t context : {1, 3}) {
    for (size_t k = 0; k < columns; ++k) EXPECT_EQ(rows[context * columns + k], 0);
  }
  EXPECT_TRUE(TransferFeatures({}).empty());
}

std::vector<double> Description(SplitMix& random, double shift) {
  std::vector<double> out;
  for (size_t m = 0; m < DomainMeasures().size(); ++m) {
    out.push_back(shift + static_cast<double>(random.Below(1000)) / 1000);
  }
  return out;
}

// Conformal: of new episodes of the same kind one in ten is among the tenth that is most unusual.
TEST(TextDomain, FamiliarityIsUniformAtHomeAndZeroAbroad) {
  SplitMix random(5);
  std::vector<std::vector<double>> own;
  for (int e = 0; e < 150; ++e) own.push_back(Description(random, 0));
  const auto domain = FitDomain(own);
  ASSERT_TRUE(domain.ok());
  EXPECT_TRUE(Validate(*domain).ok());
  double unusual = 0, sum = 0;
  for (int e = 0; e < 400; ++e) {
    const double familiarity = Familiarity(*domain, Description(random, 0));
    sum += familiarity;
    unusual += familiarity < 0.1;
  }
  EXPECT_NEAR(sum / 400, 0.5, 0.08);
  EXPECT_NEAR(unusual / 400, 0.1, 0.06);
  EXPECT_LT(Familiarity(*domain, Description(random, 5)), 1e-4);
  EXPECT_FALSE(FitDomain({own[0], own[1]}).ok());
}

TEST(MixedPrior, FallsBackByAMeasuredAmount) {
  EXPECT_EQ(FittedShare(1e-4), 0);
  EXPECT_NEAR(FittedShare(0.05), 1. / 64, 1e-15);
  EXPECT_EQ(FittedShare(0.1), 1);
  EXPECT_EQ(FittedShare(1), 1);
  const StoredCollection ours = DrawnCollection(0, 40, 3);
  const StoredCollection foreign = DrawnCollection(2, 20, 4);
  const auto fitted = FitMixedPrior({ours.labelled}, ShippedPrior());
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  const TextEpisode& strange = foreign.labelled.episodes[0].episode;
  const AppliedPrior applied = Apply(*fitted, strange);
  EXPECT_EQ(applied.used, PriorUsed::kGeneral);
  EXPECT_EQ(applied.fitted_share, 0);
  EXPECT_EQ(applied.general_share, ShippedPrior().general_share);
  // No message falls below its uniform share by more than the weight of what transfers.
  double agents = 0;
  for (const TextMessage& message : strange.messages) agents += !message.is_context;
  for (size_t t = 0; t < strange.messages.size(); ++t) {
    if (strange.messages[t].is_context) {
      EXPECT_EQ(applied.pi[t], 0);
    } else {
      EXPECT_GE(applied.pi[t], (1 - applied.general_share) / agents);
    }
  }
  EXPECT_NEAR(std::accumulate(applied.pi.begin(), applied.pi.end(), 0.0), 1, 1e-12);
  // Nothing to fall back on: uniform shares, which are no evidence.
  MixedPrior alone = *fitted;
  alone.general = {};
  alone.general_share = 0;
  const AppliedPrior flat = Apply(alone, strange);
  EXPECT_EQ(flat.used, PriorUsed::kFlat);
  for (size_t t = 0; t < strange.messages.size(); ++t) {
    EXPECT_NEAR(flat.pi[t], strange.messages[t].is_context ? 0 : 1 / agents, 1e-12);
  }
}

TEST(MixedPrior, LearnsWhereItBeatsUniformSharesAndSaysSo) {
  // A tool's error follows the message at fault; and messages at fault that nothing tells apart.
  const StoredCollection echoes = DrawnCollection(0, 60, 11);
  const StoredCollection anywhere = DrawnCollection(1, 60, 12);
  const auto fitted = FitMixedPrior({echoes.labelled, anywhere.labelled}, ShippedPrior());
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  const CollectionPrior& first = fitted->collections[0];
  EXPECT_FALSE(first.prior.features.empty());
  EXPECT_GT(first.by_question.gain, 0.2);
  EXPECT_GT(first.by_question.step_accuracy, 0.5);
  EXPECT_EQ(first.by_question.episodes, 60);
  EXPECT_TRUE(fitted->collections[1].prior.features.empty()) << "no better than uniform shares";
  EXPECT_EQ(fitted->collections[1].by_question.episodes, 60) << "and that is on record";
  EXPECT_EQ(fitted->general.weights, ShippedPrior().general.weights);
  // Deterministic, and at home with its own.
  const auto again = FitMixedPrior({echoes.labelled, anywhere.labelled}, ShippedPrior());
  EXPECT_EQ(again->collections[0].prior.weights, first.prior.weights);
  double at_home = 0;
  for (const LabelledText& e : echoes.labelled.episodes) {
    at_home += Apply(*fitted, e.episode).used == PriorUsed::kFitted;
  }
  EXPECT_GT(at_home / 60, 0.75);
}

TEST(FitGeneralPrior, NeedsThreeCollectionsAndCostsNoneThatIsLeftOut) {
  const StoredCollection a = DrawnCollection(0, 40, 21), b = DrawnCollection(0, 40, 22),
                         c = DrawnCollection(0, 40, 23), d = DrawnCollection(1, 40, 24);
  const auto two = FitGeneralPrior({a.labelled, b.labelled});
  ASSERT_TRUE(two.ok());
  EXPECT_TRUE(two->prior.features.empty());
  const auto alike = FitGeneralPrior({a.labelled, b.labelled, c.labelled});
  ASSERT_TRUE(alike.ok());
  EXPECT_GT(alike->share, 0);
  const auto mixed = FitGeneralPrior({a.labelled, b.labelled, d.labelled});
  ASSERT_TRUE(mixed.ok());
  for (const auto* fit : {&*alike, &*mixed}) {
    for (const Validation& left_out : fit->left_out) {
      EXPECT_GE(left_out.gain, -left_out.gain_error);
    }
  }
}

TEST(FoldsByQuestion, KeepQuestionsTogether) {
  EXPECT_THAT(FoldsByQuestion({"p", "q", "p", "r", "q"}, 2), ElementsAre(0, 1, 0, 0, 1));
  EXPECT_THAT(FoldsByQuestion({"p", "p", "p"}, 2), ElementsAre(0, 1, 0));
}

// Two rounds of three who write side by side; and the same, told of no round.
TextEpisode Debate(bool rounds) {
  TextEpisode episode;
  for (int t = 0; t < 6; ++t) {
    const char* names[] = {"a", "b", "c"};
    episode.messages.push_back({.agent = names[t % 3], .content = "the answer is seven apples"});
    if (rounds) episode.messages.back().round = 1 + t / 3;
  }
  return episode;
}

TEST(TransferFeatures, TellWhoWroteSideBySide) {
  const TextEpisode debate = Debate(true);
  for (int t = 0; t < 6; ++t) {
    EXPECT_EQ(Feature(debate, t, "stands_behind"), t % 3) << t;
    EXPECT_EQ(Feature(debate, t, "answers_round"), t >= 3) << t;
    EXPECT_EQ(Feature(Debate(false), t, "stands_behind"), 0) << t;
    EXPECT_EQ(Feature(Debate(false), t, "answers_round"), 0) << t;
  }
  // An agent that speaks several times in a round stands behind nobody.
  TextEpisode alone = Debate(true);
  for (TextMessage& message : alone.messages) message.agent = "a";
  for (int t = 0; t < 6; ++t) {
    EXPECT_EQ(Feature(alone, t, "stands_behind"), 0) << t;
    EXPECT_EQ(Feature(alone, t, "answers_round"), 0) << t;
  }
}

TEST(TextDomain, KnowsDebatesFromTalks) {
  EXPECT_EQ(DomainMeasures().back(), "side_by_side");
  EXPECT_EQ(DescribeEpisode(Debate(true)).back(), 1);
  EXPECT_EQ(DescribeEpisode(Debate(false)).back(), 0);
  std::vector<std::vector<double>> talks(20, DescribeEpisode(Debate(false)));
  for (size_t k = 0; k < talks.size(); ++k) talks[k][0] += 0.1 * static_cast<double>(k % 5);
  const auto domain = FitDomain(talks);
  ASSERT_TRUE(domain.ok()) << domain.status();
  EXPECT_GT(Familiarity(*domain, talks[2]), 0.1);
  EXPECT_EQ(FittedShare(Familiarity(*domain, DescribeEpisode(Debate(true)))), 0);
}

// What is no evidence still says in which order to look.
TEST(MixedPrior, OrdersWhatNothingElseTellsApart) {
  MixedPrior prior = ShippedPrior();
  prior.general_share = kOrderingShare;
  const TextEpisode debate = Debate(true);
  const AppliedPrior applied = Apply(prior, debate);
  EXPECT_EQ(applied.used, PriorUsed::kFlat);
  const std::vector<double> told = ApplyTextPrior(ShippedPrior().general, debate);
  for (size_t t = 0; t < 6; ++t) {
    EXPECT_NEAR(applied.pi[t], 1. / 6, kOrderingShare) << t;
    for (size_t s = 0; s < 6; ++s) {
      EXPECT_EQ(applied.pi[s] < applied.pi[t], told[s] < told[t]) << s << " " << t;
    }
  }
  prior.general_share = kLeastShare;
  EXPECT_EQ(Apply(prior, debate).used, PriorUsed::kGeneral);
}

TEST(ShippedPrior, IsValidAndOfWhatTransfersOnly) {
  EXPECT_TRUE(Validate(ShippedPrior()).ok()) << Validate(ShippedPrior());
  EXPECT_TRUE(ShippedPrior().collections.empty());
  EXPECT_EQ(ShippedPrior().general.features.size(), TransferFeatureNames().size());
}

// What it was fitted on is public; where the logs are beside the checkout it is fitted again.
TEST(ShippedPrior, IsWhatTheLogsSay) {
  std::vector<LabelledCollection> logs;
  const std::vector<StoredCollection> stored = SharedCollections();
  if (stored.empty()) GTEST_SKIP() << "no shared data";
  for (const StoredCollection& collection : stored) logs.push_back(collection.labelled);
  const auto fit = FitGeneralPrior(logs);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_EQ(fit->share, ShippedPrior().general_share);
  ASSERT_EQ(fit->prior.weights.size(), ShippedPrior().general.weights.size());
  for (size_t k = 0; k < fit->prior.weights.size(); ++k) {
    EXPECT_NEAR(fit->prior.weights[k], ShippedPrior().general.weights[k], 1e-4);
  }
  for (const Validation& left_out : fit->left_out) {
    EXPECT_GT(left_out.gain, 0.05);
    EXPECT_GE(2 * left_out.right_claims, left_out.claims);
  }
}

}  // namespace
}  // namespace assay::blame
