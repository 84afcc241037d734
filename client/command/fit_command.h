// assay fit: what episodes teach about first errors, for the server's configuration or the options.
#ifndef ASSAY_CLIENT_COMMAND_FIT_COMMAND_H_
#define ASSAY_CLIENT_COMMAND_FIT_COMMAND_H_

#include <cstdio>
#include <vector>

#include "absl/types/span.h"
#include "assay/v1/options.pb.h"
#include "client/command/lessons.h"
#include "client/input/episode_input.h"

namespace assay::command {

// Reads the episodes of the collections and writes a v1::FittedPrior in JSON to `output`: a text
// prior of each collection with an annotated first error, what transfers between them, what judges
// are worth, and the model of the chain from episodes with rollouts, prefix values or process
// scores, labelled or not. `options` says how episodes are to be read (value range, threshold, base
// rate) and where the fit of the model starts. Figures of the cross-validations go to stderr. The
// same episodes give the same bytes. Returns the exit code: 0 written, 1 nothing was learned (what
// does not beat uniform shares is not called fitted) or it could not be written, 2 the options or
// an episode cannot be read.
int RunFit(absl::Span<const Collection> collections, const EpisodeFormat& format,
           const v1::AttributionOptions& options, FILE* output);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_FIT_COMMAND_H_
