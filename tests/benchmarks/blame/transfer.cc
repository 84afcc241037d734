// What priors know of episodes that they were not fitted on: each collection left out in turn, and
// each in ten folds by question, beside predictors that read nothing. Prints one line a figure.
#include <cstdio>
#include <cstring>

#include "server/blame/text/general_prior.h"
#include "server/blame/text/prior_fit.h"
#include "tests/simulation/blame/collections.h"

namespace assay::blame {
namespace {

void Print(const std::string& name, const char* how, const Validation& v) {
  std::printf(
      "%s %s episodes %d step %.1f agent %.1f covered %.1f gain %.3f +- %.3f claims %d right %d\n",
      name.c_str(), how, v.episodes, 100 * v.step_accuracy, 100 * v.agent_accuracy, 100 * v.covered,
      v.gain, v.gain_error, v.claims, v.right_claims);
}

void PrintTrivial(const LabelledCollection& collection) {
  for (const Trivial predictor : {Trivial::kUniform, Trivial::kFirst, Trivial::kLastWorker,
                                  Trivial::kMostFrequentAgent, Trivial::kMostFrequentPosition}) {
    const TrivialAccuracy accuracy = Accuracy(predictor, collection);
    std::printf("%s %s step %.1f agent %.1f\n", collection.source.c_str(), NameOf(predictor),
                100 * accuracy.step, 100 * accuracy.agent);
  }
}

int Fail(const absl::Status& status) {
  std::printf("%s\n", status.ToString().c_str());
  return 1;
}

Validation Score(const MixedPrior& prior, const LabelledCollection& collection) {
  ValidationTally tally;
  for (const LabelledText& e : collection.episodes) tally.Add(e, Apply(prior, e.episode).pi);
  return tally.Result();
}

// What transfers between all collections but `out`, at a share that orders messages and is no
// evidence.
void OrderBy(const std::vector<LabelledCollection>& shared, size_t out, MixedPrior* mixed) {
  std::vector<LabelledCollection> rest;
  for (size_t k = 0; k < shared.size(); ++k) {
    if (k != out) rest.push_back(shared[k]);
  }
  const auto general = FitGeneralPrior(rest);
  if (!general.ok()) return;
  mixed->general = general->prior;
  mixed->general_share = kOrderingShare;
}

// What the first collection teaches, asked about each of the others.
void AskElsewhere(const std::vector<LabelledCollection>& shared, const MixedPrior& of_each) {
  for (size_t out = 1; out < shared.size(); ++out) {
    MixedPrior mixed;
    mixed.collections.push_back(of_each.collections.front());
    Print(shared[out].source, "elsewhere_unordered", Score(mixed, shared[out]));
    OrderBy(shared, out, &mixed);
    Print(shared[out].source, "elsewhere", Score(mixed, shared[out]));
    std::fflush(stdout);
  }
}

// All collections but one, and what transfers fitted without it. Priors of collections do not
// depend on each other.
int LeaveOneOut(const std::vector<StoredCollection>& all,
                const std::vector<LabelledCollection>& shared, const MixedPrior& of_each) {
  for (size_t out = 0; out < all.size(); ++out) {
    MixedPrior mixed = of_each;
    mixed.collections.erase(mixed.collections.begin() + static_cast<std::ptrdiff_t>(out));
    std::vector<LabelledCollection> rest;
    for (size_t k = 0; k < all.size(); ++k) {
      if (k != out) rest.push_back(all[k].labelled);
    }
    const auto general = FitGeneralPrior(rest);
    if (!general.ok()) return Fail(general.status());
    mixed.general = general->prior;
    mixed.general_share = general->share;
    if (general->share == 0) OrderBy(shared, out, &mixed);
    std::printf("%s left_out general_share %.1f\n", all[out].labelled.source.c_str(),
                general->share);
    Print(all[out].labelled.source, "left_out", Score(mixed, all[out].labelled));
    std::fflush(stdout);
  }
  return 0;
}

int Main(bool weights_only) {
  std::vector<StoredCollection> all = SharedCollections();
  if (all.empty()) {
    std::printf("skipped: no shared data\n");
    return 0;
  }
  std::vector<LabelledCollection> labelled;
  labelled.reserve(all.size());
  for (const StoredCollection& stored : all) labelled.push_back(stored.labelled);
  const auto general = FitGeneralPrior(labelled);
  if (!general.ok()) return Fail(general.status());
  std::printf("general share %.1f\n", general->share);
  for (size_t i = 0; i < general->prior.features.size(); ++i) {
    std::printf("  {\"%s\", %.6f},\n", general->prior.features[i].c_str(),
                general->prior.weights[i]);
  }
  for (size_t k = 0; k < labelled.size(); ++k) {
    Print(labelled[k].source, "general_left_out", general->left_out[k]);
  }
  std::fflush(stdout);
  for (int kind = 0; kind < 3; ++kind) {
    const StoredCollection drawn =
        DrawnCollection(kind, 900, uint64_t{50} + static_cast<uint64_t>(kind));
    Print(drawn.labelled.source, "shipped", Score(ShippedPrior(), drawn.labelled));
  }
  std::fflush(stdout);
  if (weights_only) return 0;
  for (const LabelledCollection& collection : labelled) PrintTrivial(collection);
  const std::vector<LabelledCollection> shared = labelled;
  for (int kind = 0; kind < 3; ++kind) {
    all.push_back(DrawnCollection(kind, 60, uint64_t{7} + static_cast<uint64_t>(kind)));
    labelled.push_back(all.back().labelled);
  }
  const auto fitted = FitMixedPrior(labelled, {});
  if (!fitted.ok()) return Fail(fitted.status());
  for (const CollectionPrior& collection : fitted->collections) {
    Print(collection.source, "by_question", collection.by_question);
  }
  std::fflush(stdout);
  AskElsewhere(shared, *fitted);
  return LeaveOneOut(all, shared, *fitted);
}

}  // namespace
}  // namespace assay::blame

int main(int argc, char** argv) {
  return assay::blame::Main(argc > 1 && std::strcmp(argv[1], "--weights") == 0);
}
