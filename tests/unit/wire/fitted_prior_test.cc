#include "server/wire/fitted_prior.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "server/blame/text/general_prior.h"
#include "server/wire/errors.h"

namespace assay::service {
namespace {

blame::TextPrior SmallText() {
  blame::TextPrior text;
  text.features = {"length", "position"};
  text.weights = {0.25, -2};
  text.uniform = 0.125;
  text.episodes = 70;
  return text;
}

// No field has its default.
blame::Parameters SmallModel() {
  blame::Parameters model;
  model.start_high = 0.75;
  model.error_rate = 2;
  model.repair_rate = 3;
  model.propagated_share = 0.5;
  model.judge_correlation = 0.25;
  model.shared_level = 0.125;
  model.high_rates = {0.5, 0.75};
  model.high_weights = {0.25, 0.75};
  model.low_rates = {0.125, 0.25, 0.5};
  model.low_weights = {0.5, 0.25, 0.25};
  return model;
}

void ExpectSame(const blame::Parameters& a, const blame::Parameters& b) {
  EXPECT_EQ(a.start_high, b.start_high);
  EXPECT_EQ(a.error_rate, b.error_rate);
  EXPECT_EQ(a.repair_rate, b.repair_rate);
  EXPECT_EQ(a.propagated_share, b.propagated_share);
  EXPECT_EQ(a.judge_correlation, b.judge_correlation);
  EXPECT_EQ(a.shared_level, b.shared_level);
  EXPECT_EQ(a.high_rates, b.high_rates);
  EXPECT_EQ(a.high_weights, b.high_weights);
  EXPECT_EQ(a.low_rates, b.low_rates);
  EXPECT_EQ(a.low_weights, b.low_weights);
}

TEST(FittedPrior, ComesBackFromTheWireAsItWas) {
  blame::MixedPrior texts;
  texts.everywhere = SmallText();
  const blame::Parameters model = SmallModel();
  v1::FittedPrior wire;
  TextsToWire(texts, &wire);
  ModelToWire(model, 90, &wire);
  JudgesToWire({{"strict", 0.5, 0.25, 40}}, &wire);
  EXPECT_EQ(wire.model_episodes(), 90);
  const auto back = FittedPriorFromWire(wire);
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_NE(back->texts, nullptr);
  const blame::TextPrior& text = back->texts->everywhere;
  EXPECT_EQ(text.features, SmallText().features);
  EXPECT_EQ(text.weights, SmallText().weights);
  EXPECT_EQ(text.uniform, SmallText().uniform);
  EXPECT_EQ(text.episodes, SmallText().episodes);
  ExpectSame(back->parameters, model);
  ASSERT_EQ(back->judges.size(), 1u);
  EXPECT_EQ(back->judges[0].judge, "strict");
  EXPECT_EQ(back->judges[0].weight, 0.5);
  EXPECT_EQ(back->judges[0].base_rate, 0.25);
  EXPECT_EQ(back->judges[0].episodes, 40);
}

TEST(FittedPrior, EitherHalfMayBeMissing) {
  blame::MixedPrior texts;
  texts.everywhere = SmallText();
  v1::FittedPrior of_text;
  TextsToWire(texts, &of_text);
  EXPECT_EQ(of_text.features_size(), 2);
  EXPECT_FALSE(of_text.has_model());
  EXPECT_FALSE(of_text.has_propagated_share());
  ExpectSame(FittedPriorFromWire(of_text)->parameters, blame::Parameters());

  v1::FittedPrior of_model;
  ModelToWire(SmallModel(), 90, &of_model);
  EXPECT_EQ(of_model.features_size(), 0);
  EXPECT_EQ(of_model.episodes(), 0);
  EXPECT_EQ(FittedPriorFromWire(of_model)->texts, nullptr);
}

// A collection that gives a prior, with its domain and its figures, and what transfers.
blame::MixedPrior Mixed() {
  blame::MixedPrior texts = blame::ShippedPrior();
  blame::CollectionPrior& ours = texts.collections.emplace_back();
  ours.source = "ours";
  ours.episodes = 70;
  ours.environment = 3;
  ours.prior = SmallText();
  std::vector<std::vector<double>> described(4,
                                             std::vector<double>(blame::DomainMeasures().size()));
  for (size_t e = 0; e < described.size(); ++e) described[e][e] = 1;
  ours.domain = *blame::FitDomain(described);
  ours.by_question = {70, 0.5, 0.75, 0.875, 0.25, 0.125, 20, 15};
  ours.left_out = {70, 0.25, 0.5, 0.75, -0.25, 0.5, 0, 0};
  return texts;
}

TEST(FittedPrior, CollectionsComeBackAsTheyWere) {
  const blame::MixedPrior texts = Mixed();
  v1::FittedPrior wire;
  TextsToWire(texts, &wire);
  const auto back = FittedPriorFromWire(wire);
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_EQ(back->texts->collections.size(), 1u);
  const blame::CollectionPrior& read = back->texts->collections[0];
  const blame::CollectionPrior& written = texts.collections[0];
  EXPECT_EQ(read.source, "ours");
  EXPECT_EQ(read.episodes, 70);
  EXPECT_EQ(read.environment, 3);
  EXPECT_EQ(read.prior.weights, written.prior.weights);
  EXPECT_EQ(read.domain->mean, written.domain->mean);
  EXPECT_EQ(read.domain->deviation, written.domain->deviation);
  EXPECT_EQ(read.domain->covariance, written.domain->covariance);
  EXPECT_EQ(read.domain->distances, written.domain->distances);
  EXPECT_EQ(read.by_question.agent_accuracy, 0.75);
  EXPECT_EQ(read.by_question.right_claims, 15);
  EXPECT_EQ(read.left_out.gain, -0.25);
  EXPECT_EQ(back->texts->general.weights, texts.general.weights);
  EXPECT_EQ(back->texts->general_share, texts.general_share);
  v1::FittedPrior again;
  TextsToWire(*back->texts, &again);
  EXPECT_EQ(again.SerializeAsString(), wire.SerializeAsString());
}

TEST(FittedPrior, ErrorsNameThePath) {
  const auto field = [](const std::function<void(v1::FittedPrior*)>& damage) {
    v1::FittedPrior wire;
    TextsToWire(Mixed(), &wire);
    JudgesToWire({{"strict", 0.5, 0.25, 40}}, &wire);
    damage(&wire);
    const std::string message(FittedPriorFromWire(wire).status().message());
    return message.substr(0, message.find(':'));
  };
  const auto ours = [](v1::FittedPrior* w) { return w->mutable_collections(0); };
  EXPECT_EQ(field([](v1::FittedPrior*) {}), "");
  EXPECT_EQ(field([&](auto* w) { ours(w)->clear_source(); }), "collections[0].source");
  EXPECT_EQ(field([&](auto* w) { ours(w)->mutable_prior()->set_features(0, "acts"); }),
            "collections[0].prior.features[0]");
  EXPECT_EQ(field([&](auto* w) { ours(w)->clear_domain(); }), "collections[0].domain");
  EXPECT_EQ(field([&](auto* w) { ours(w)->mutable_domain()->set_measures(1, "smell"); }),
            "collections[0].domain.measures");
  EXPECT_EQ(field([&](auto* w) { ours(w)->mutable_by_question()->set_covered(2); }),
            "collections[0].by_question");
  EXPECT_EQ(field([](auto* w) { w->mutable_general()->set_features(0, "length"); }),
            "general.features[0]");
  EXPECT_EQ(field([](auto* w) { w->set_general_share(2); }), "general_share");
  EXPECT_EQ(field([](auto* w) { w->set_model_episodes(-1); }), "model_episodes");
  EXPECT_EQ(field([](auto* w) {
              w->add_features("length");
              w->add_weights(1);
            }),
            "features");
  EXPECT_EQ(field([](auto* w) { w->mutable_judges(0)->set_weight(11); }), "judges[0].weight");
  EXPECT_EQ(field([](auto* w) { w->mutable_judges(0)->set_base_rate(0); }), "judges[0].base_rate");
  EXPECT_EQ(field([](auto* w) { *w->add_judges() = w->judges(0); }), "judges[1].judge");
}

TEST(ApplyModel, RatesTakeTheirWeightsAlong) {
  v1::ErrorModel sent;
  blame::Parameters model = SmallModel();
  ASSERT_TRUE(ApplyModel(sent, &model).ok());
  ExpectSame(model, SmallModel());
  sent.add_high_weights(0.5);
  sent.add_high_weights(0.5);
  ASSERT_TRUE(ApplyModel(sent, &model).ok()) << "other weights alone";
  EXPECT_EQ(model.high_rates, SmallModel().high_rates);
  EXPECT_EQ(model.high_weights, (std::vector<double>{0.5, 0.5}));
  sent.Clear();
  sent.add_low_rates(0.25);
  ASSERT_TRUE(ApplyModel(sent, &model).ok()) << "other rates alone, which are equally likely";
  EXPECT_EQ(model.low_rates, (std::vector<double>{0.25}));
  EXPECT_TRUE(model.low_weights.empty());
}

}  // namespace
}  // namespace assay::service
