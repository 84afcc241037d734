// Which prior of the first error the options stand for, and how faults in it are named.
#include <gtest/gtest.h>

#include <functional>

#include "server/blame/text/mixed_prior.h"
#include "tests/unit/wire/resolve.h"

namespace assay::service {
namespace {

v1::FittedPrior SmallPrior() {
  v1::FittedPrior prior;
  prior.add_features("length");
  prior.add_weights(0.5);
  prior.set_uniform(0.1);
  prior.mutable_model()->set_repair_rate(0.25);
  prior.mutable_model()->add_high_rates(0.6);
  prior.mutable_model()->add_high_rates(0.8);
  prior.mutable_model()->add_high_weights(0.75);
  prior.mutable_model()->add_high_weights(0.25);
  prior.set_propagated_share(0.5);
  return prior;
}

TEST(Options, ANamedPriorIsResolvedIntoTheOptions) {
  Catalog catalog;
  catalog.priors["p"] = SmallPrior();
  v1::AttributionOptions sent;
  sent.mutable_first_error()->set_prior("p");
  sent.mutable_first_error()->mutable_model()->set_start_high(0.9);
  const auto named = ResolveOptions(sent, Limits(), catalog, std::nullopt);
  ASSERT_TRUE(named.ok()) << named.status();
  const signals::FirstErrorOptions& first = named->options->first_error;
  ASSERT_NE(first.prior, nullptr);
  EXPECT_EQ(first.prior->everywhere.weights, std::vector<double>{0.5});
  EXPECT_EQ(first.parameters.start_high, 0.9);
  EXPECT_EQ(first.parameters.error_rate, 1.3);
  EXPECT_EQ(first.parameters.repair_rate, 0.25);
  EXPECT_EQ(first.parameters.high_weights, (std::vector<double>{0.75, 0.25}));
  EXPECT_EQ(first.parameters.propagated_share, 0.5);
  // What was resolved does without the configuration from which the prior came.
  const auto again = Resolve(named->wire);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(named->wire.SerializeAsString(), again->wire.SerializeAsString());
  EXPECT_EQ(again->options->first_error.prior->everywhere.weights, first.prior->everywhere.weights);
}

TEST(Options, WhatIsShippedHasAName) {
  v1::AttributionOptions sent;
  sent.mutable_first_error()->set_prior("general");
  const auto shipped = Resolve(sent);
  ASSERT_TRUE(shipped.ok()) << shipped.status();
  ASSERT_NE(shipped->options->first_error.prior, nullptr);
  EXPECT_GT(shipped->options->first_error.prior->general_share, 0);
  EXPECT_GT(shipped->wire.first_error().fitted().general().features_size(), 0);
  // The operator may give the name to another.
  Catalog catalog;
  catalog.priors["general"] = SmallPrior();
  const auto own = ResolveOptions(sent, Limits(), catalog, std::nullopt);
  ASSERT_TRUE(own.ok());
  EXPECT_EQ(own->options->first_error.prior->everywhere.weights, std::vector<double>{0.5});
}

TEST(Options, OtherRatesDoNotKeepTheFittedWeights) {
  v1::AttributionOptions sent;
  *sent.mutable_first_error()->mutable_fitted() = SmallPrior();
  sent.mutable_first_error()->set_propagated_share(0.7);
  for (const double rate : {0.5, 0.7, 0.9}) {
    sent.mutable_first_error()->mutable_model()->add_high_rates(rate);
  }
  const auto resolved = Resolve(sent);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  const blame::Parameters& parameters = resolved->options->first_error.parameters;
  EXPECT_EQ(parameters.high_rates, (std::vector<double>{0.5, 0.7, 0.9}));
  EXPECT_TRUE(parameters.high_weights.empty());
  EXPECT_EQ(parameters.propagated_share, 0.7);
  EXPECT_EQ(parameters.repair_rate, 0.25);
}

TEST(Options, FaultsOfPriorAndModelAreNamed) {
  using First = v1::FirstErrorOptions;
  const auto field_of = [](const std::function<void(First*)>& change) {
    v1::AttributionOptions sent;
    change(sent.mutable_first_error());
    return FieldOf(Resolve(sent).status());
  };
  EXPECT_EQ(field_of([](First* f) { f->set_prior("nobody's"); }), "first_error.prior");
  EXPECT_EQ(field_of([](First* f) { f->mutable_fitted()->add_features("length"); }),
            "first_error.fitted.weights");
  EXPECT_EQ(field_of([](First* f) { f->mutable_fitted()->mutable_model()->set_error_rate(-1); }),
            "first_error.fitted.model.error_rate");
  EXPECT_EQ(field_of([](First* f) { f->mutable_fitted()->set_propagated_share(2); }),
            "first_error.fitted.propagated_share");
  EXPECT_EQ(field_of([](First* f) { f->mutable_model()->set_start_high(1); }),
            "first_error.model.start_high");
  EXPECT_EQ(field_of([](First* f) { f->mutable_model()->set_judge_correlation(1.5); }),
            "first_error.model.judge_correlation");
  EXPECT_EQ(field_of([](First* f) { f->mutable_model()->set_shared_level(1.5); }),
            "first_error.model.shared_level");
  EXPECT_EQ(field_of([](First* f) { f->mutable_model()->add_low_rates(0); }),
            "first_error.model.low_rates");
  EXPECT_EQ(field_of([](First* f) { f->mutable_model()->add_high_weights(1); }),
            "first_error.model.high_weights");
  EXPECT_EQ(field_of([](First* f) {
              for (int i = 0; i < 7; ++i) f->mutable_model()->add_low_weights(0.5);
            }),
            "first_error.model.low_weights");
  EXPECT_EQ(field_of([](First* f) {
              for (int i = 0; i < 65; ++i) f->mutable_model()->add_high_rates(0.5);
            }),
            "first_error.model.high_rates");
}

}  // namespace
}  // namespace assay::service
