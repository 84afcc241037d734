#include "server/wire/fitted_prior.h"

#include <utility>
#include <vector>

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
  const auto copy = [](const std::vector<double>& from, Wire* to) {
    to->Add(from.begin(), from.end());
  };
  copy(parameters.high_rates, model.mutable_high_rates());
  copy(parameters.high_weights, model.mutable_high_weights());
  copy(parameters.low_rates, model.mutable_low_rates());
  copy(parameters.low_weights, model.mutable_low_weights());
  return model;
}

absl::StatusOr<FittedPrior> FittedPriorFromWire(const v1::FittedPrior& wire) {
  FittedPrior prior;
  blame::TextPrior text;
  text.features.assign(wire.features().begin(), wire.features().end());
  text.weights.assign(wire.weights().begin(), wire.weights().end());
  text.uniform = wire.uniform();
  text.episodes = wire.episodes();
  ASSAY_RETURN_IF_ERROR(blame::Validate(text));
  if (!text.features.empty()) prior.text = std::make_shared<blame::TextPrior>(std::move(text));
  if (absl::Status valid = ApplyModel(wire.model(), &prior.parameters); !valid.ok()) {
    return Under("model.", valid);
  }
  if (wire.has_propagated_share()) prior.parameters.propagated_share = wire.propagated_share();
  ASSAY_RETURN_IF_ERROR(blame::Validate(prior.parameters));
  return prior;
}

v1::FittedPrior FittedPriorToWire(const blame::TextPrior* text, const blame::Parameters* parameters,
                                  int model_episodes) {
  v1::FittedPrior wire;
  if (text != nullptr) {
    wire.mutable_features()->Add(text->features.begin(), text->features.end());
    wire.mutable_weights()->Add(text->weights.begin(), text->weights.end());
    wire.set_uniform(text->uniform);
    wire.set_episodes(text->episodes);
  }
  if (parameters != nullptr) {
    *wire.mutable_model() = ErrorModelToWire(*parameters);
    wire.set_propagated_share(parameters->propagated_share);
    wire.set_model_episodes(model_episodes);
  }
  return wire;
}

}  // namespace assay::service
