#include "server/blame/text/mixed_prior.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"

namespace assay::blame {
namespace {

// One in ten of a collection's own episodes is less familiar. Below, the weight falls so fast that
// foreign episodes lose nothing that could be measured, and is still enough to order messages that
// nothing else tells apart.
constexpr double kUnusual = 0.1;
constexpr double kForeign = 2e-4;  // the sixth power is lost in rounding
constexpr double kClaim = 0.5;
constexpr double kCredible = 0.8;

absl::Status Under(absl::string_view path, const absl::Status& status) {
  return {status.code(), absl::StrCat(path, ".", status.message())};
}

absl::Status Validate(const Validation& figures) {
  const auto share = [](double x) { return x >= 0 && x <= 1; };
  if (figures.episodes < 0 || !share(figures.step_accuracy) || !share(figures.agent_accuracy) ||
      !share(figures.covered) || !std::isfinite(figures.gain) || !(figures.gain_error >= 0) ||
      !std::isfinite(figures.gain_error) || figures.right_claims < 0 ||
      figures.right_claims > figures.claims) {
    return absl::InvalidArgumentError("no figures of a validation");
  }
  return absl::OkStatus();
}

absl::Status Validate(const CollectionPrior& collection) {
  if (collection.source.empty() || collection.source.size() > kMaxSourceBytes) {
    return absl::InvalidArgumentError(absl::StrCat("source: not 1 to ", kMaxSourceBytes, " bytes"));
  }
  if (collection.episodes < 0) return absl::InvalidArgumentError("episodes: below 0");
  if (collection.environment < 0) return absl::InvalidArgumentError("environment: below 0");
  if (absl::Status valid = Validate(collection.prior); !valid.ok()) return Under("prior", valid);
  if (collection.prior.set != FeatureSet::kCollection) {
    return absl::InvalidArgumentError("prior.features: those of a collection");
  }
  for (const auto& [field, figures] : {std::pair{"by_question", &collection.by_question},
                                       std::pair{"left_out", &collection.left_out}}) {
    if (absl::Status valid = Validate(*figures); !valid.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(field, ": ", valid.message()));
    }
  }
  if (!collection.prior.features.empty() && !collection.domain.has_value()) {
    return absl::InvalidArgumentError("domain: missing");
  }
  return collection.domain.has_value() ? Validate(*collection.domain) : absl::OkStatus();
}

// The collection in which an episode is most familiar.
void FindHome(const MixedPrior& prior, const TextEpisode& episode, AppliedPrior& out) {
  std::vector<double> description;
  for (size_t k = 0; k < prior.collections.size(); ++k) {
    const CollectionPrior& collection = prior.collections[k];
    if (collection.prior.features.empty()) continue;
    if (description.empty()) description = DescribeEpisode(episode);
    const double familiarity = Familiarity(*collection.domain, description);
    if (out.collection >= 0 && familiarity <= out.familiarity) continue;
    out.collection = static_cast<int>(k);
    out.familiarity = familiarity;
  }
}

void AddScaled(const std::vector<double>& values, double scale, std::vector<double>& sum) {
  for (size_t t = 0; t < sum.size(); ++t) sum[t] += scale * values[t];
}

}  // namespace

bool MixedPrior::empty() const {
  const bool transfers = !general.features.empty() && general_share > 0;
  return !transfers && everywhere.features.empty() &&
         std::all_of(collections.begin(), collections.end(),
                     [](const auto& c) { return c.prior.features.empty(); });
}

absl::Status Validate(const MixedPrior& prior) {
  if (absl::Status valid = Validate(prior.everywhere); !valid.ok()) return valid;
  if (!prior.everywhere.features.empty() &&
      (!prior.collections.empty() || !prior.general.features.empty())) {
    return absl::InvalidArgumentError("features: beside collections or a general prior");
  }
  if (prior.collections.size() > kMaxCollections) {
    return absl::InvalidArgumentError(absl::StrCat("collections: more than ", kMaxCollections));
  }
  for (size_t k = 0; k < prior.collections.size(); ++k) {
    if (absl::Status valid = Validate(prior.collections[k]); !valid.ok()) {
      return Under(absl::StrCat("collections[", k, "]"), valid);
    }
  }
  if (absl::Status valid = Validate(prior.general); !valid.ok()) return Under("general", valid);
  if (!prior.general.features.empty() && prior.general.set != FeatureSet::kTransferable) {
    return absl::InvalidArgumentError("general.features: those that transfer");
  }
  if (!(prior.general_share >= 0 && prior.general_share <= 1)) {
    return absl::InvalidArgumentError("general_share: not in [0, 1]");
  }
  return absl::OkStatus();
}

double FittedShare(double familiarity) {
  if (familiarity < kForeign) return 0;
  const double relative = std::fmin(1.0, familiarity / kUnusual);
  const double cube = relative * relative * relative;
  return cube * cube;
}

AppliedPrior Apply(const MixedPrior& prior, const TextEpisode& episode) {
  AppliedPrior out;
  if (!prior.everywhere.features.empty()) {
    out.fitted = out.pi = ApplyTextPrior(prior.everywhere, episode);
    out.rest.assign(out.pi.size(), 0.0);
    out.fitted_share = 1;
    out.used = PriorUsed::kStated;
    return out;
  }
  FindHome(prior, episode, out);
  if (out.collection >= 0) out.fitted_share = FittedShare(out.familiarity);
  if (!prior.general.features.empty()) {
    out.general_share = (1 - out.fitted_share) * prior.general_share;
  }
  // A prior without features is uniform.
  out.rest = ApplyTextPrior({}, episode);
  for (double& share : out.rest) share *= 1 - out.fitted_share - out.general_share;
  if (out.general_share > 0) {
    AddScaled(ApplyTextPrior(prior.general, episode), out.general_share, out.rest);
  }
  out.pi = out.rest;
  if (out.fitted_share > 0) {
    out.fitted = ApplyTextPrior(prior.collections[out.collection].prior, episode);
    AddScaled(out.fitted, out.fitted_share, out.pi);
  }
  out.used = out.fitted_share >= 0.5 ? PriorUsed::kFitted
             : !prior.general.features.empty() && prior.general_share >= kLeastShare
                 ? PriorUsed::kGeneral
                 : PriorUsed::kFlat;
  return out;
}

void ValidationTally::Add(const LabelledText& episode, const std::vector<double>& pi) {
  const auto& messages = episode.episode.messages;
  const int label = episode.first_error;
  std::map<absl::string_view, double> mass;
  double candidates = 0;
  for (size_t t = 0; t < pi.size(); ++t) {
    if (messages[t].is_context) continue;
    mass[messages[t].agent] += pi[t];
    ++candidates;
  }
  std::vector<int> order(pi.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return pi[a] > pi[b]; });
  const auto agent = std::max_element(
      mass.begin(), mass.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const bool right = order.front() == label;
  ++counts_.episodes;
  step_ += right;
  agent_ += agent->first == messages[label].agent;
  if (pi[order.front()] >= kClaim) {
    ++counts_.claims;
    counts_.right_claims += right;
  }
  double held = 0;
  for (const int t : order) {
    if (held >= kCredible - 1e-9) break;
    held += pi[t];
    covered_ += t == label;
  }
  const double gain = std::log(pi[label] * candidates);
  sum_ += gain;
  squares_ += gain * gain;
}

Validation ValidationTally::Result() const {
  Validation out = counts_;
  if (out.episodes == 0) return out;
  const double n = out.episodes;
  out.step_accuracy = step_ / n;
  out.agent_accuracy = agent_ / n;
  out.covered = covered_ / n;
  out.gain = sum_ / n;
  out.gain_error = std::sqrt(std::fmax(0.0, squares_ / n - out.gain * out.gain) / n);
  return out;
}

}  // namespace assay::blame
