#include "server/wire/fitted_prior.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/repeated_field.h"
#include "server/base/status_macros.h"

namespace assay::service {
namespace {

using Wire = google::protobuf::RepeatedField<double>;

// Rates and weights go together: other rates do not keep the weights of those before.
void ApplyGrid(const Wire& rates, const Wire& weights, std::vector<double>* to_rates,
               std::vector<double>* to_weights) {
  if (rates.empty() && weights.empty()) return;
  if (!rates.empty()) to_rates->assign(rates.begin(), rates.end());
  to_weights->assign(weights.begin(), weights.end());
}

absl::Status Under(absl::string_view prefix, const absl::Status& status) {
  return {status.code(), absl::StrCat(prefix, status.message())};
}

void Copy(const std::vector<double>& from, Wire* to) { to->Add(from.begin(), from.end()); }
std::vector<double> Numbers(const Wire& wire) { return {wire.begin(), wire.end()}; }

// Of a v1::TextPrior, or of the prior that holds everywhere: the fields have the same names.
template <class WirePrior>
blame::TextPrior TextPriorFromWire(const WirePrior& wire, blame::FeatureSet set) {
  blame::TextPrior text;
  text.features.assign(wire.features().begin(), wire.features().end());
  text.weights = Numbers(wire.weights());
  text.uniform = wire.uniform();
  text.episodes = wire.episodes();
  text.set = set;
  return text;
}

template <class WirePrior>
void TextPriorToWire(const blame::TextPrior& text, WirePrior* wire) {
  if (text.features.empty()) return;
  wire->mutable_features()->Add(text.features.begin(), text.features.end());
  Copy(text.weights, wire->mutable_weights());
  wire->set_uniform(text.uniform);
  wire->set_episodes(text.episodes);
}

bool SameMeasures(const v1::TextDomain& domain) {
  const std::vector<std::string>& own = blame::DomainMeasures();
  return std::equal(own.begin(), own.end(), domain.measures().begin(), domain.measures().end());
}

blame::Validation ValidationFromWire(const v1::PriorValidation& wire) {
  blame::Validation figures;
  figures.episodes = wire.episodes();
  figures.step_accuracy = wire.step_accuracy();
  figures.agent_accuracy = wire.agent_accuracy();
  figures.covered = wire.covered();
  figures.gain = wire.gain();
  figures.gain_error = wire.gain_error();
  figures.claims = wire.claims();
  figures.right_claims = wire.right_claims();
  return figures;
}

void ValidationToWire(const blame::Validation& figures, v1::PriorValidation* wire) {
  wire->set_episodes(figures.episodes);
  wire->set_step_accuracy(figures.step_accuracy);
  wire->set_agent_accuracy(figures.agent_accuracy);
  wire->set_covered(figures.covered);
  wire->set_gain(figures.gain);
  wire->set_gain_error(figures.gain_error);
  wire->set_claims(figures.claims);
  wire->set_right_claims(figures.right_claims);
}

blame::CollectionPrior CollectionFromWire(const v1::CollectionPrior& wire) {
  blame::CollectionPrior collection;
  collection.source = wire.source();
  collection.episodes = wire.episodes();
  collection.environment = wire.environment();
  collection.prior = TextPriorFromWire(wire.prior(), blame::FeatureSet::kCollection);
  if (wire.has_domain()) {
    const v1::TextDomain& from = wire.domain();
    collection.domain = {Numbers(from.mean()), Numbers(from.deviation()),
                         Numbers(from.covariance()), Numbers(from.distances())};
  }
  collection.by_question = ValidationFromWire(wire.by_question());
  collection.left_out = ValidationFromWire(wire.left_out());
  return collection;
}

void CollectionToWire(const blame::CollectionPrior& collection, v1::CollectionPrior* wire) {
  wire->set_source(collection.source);
  wire->set_episodes(collection.episodes);
  wire->set_environment(collection.environment);
  if (!collection.prior.features.empty()) {
    TextPriorToWire(collection.prior, wire->mutable_prior());
  }
  if (collection.domain.has_value()) {
    v1::TextDomain* domain = wire->mutable_domain();
    const std::vector<std::string>& measures = blame::DomainMeasures();
    domain->mutable_measures()->Add(measures.begin(), measures.end());
    Copy(collection.domain->mean, domain->mutable_mean());
    Copy(collection.domain->deviation, domain->mutable_deviation());
    Copy(collection.domain->covariance, domain->mutable_covariance());
    Copy(collection.domain->distances, domain->mutable_distances());
  }
  const auto figures = [](const blame::Validation& from, auto mutable_figures) {
    if (from.episodes > 0) ValidationToWire(from, mutable_figures());
  };
  figures(collection.by_question, [&] { return wire->mutable_by_question(); });
  figures(collection.left_out, [&] { return wire->mutable_left_out(); });
}

}  // namespace

absl::Status ApplyModel(const v1::ErrorModel& model, blame::Parameters* parameters) {
  if (model.has_start_high()) parameters->start_high = model.start_high();
  if (model.has_error_rate()) parameters->error_rate = model.error_rate();
  if (model.has_repair_rate()) parameters->repair_rate = model.repair_rate();
  if (model.has_context_error_rate()) parameters->context_error_rate = model.context_error_rate();
  if (model.has_context_repair_rate()) {
    parameters->context_repair_rate = model.context_repair_rate();
  }
  if (model.has_judge_correlation()) parameters->judge_correlation = model.judge_correlation();
  if (model.has_shared_level()) parameters->shared_level = model.shared_level();
  ApplyGrid(model.high_rates(), model.high_weights(), &parameters->high_rates,
            &parameters->high_weights);
  ApplyGrid(model.low_rates(), model.low_weights(), &parameters->low_rates,
            &parameters->low_weights);
  return blame::Validate(*parameters);
}

v1::ErrorModel ErrorModelToWire(const blame::Parameters& parameters) {
  v1::ErrorModel model;
  model.set_start_high(parameters.start_high);
  model.set_error_rate(parameters.error_rate);
  model.set_repair_rate(parameters.repair_rate);
  model.set_context_error_rate(parameters.context_error_rate);
  model.set_context_repair_rate(parameters.context_repair_rate);
  model.set_judge_correlation(parameters.judge_correlation);
  model.set_shared_level(parameters.shared_level);
  Copy(parameters.high_rates, model.mutable_high_rates());
  Copy(parameters.high_weights, model.mutable_high_weights());
  Copy(parameters.low_rates, model.mutable_low_rates());
  Copy(parameters.low_weights, model.mutable_low_weights());
  return model;
}

absl::StatusOr<FittedPrior> FittedPriorFromWire(const v1::FittedPrior& wire) {
  FittedPrior prior;
  blame::MixedPrior texts;
  texts.everywhere = TextPriorFromWire(wire, blame::FeatureSet::kCollection);
  for (const v1::CollectionPrior& from : wire.collections()) {
    texts.collections.push_back(CollectionFromWire(from));
    if (from.has_domain() && !SameMeasures(from.domain())) {
      return absl::InvalidArgumentError(
          absl::StrCat("collections[", texts.collections.size() - 1,
                       "].domain.measures: not those of this build; fit it again"));
    }
  }
  texts.general = TextPriorFromWire(wire.general(), blame::FeatureSet::kTransferable);
  texts.general_share = wire.general_share();
  ASSAY_RETURN_IF_ERROR(blame::Validate(texts));
  if (!texts.empty()) prior.texts = std::make_shared<blame::MixedPrior>(std::move(texts));
  for (const v1::JudgeReliability& judge : wire.judges()) {
    prior.judges.push_back({judge.judge(), judge.weight(), judge.base_rate(), judge.episodes()});
  }
  ASSAY_RETURN_IF_ERROR(blame::Validate(prior.judges));
  if (absl::Status valid = ApplyModel(wire.model(), &prior.parameters); !valid.ok()) {
    return Under("model.", valid);
  }
  if (wire.model_episodes() < 0) return absl::InvalidArgumentError("model_episodes: below 0");
  if (wire.has_propagated_share()) prior.parameters.propagated_share = wire.propagated_share();
  ASSAY_RETURN_IF_ERROR(blame::Validate(prior.parameters));
  return prior;
}

void TextsToWire(const blame::MixedPrior& texts, v1::FittedPrior* wire) {
  TextPriorToWire(texts.everywhere, wire);
  for (const blame::CollectionPrior& collection : texts.collections) {
    CollectionToWire(collection, wire->add_collections());
  }
  if (texts.general.features.empty()) return;
  TextPriorToWire(texts.general, wire->mutable_general());
  wire->set_general_share(texts.general_share);
}

void ModelToWire(const blame::Parameters& parameters, int episodes, v1::FittedPrior* wire) {
  *wire->mutable_model() = ErrorModelToWire(parameters);
  wire->set_propagated_share(parameters.propagated_share);
  wire->set_model_episodes(episodes);
}

void JudgesToWire(const std::vector<blame::JudgeReliability>& judges, v1::FittedPrior* wire) {
  for (const blame::JudgeReliability& judge : judges) {
    v1::JudgeReliability* added = wire->add_judges();
    added->set_judge(judge.judge);
    added->set_weight(judge.weight);
    added->set_base_rate(judge.base_rate);
    added->set_episodes(judge.episodes);
  }
}

}  // namespace assay::service
