// Converts what `assay fit` learned between the wire and the types of blame/.
#ifndef ASSAY_SERVER_WIRE_FITTED_PRIOR_H_
#define ASSAY_SERVER_WIRE_FITTED_PRIOR_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "assay/v1/options.pb.h"
#include "server/blame/judges.h"
#include "server/blame/posterior.h"
#include "server/blame/text/mixed_prior.h"

namespace assay::service {

struct FittedPrior {
  std::shared_ptr<const blame::MixedPrior> texts;  // null: texts say nothing
  blame::Parameters parameters;                    // defaults where nothing was fitted
  std::vector<blame::JudgeReliability> judges;
};

// Puts the fields that are set on top of `parameters`. INVALID_ARGUMENT with the field's path.
absl::Status ApplyModel(const v1::ErrorModel& model, blame::Parameters* parameters);
v1::ErrorModel ErrorModelToWire(const blame::Parameters& parameters);

// INVALID_ARGUMENT with the field's path.
absl::StatusOr<FittedPrior> FittedPriorFromWire(const v1::FittedPrior& wire);

// Each fills its part of `wire`, whose part is empty before. `episodes` is how many `parameters`
// were fitted on.
void TextsToWire(const blame::MixedPrior& texts, v1::FittedPrior* wire);
void ModelToWire(const blame::Parameters& parameters, int episodes, v1::FittedPrior* wire);
void JudgesToWire(const std::vector<blame::JudgeReliability>& judges, v1::FittedPrior* wire);

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_FITTED_PRIOR_H_
