// What evidence and parameters may be: the last value that is taken, and the first that is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <iterator>
#include <limits>
#include <string>

#include "server/blame/posterior.h"

namespace assay::blame {
namespace {

using ::testing::StartsWith;

constexpr double kInf = std::numeric_limits<double>::infinity();

// Three messages by two agents, and one of context; a node each, and one of everything else.
Evidence Full() {
  Evidence evidence;
  evidence.authors = {0, 1, kNobody, 0};
  evidence.agents = 2;
  evidence.low = -1;
  evidence.nodes.resize(5);
  evidence.scores = {{0, 0.5}};
  evidence.corrections = {{1, {1, 2}}};
  evidence.annotations = {3};
  evidence.repairs = {{3, 1}};
  evidence.prior = {1, 2, 0, 4};
  evidence.start_value = 0.5;
  return evidence;
}

template <class Subject>
struct Case {
  const char* field;  // empty: it is taken
  std::function<void(Subject*)> change;
};

template <class Subject, size_t count>
void Check(const Subject& valid, const Case<Subject> (&cases)[count]) {
  ASSERT_TRUE(Validate(valid).ok()) << Validate(valid);
  for (size_t i = 0; i < count; ++i) {
    Subject subject = valid;
    cases[i].change(&subject);
    const absl::Status status = Validate(subject);
    const std::string field = cases[i].field;
    EXPECT_EQ(status.code(),
              field.empty() ? absl::StatusCode::kOk : absl::StatusCode::kInvalidArgument)
        << "case " << i << ": " << status;
    if (!field.empty()) {
      EXPECT_THAT(std::string(status.message()), StartsWith(field + ": ")) << "case " << i;
    }
  }
}

TEST(ValidateEvidence, BoundsAreWhereTheySay) {
  const Case<Evidence> cases[] = {
      {"", [](auto* e) { e->authors[0] = kNobody + 2; }},
      {"authors[1]", [](auto* e) { e->authors[1] = kNobody - 1; }},
      {"authors[1]", [](auto* e) { e->authors[1] = 2; }},
      {"low", [](auto* e) { e->low = 1; }},
      {"low", [](auto* e) { e->low = -kInf; }},
      {"low", [](auto* e) { e->high = kInf; }},
      {"", [](auto* e) { e->score = -1; }},
      {"", [](auto* e) { e->score = 1; }},
      {"score", [](auto* e) { e->score = 1.001; }},
      {"score", [](auto* e) { e->score = -1.001; }},
      {"", [](auto* e) { e->start_value = -1; }},
      {"", [](auto* e) { e->start_value = 1; }},
      {"start_value", [](auto* e) { e->start_value = -1.001; }},
      {"", [](auto* e) { e->nodes.clear(); }},
      {"nodes", [](auto* e) { e->nodes.resize(4); }},
      {"",
       [](auto* e) {
         e->nodes[4] = {2, 2};
       }},
      {"",
       [](auto* e) {
         e->nodes[4] = {0, 2};
       }},
      {"nodes[4]",
       [](auto* e) {
         e->nodes[4] = {2.001, 2};
       }},
      {"nodes[0]",
       [](auto* e) {
         e->nodes[0] = {-0.001, 2};
       }},
      {"nodes[0]",
       [](auto* e) {
         e->nodes[0] = {0, -1};
       }},
      {"nodes[0]",
       [](auto* e) {
         e->nodes[0] = {0, kInf};
       }},
      {"", [](auto* e) { e->prior.clear(); }},
      {"prior", [](auto* e) { e->prior.resize(5); }},
      {"", [](auto* e) { e->prior[3] = 0; }},
      {"prior[3]", [](auto* e) { e->prior[3] = -0.001; }},
      {"prior[0]", [](auto* e) { e->prior[0] = kInf; }},
      {"grades", [](auto* e) { e->grades.resize(3); }},
      {"", [](auto* e) { e->grades.resize(4); }},
      {"message_credit", [](auto* e) { e->message_credit.resize(5); }},
      {"message_credit[3]",
       [](auto* e) {
         e->message_credit = {0, 0, 0, kInf};
       }},
      {"", [](auto* e) { e->annotations = {0}; }},
      {"annotations[1]",
       [](auto* e) {
         e->annotations = {3, 4};
       }},
      {"annotations[0]", [](auto* e) { e->annotations = {-1}; }},
      {"annotations[0]", [](auto* e) { e->annotations = {99}; }},
      {"", [](auto* e) { e->annotations = {2}; }},  // context
      {"scores[0]", [](auto* e) { e->scores[0].weight = 0; }},
      {"scores[0]", [](auto* e) { e->scores[0].weight = 11; }},
      {"", [](auto* e) { e->scores[0].weight = 10; }},
      {"scores[0]", [](auto* e) { e->scores[0].base_rate = 0; }},
      {"", [](auto* e) { e->scores[0].base_rate = 0.01; }},
      {"",
       [](auto* e) {
         e->repairs = {{1, 0}};
       }},
      {"repairs[0]",
       [](auto* e) {
         e->repairs = {{1, 3}};
       }},
      {"repairs[0]",
       [](auto* e) {
         e->repairs = {{2, 0}};
       }},
      {"repairs[0]",
       [](auto* e) {
         e->repairs = {{3, 2}};
       }},
      {"",
       [](auto* e) {
         e->scores = {{0, -1}, {3, 1}};
       }},
      {"scores[0]",
       [](auto* e) {
         e->scores = {{0, -1.001}};
       }},
      {"scores[1]",
       [](auto* e) {
         e->scores = {{0, 0}, {4, 0}};
       }},
      {"",
       [](auto* e) {
         e->corrections = {{0, {0, 0}}, {3, {0, 0}}};
       }},
      {"corrections[0]",
       [](auto* e) {
         e->corrections = {{-1, {0, 0}}};
       }},
      {"corrections[0]",
       [](auto* e) {
         e->corrections = {{2, {0, 0}}};
       }},
      {"corrections[0]",
       [](auto* e) {
         e->corrections = {{4, {0, 0}}};
       }},
      {"corrections[0]",
       [](auto* e) {
         e->corrections = {{0, {2, 1}}};
       }},
  };
  Check(Full(), cases);
}

TEST(ValidateParameters, BoundsAreWhereTheySay) {
  const Case<Parameters> cases[] = {
      {"start_high", [](auto* p) { p->start_high = 0; }},
      {"start_high", [](auto* p) { p->start_high = 1; }},
      {"error_rate", [](auto* p) { p->error_rate = 0; }},
      {"error_rate", [](auto* p) { p->error_rate = 0.999e-4; }},
      {"error_rate", [](auto* p) { p->error_rate = 1.001e4; }},
      // Found by fuzzing: with both of these no path has a probability that can be told.
      {"error_rate", [](auto* p) { p->error_rate = 5e-324; }},
      {"repair_rate", [](auto* p) { p->repair_rate = 1e300; }},
      {"repair_rate", [](auto* p) { p->repair_rate = 0.999e-4; }},
      {"repair_rate", [](auto* p) { p->repair_rate = 1.001e4; }},
      {"error_rate", [](auto* p) { p->error_rate = kInf; }},
      {"repair_rate", [](auto* p) { p->repair_rate = 0; }},
      {"repair_rate", [](auto* p) { p->repair_rate = kInf; }},
      {"context_error_rate", [](auto* p) { p->context_error_rate = 0; }},
      {"context_error_rate", [](auto* p) { p->context_error_rate = 1.001e4; }},
      {"context_repair_rate", [](auto* p) { p->context_repair_rate = 0.999e-4; }},
      {"context_repair_rate", [](auto* p) { p->context_repair_rate = kInf; }},
      {"", [](auto* p) { p->propagated_share = 0; }},
      {"", [](auto* p) { p->propagated_share = 1; }},
      {"propagated_share", [](auto* p) { p->propagated_share = 1.001; }},
      {"base_rate", [](auto* p) { p->base_rate = 0; }},
      {"base_rate", [](auto* p) { p->base_rate = 1; }},
      {"", [](auto* p) { p->shared_level = 1; }},
      {"shared_level", [](auto* p) { p->shared_level = -0.001; }},
      {"", [](auto* p) { p->judge_correlation = 1; }},
      {"judge_correlation", [](auto* p) { p->judge_correlation = -0.001; }},
      {"high_rates", [](auto* p) { p->high_rates.clear(); }},
      {"", [](auto* p) { p->high_rates.assign(kMaxRates, 0.5); }},
      {"high_rates", [](auto* p) { p->high_rates.assign(kMaxRates + 1, 0.5); }},
      {"low_rates",
       [](auto* p) {
         p->low_rates = {0.5, 0};
       }},
      {"low_rates",
       [](auto* p) {
         p->low_rates = {0.5, 1};
       }},
      {"low_weights", [](auto* p) { p->low_weights = {1}; }},
      {"",
       [](auto* p) {
         p->low_rates = {0.5};
         p->low_weights = {1};
       }},
      {"low_weights",
       [](auto* p) {
         p->low_rates = {0.5, 0.6};
         p->low_weights = {1, 0};
       }},
      {"high_weights",
       [](auto* p) {
         p->high_rates = {0.5, 0.6};
         p->high_weights = {0.5, 0.4};
       }},
  };
  Check(Parameters(), cases);
}

}  // namespace
}  // namespace assay::blame
