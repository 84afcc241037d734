#include "server/telemetry/metrics.h"

#include <gtest/gtest.h>

#include <set>

#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"

namespace assay::telemetry {
namespace {

std::string Text(const Metrics& metrics) {
  return prometheus::TextSerializer().Serialize(metrics.registry()->Collect());
}

bool Has(const Metrics& metrics, const std::string& line) {
  return Text(metrics).find(line + "\n") != std::string::npos;
}

v1::EpisodeResult Answered(double error) {
  v1::EpisodeResult result;
  result.mutable_signals()->mutable_conservation()->set_error(error);
  return result;
}

TEST(Metrics, ConservationErrorIsRelativeToTheRange) {
  Metrics metrics({2, {}, "1.2.3", "abc"});
  metrics.OnEpisode(Answered(5e-9), 100, absl::Seconds(1), {});
  metrics.OnEpisode(Answered(5e-9), 1, absl::Seconds(1), {});
  EXPECT_TRUE(Has(metrics, "assay_conservation_error_count 2"));
  EXPECT_TRUE(Has(metrics, "assay_conservation_error_bucket{le=\"1e-10\"} 1"));
  EXPECT_TRUE(Has(metrics, "assay_episodes_total{outcome=\"ok\"} 2"));
  EXPECT_TRUE(Has(metrics, "assay_workers 2"));
}

TEST(Metrics, OutcomesAndTiers) {
  Metrics metrics({1, {}, "", ""});
  v1::EpisodeResult partial = Answered(0);
  partial.mutable_signals()->set_partial(true);
  partial.mutable_signals()->set_outcome_mismatch(true);
  partial.mutable_signals()->mutable_first_error()->set_first_index(0);
  partial.mutable_signals()->mutable_first_error()->set_tier(v1::EVIDENCE_TIER_SCORES);
  partial.mutable_signals()->mutable_first_error()->set_prior_used(v1::PRIOR_USED_GENERAL);
  metrics.OnEpisode(partial, 1, absl::Seconds(1), {});
  v1::EpisodeResult failed;
  failed.mutable_error()->set_code(4);
  metrics.OnEpisode(failed, 1, absl::Seconds(1), {});
  EXPECT_TRUE(Has(metrics, "assay_episodes_total{outcome=\"partial\"} 1"));
  EXPECT_TRUE(Has(metrics, "assay_episodes_total{outcome=\"deadline_exceeded\"} 1"));
  EXPECT_TRUE(Has(metrics, "assay_first_errors_total{tier=\"scores\"} 1"));
  EXPECT_TRUE(Has(metrics, "assay_failure_priors_total{prior=\"general\"} 1"));
  EXPECT_TRUE(Has(metrics, "assay_failure_priors_total{prior=\"flat\"} 0"));
  EXPECT_TRUE(Has(metrics, "assay_outcome_mismatch_total 1"));
  EXPECT_TRUE(Has(metrics, "assay_conservation_error_count 1"));
}

TEST(Metrics, QuestionsAddUp) {
  Metrics metrics({1, {"judge"}, "", ""});
  metrics.OnQuestionsAsked("judge", 10);
  metrics.OnQuestionsDone("judge", "answered", 7, absl::Seconds(1));
  metrics.OnQuestionsDone("judge", "timeout", 2, absl::Seconds(1));
  metrics.OnQuestionsRetried("judge", 3);
  EXPECT_TRUE(Has(metrics, "assay_questions_outstanding 1"));
  EXPECT_TRUE(Has(metrics, "assay_questions_total{evaluator=\"judge\",outcome=\"answered\"} 7"));
  EXPECT_TRUE(Has(metrics, "assay_questions_total{evaluator=\"judge\",outcome=\"retried\"} 3"));
  // A name that nobody configured makes no new series.
  const std::string before = Text(metrics);
  metrics.OnQuestionsRetried("stranger", 3);
  EXPECT_EQ(Text(metrics), before);
}

TEST(Metrics, CodesAreNamedAsGoNamesThem) {
  Metrics metrics({1, {}, "", ""});
  metrics.OnCallHandled(service::CallObserver::Type::kUnary, "GetServerInfo",
                        absl::StatusCode::kInvalidArgument, absl::Seconds(1));
  EXPECT_TRUE(
      Has(metrics,
          "grpc_server_handled_total{grpc_code=\"InvalidArgument\",grpc_method="
          "\"GetServerInfo\",grpc_service=\"assay.v1.SignalService\",grpc_type=\"unary\"} 1"));
  EXPECT_NE(Text(metrics).find("grpc_code=\"Canceled\""), std::string::npos);
  EXPECT_NE(Text(metrics).find("grpc_code=\"OK\""), std::string::npos);
}

TEST(Metrics, NoLabelNamesAnEpisode) {
  Metrics metrics({1, {"judge"}, "v", "r"});
  const std::set<std::string> allowed = {"outcome",     "evaluator",    "tier",      "reason",
                                         "version",     "revision",     "grpc_type", "grpc_code",
                                         "grpc_method", "grpc_service", "prior"};
  for (const auto& family : metrics.registry()->Collect()) {
    for (const auto& metric : family.metric) {
      for (const auto& label : metric.label) EXPECT_TRUE(allowed.count(label.name)) << label.name;
    }
  }
}

}  // namespace
}  // namespace assay::telemetry
