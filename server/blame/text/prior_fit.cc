#include "server/blame/text/prior_fit.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace assay::blame {
namespace {

constexpr int kFolds = 10;
constexpr size_t kFewEpisodes = 4;     // fewer give no prior
constexpr size_t kFewCollections = 3;  // fewer cannot tell what transfers
constexpr double kGeneralRidge = 0.5;  // for episodes whose weights sum to 1
// Not beyond .6: a handful of collections cannot say what the next one is like.
constexpr double kShares[] = {.1, .2, .3, .4, .5, .6};

std::vector<LabelledText> Pick(const std::vector<LabelledText>& from, const std::vector<int>& folds,
                               int fold, bool in_fold) {
  std::vector<LabelledText> out;
  for (size_t i = 0; i < from.size(); ++i) {
    if ((folds[i] == fold) == in_fold) out.push_back(from[i]);
  }
  return out;
}

absl::StatusOr<TextDomain> DomainOf(const std::vector<LabelledText>& episodes) {
  std::vector<std::vector<double>> descriptions;
  descriptions.reserve(episodes.size());
  for (const LabelledText& e : episodes) descriptions.push_back(DescribeEpisode(e.episode));
  return FitDomain(descriptions);
}

// Prior and domain of the episodes; no figures.
absl::StatusOr<CollectionPrior> FitOne(const std::vector<LabelledText>& episodes) {
  CollectionPrior out;
  absl::StatusOr<TextPrior> prior = FitTextPrior(episodes);
  if (!prior.ok()) return prior.status();
  absl::StatusOr<TextDomain> domain = DomainOf(episodes);
  if (!domain.ok()) return domain.status();
  out.prior = *std::move(prior);
  out.domain = *std::move(domain);
  return out;
}

// Uniform shares stand in where a left-out episode is foreign to the others: what transfers may
// have been fitted on this very collection.
absl::StatusOr<Validation> CrossValidate(const LabelledCollection& collection) {
  const std::vector<int> folds = FoldsByQuestion(collection.questions, kFolds);
  ValidationTally tally;
  for (int fold = 0; fold < kFolds; ++fold) {
    const std::vector<LabelledText> left_out = Pick(collection.episodes, folds, fold, true);
    if (left_out.empty()) continue;
    absl::StatusOr<CollectionPrior> fitted = FitOne(Pick(collection.episodes, folds, fold, false));
    if (!fitted.ok()) return fitted.status();
    MixedPrior mixed;
    mixed.collections.push_back(*std::move(fitted));
    for (const LabelledText& episode : left_out) {
      tally.Add(episode, Apply(mixed, episode.episode).pi);
    }
  }
  return tally.Result();
}

absl::StatusOr<CollectionPrior> FitCollection(const LabelledCollection& collection) {
  CollectionPrior out;
  if (collection.episodes.size() >= kFewEpisodes) {
    absl::StatusOr<Validation> figures = CrossValidate(collection);
    if (!figures.ok()) return figures.status();
    if (figures->gain > figures->gain_error) {
      absl::StatusOr<CollectionPrior> fitted = FitOne(collection.episodes);
      if (!fitted.ok()) return fitted.status();
      out = *std::move(fitted);
    }
    out.by_question = *figures;
  }
  out.source = collection.source;
  out.episodes = static_cast<int>(collection.episodes.size());
  out.environment = collection.environment;
  return out;
}

// Of all collections but one (`without` < 0: of all), each weighing the same.
absl::StatusOr<TextPrior> FitGeneral(absl::Span<const LabelledCollection* const> collections,
                                     int without) {
  std::vector<LabelledText> episodes;
  const double used = static_cast<double>(collections.size()) - (without >= 0 ? 1 : 0);
  for (size_t k = 0; k < collections.size(); ++k) {
    if (static_cast<int>(k) == without) continue;
    const auto count = static_cast<double>(collections[k]->episodes.size());
    for (LabelledText episode : collections[k]->episodes) {
      episode.weight = 1 / (used * count);
      episodes.push_back(std::move(episode));
    }
  }
  return FitTextPrior(episodes, {.ridge = kGeneralRidge, .set = FeatureSet::kTransferable});
}

Validation Figures(const LabelledCollection& collection, const TextPrior& general, double share) {
  MixedPrior mixed;
  mixed.general = general;
  mixed.general_share = share;
  ValidationTally tally;
  for (const LabelledText& episode : collection.episodes) {
    tally.Add(episode, Apply(mixed, episode.episode).pi);
  }
  return tally.Result();
}

}  // namespace

std::vector<int> FoldsByQuestion(const std::vector<std::string>& questions, int folds) {
  std::map<std::string, int> fold_of;
  for (const std::string& question : questions) {
    fold_of.try_emplace(question, static_cast<int>(fold_of.size()) % folds);
  }
  std::vector<int> out;
  for (size_t i = 0; i < questions.size(); ++i) {
    out.push_back(fold_of.size() > 1 ? fold_of[questions[i]] : static_cast<int>(i) % folds);
  }
  return out;
}

absl::StatusOr<GeneralFit> FitGeneralPrior(absl::Span<const LabelledCollection> collections) {
  GeneralFit fit;
  fit.left_out.resize(collections.size());
  std::vector<const LabelledCollection*> used;
  std::vector<size_t> place;
  for (size_t k = 0; k < collections.size(); ++k) {
    if (collections[k].episodes.size() < kFewEpisodes) continue;
    used.push_back(&collections[k]);
    place.push_back(k);
  }
  if (used.size() < kFewCollections) return fit;
  std::vector<TextPrior> without;
  for (size_t k = 0; k < used.size(); ++k) {
    absl::StatusOr<TextPrior> general = FitGeneral(used, static_cast<int>(k));
    if (!general.ok()) return general.status();
    without.push_back(*std::move(general));
  }
  double best = 0;
  for (const double share : kShares) {
    double sum = 0;
    bool costs = false;
    for (size_t k = 0; k < used.size(); ++k) {
      const Validation figures = Figures(*used[k], without[k], share);
      sum += figures.gain;
      costs |= figures.gain < 0;
    }
    if (costs || sum <= best) continue;
    best = sum;
    fit.share = share;
  }
  if (fit.share == 0) return fit;
  for (size_t k = 0; k < used.size(); ++k) {
    fit.left_out[place[k]] = Figures(*used[k], without[k], fit.share);
  }
  absl::StatusOr<TextPrior> general = FitGeneral(used, -1);
  if (!general.ok()) return general.status();
  fit.prior = *std::move(general);
  return fit;
}

absl::StatusOr<MixedPrior> FitMixedPrior(absl::Span<const LabelledCollection> collections,
                                         const MixedPrior& shipped) {
  MixedPrior mixed;
  for (size_t k = 0; k < collections.size(); ++k) {
    absl::StatusOr<CollectionPrior> fitted = FitCollection(collections[k]);
    if (!fitted.ok()) {
      return absl::Status(fitted.status().code(),
                          absl::StrCat("collections[", k, "].", fitted.status().message()));
    }
    mixed.collections.push_back(*std::move(fitted));
  }
  absl::StatusOr<GeneralFit> general = FitGeneralPrior(collections);
  if (!general.ok()) return general.status();
  for (size_t k = 0; k < collections.size(); ++k) {
    mixed.collections[k].left_out = general->left_out[k];
  }
  const bool transfers = !general->prior.features.empty();
  mixed.general = transfers ? general->prior : shipped.general;
  mixed.general_share = transfers ? general->share : shipped.general_share;
  return mixed;
}

}  // namespace assay::blame
