#include "server/wire/fitted_prior.h"

#include <gtest/gtest.h>

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
  const blame::TextPrior text = SmallText();
  const blame::Parameters model = SmallModel();
  const v1::FittedPrior wire = FittedPriorToWire(&text, &model, 90);
  EXPECT_EQ(wire.model_episodes(), 90);
  const auto back = FittedPriorFromWire(wire);
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_NE(back->text, nullptr);
  EXPECT_EQ(back->text->features, text.features);
  EXPECT_EQ(back->text->weights, text.weights);
  EXPECT_EQ(back->text->uniform, text.uniform);
  EXPECT_EQ(back->text->episodes, text.episodes);
  ExpectSame(back->parameters, model);
}

TEST(FittedPrior, EitherHalfMayBeMissing) {
  const blame::TextPrior text = SmallText();
  const v1::FittedPrior of_text = FittedPriorToWire(&text, nullptr, 0);
  EXPECT_EQ(of_text.features_size(), 2);
  EXPECT_FALSE(of_text.has_model());
  EXPECT_FALSE(of_text.has_propagated_share());
  ExpectSame(FittedPriorFromWire(of_text)->parameters, blame::Parameters());

  const blame::Parameters model = SmallModel();
  const v1::FittedPrior of_model = FittedPriorToWire(nullptr, &model, 90);
  EXPECT_EQ(of_model.features_size(), 0);
  EXPECT_EQ(of_model.episodes(), 0);
  EXPECT_EQ(FittedPriorFromWire(of_model)->text, nullptr);
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
