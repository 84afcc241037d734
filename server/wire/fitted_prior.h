// Converts what `assay fit` learned between the wire and the types of blame/.
#ifndef ASSAY_SERVER_WIRE_FITTED_PRIOR_H_
#define ASSAY_SERVER_WIRE_FITTED_PRIOR_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "assay/v1/options.pb.h"
#include "server/blame/posterior.h"
#include "server/blame/text/text_prior.h"

namespace assay::service {

struct FittedPrior {
  std::shared_ptr<const blame::TextPrior> text;  // null: texts say nothing
  blame::Parameters parameters;                  // defaults where nothing was fitted
};

// Puts the fields that are set on top of `parameters`. INVALID_ARGUMENT with the field's path.
absl::Status ApplyModel(const v1::ErrorModel& model, blame::Parameters* parameters);
v1::ErrorModel ErrorModelToWire(const blame::Parameters& parameters);

// INVALID_ARGUMENT with the field's path.
absl::StatusOr<FittedPrior> FittedPriorFromWire(const v1::FittedPrior& wire);

// Either may be null; `model_episodes` is how many `parameters` were fitted on.
v1::FittedPrior FittedPriorToWire(const blame::TextPrior* text, const blame::Parameters* parameters,
                                  int model_episodes);

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_FITTED_PRIOR_H_
