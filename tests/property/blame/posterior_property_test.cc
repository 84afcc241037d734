#include <algorithm>
#include <cmath>
#include <numeric>

#include "gtest/gtest.h"
#include "server/blame/labels.h"
#include "tests/property/blame/generators.h"

namespace assay::blame {
namespace {

double Sum(const std::vector<double>& x) { return std::accumulate(x.begin(), x.end(), 0.0); }

// What the chain says by adding up all 2^(T+1) paths, for episodes short enough.
struct Paths {
  std::vector<double> first, decisive, error, repair;
  double none = 0, total = 0;
};

Paths Enumerate(const Chain& chain) {
  const int count = chain.messages();
  Paths out;
  for (auto* v : {&out.first, &out.decisive, &out.error, &out.repair}) v->assign(count, 0.0);
  for (int path = 0; path < 1 << (count + 1); ++path) {
    const auto low = [&](int j) { return (path >> j & 1) != 0; };
    double log_p = low(0) ? chain.start_low : chain.start_high;
    for (int j = 0; j <= count; ++j) log_p += low(j) ? chain.node_low[j] : chain.node_high[j];
    int first = -1, last_high = -1;
    for (int t = 0; t < count; ++t) {
      log_p += low(t) ? (low(t + 1) ? chain.low_low[t] : chain.low_high[t])
                      : (low(t + 1) ? chain.high_low[t] : chain.high_high[t]);
      if (!low(t)) last_high = t;
      if (first < 0 && !low(0) && !low(t) && low(t + 1)) first = t;
    }
    const double p = std::exp(log_p);
    out.total += p;
    if (first >= 0) out.first[first] += p;
    if (first < 0 || low(0)) out.none += p;
    if (low(count) && last_high >= 0) out.decisive[last_high] += p;
    for (int t = 0; t < count; ++t) {
      if (!low(t) && low(t + 1)) out.error[t] += p;
      if (low(t) && !low(t + 1)) out.repair[t] += p;
    }
  }
  return out;
}

TEST(PosteriorProperty, AgreesWithTheSumOverAllPaths) {
  EXPECT_TRUE(rc::check([] {
    Evidence evidence = AnyEvidence();
    evidence.annotations.clear();
    evidence.repairs.clear();
    RC_PRE(evidence.authors.size() <= 8u);
    const auto prior = NormalisedPrior(evidence);
    const auto ratios = ErrorLogRatios(evidence.scores, static_cast<int>(prior.size()), {});
    const auto definition = ErrorDefinition::kStaysUnlikely;
    const Chain chain = BuildChain(evidence, prior, ratios, {}, definition);
    const Paths paths = Enumerate(chain);
    RC_PRE(paths.total > 1e-200);
    const Posterior p = ComputePosterior(evidence);
    double environment = 0;
    for (size_t t = 0; t < p.first.size(); ++t) {
      if (evidence.authors[t] < 0) {
        environment += paths.first[t] / paths.total;
        continue;
      }
      RC_ASSERT(std::fabs(p.first[t] - paths.first[t] / paths.total) < 1e-9);
      RC_ASSERT(std::fabs(p.decisive[t] - paths.decisive[t] / paths.total) < 1e-9);
      RC_ASSERT(std::fabs(p.error[t] - paths.error[t] / paths.total) < 1e-9);
      RC_ASSERT(std::fabs(p.repair[t] - paths.repair[t] / paths.total) < 1e-9);
    }
    RC_ASSERT(std::fabs(p.none + p.environment - paths.none / paths.total - environment) < 1e-9);
    RC_ASSERT(p.environment >= environment - 1e-9);
    const bool luck = evidence.outcome == Outcome::kFailure && !evidence.authors.empty() &&
                      evidence.authors.back() < 0;
    if (!luck) RC_ASSERT(std::fabs(p.environment - environment) < 1e-9);
    RC_ASSERT(std::fabs(p.log_evidence - (chain.log_shared + std::log(paths.total))) < 1e-6);
  }));
}

TEST(PosteriorProperty, IsAProbability) {
  EXPECT_TRUE(rc::check([] {
    const Evidence evidence = AnyEvidence();
    RC_ASSERT(Validate(evidence).ok());
    const Posterior p = ComputePosterior(evidence, {}, {.definition = AnyDefinition()});
    RC_ASSERT(std::fabs(Sum(p.first) + p.environment + p.none - 1) < 1e-9);
    RC_ASSERT(std::fabs(Sum(p.agent_first) - Sum(p.first)) < 1e-9);
    for (size_t t = 0; t < p.first.size(); ++t) {
      for (const double x : {p.first[t], p.decisive[t], p.repair[t], p.error[t], p.high[t]}) {
        RC_ASSERT(x >= 0 && x <= 1);
      }
      RC_ASSERT(evidence.authors[t] >= 0 || p.first[t] + p.error[t] + p.repair[t] == 0);
      RC_ASSERT(p.first[t] <= p.error[t] + 1e-9);
      RC_ASSERT(p.decisive[t] <= p.error[t] + 1e-9);
    }
    for (const double v : p.value) RC_ASSERT(v >= evidence.low - 1e-9 && v <= evidence.high + 1e-9);
  }));
}

TEST(PosteriorProperty, NoEvidenceNoClaim) {
  EXPECT_TRUE(rc::check([] {
    Evidence evidence = AnyEvidence();
    evidence.annotations.clear();
    evidence.repairs.clear();
    evidence.nodes.clear();
    evidence.corrections.clear();
    evidence.prior_used = PriorUsed::kFlat;
    evidence.scores.clear();
    const Posterior none = ComputePosterior(evidence);
    for (size_t t = 0; t < evidence.authors.size(); ++t) {
      if (evidence.authors[t] >= 0 && Chance(50))
        evidence.scores.push_back({static_cast<int>(t), 0});
    }
    const Posterior zeros = ComputePosterior(evidence);
    RC_ASSERT(zeros.first == none.first && zeros.decisive == none.decisive);
    RC_ASSERT(zeros.none == none.none && zeros.tier == Tier::kNone);
    RC_ASSERT(!zeros.claimed_first && !zeros.claimed_decisive);
    RC_ASSERT(!AnyLocated(AssignLabels(evidence, zeros)));
  }));
}

TEST(PosteriorProperty, RelabellingAgentsPermutes) {
  EXPECT_TRUE(rc::check([] {
    Evidence evidence = AnyEvidence();
    const Posterior before = ComputePosterior(evidence);
    for (int& author : evidence.authors) {
      if (author >= 0) author = evidence.agents - 1 - author;
    }
    const Posterior after = ComputePosterior(evidence);
    RC_ASSERT(before.first == after.first && before.error == after.error);
    for (int i = 0; i < evidence.agents; ++i) {
      RC_ASSERT(before.agent_first[i] == after.agent_first[evidence.agents - 1 - i]);
    }
  }));
}

TEST(PosteriorProperty, WorseScoresNeverMakeSuccessLikelier) {
  EXPECT_TRUE(rc::check([] {
    Evidence evidence = AnyEvidence();
    const int t = AnyAgentsMessage(evidence);
    if (t < 0) return;
    std::erase_if(evidence.scores, [&](const Score& s) { return s.message == t; });
    const double q = 2 * Unit() - 1;
    evidence.scores.push_back({t, q});
    const double before = ComputePosterior(evidence).high[t + 1];
    evidence.scores.back().value = q - (1 + q) * Unit();
    RC_ASSERT(ComputePosterior(evidence).high[t + 1] <= before + 1e-9);
  }));
}

TEST(PosteriorProperty, CredibleSetHoldsItsShareAndNoSmallerOneDoes) {
  EXPECT_TRUE(rc::check([] {
    const Posterior p = ComputePosterior(AnyEvidence());
    double mass = 0, smallest = 2;
    for (const int t : p.credible_set) {
      mass += p.first[t];
      smallest = std::min(smallest, p.first[t]);
    }
    const double all = Sum(p.first);
    RC_ASSERT(mass >= 0.8 * all - 1e-9);
    RC_ASSERT(p.credible_set.empty() || mass - smallest < 0.8 * all);
    RC_ASSERT(std::is_sorted(p.credible_set.begin(), p.credible_set.end()));
  }));
}

TEST(PosteriorProperty, TheWholeIsTheMixtureOfItsComponents) {
  EXPECT_TRUE(rc::check([] {
    const Evidence evidence = AnyEvidence();
    const PosteriorOptions options{.definition = AnyDefinition()};
    const Posterior whole = ComputePosterior(evidence, {}, options);
    for (size_t t = 0; t < whole.first.size(); ++t) {
      if (whole.first[t] < 1e-6) continue;
      const Posterior part = ConditionOnFirst(evidence, static_cast<int>(t), {}, options);
      RC_ASSERT(std::fabs(part.first[t] - 1) < 1e-9);
      RC_ASSERT(part.error[t] > 1 - 1e-9);
    }
  }));
}

TEST(LabelsProperty, OpenOutcomesAndContextStayNeutral) {
  EXPECT_TRUE(rc::check([] {
    const Evidence evidence = AnyEvidence();
    const auto labels = AssignLabels(evidence, ComputePosterior(evidence));
    int first_errors = 0;
    for (size_t t = 0; t < labels.size(); ++t) {
      RC_ASSERT(labels[t] != Label::kUnspecified);
      if (evidence.authors[t] < 0 || evidence.outcome == Outcome::kOpen) {
        RC_ASSERT(labels[t] == Label::kNeutral);
      }
      first_errors += labels[t] == Label::kFirstError;
    }
    RC_ASSERT(first_errors <= 1);
  }));
}

}  // namespace
}  // namespace assay::blame
