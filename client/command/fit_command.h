// assay fit: what episodes teach about first errors, for the server's configuration or the options.
#ifndef ASSAY_CLIENT_COMMAND_FIT_COMMAND_H_
#define ASSAY_CLIENT_COMMAND_FIT_COMMAND_H_

#include <cstdio>
#include <string>

#include "assay/v1/options.pb.h"
#include "client/input/episode_input.h"

namespace assay::command {

// Reads the episodes of the file `labels` and writes a v1::FittedPrior in JSON to `output`: a text
// prior from those with an annotated first error, and the model of the chain from those with
// rollouts, prefix values or process scores, labelled or not. `options` says how they are to be
// read (value range, threshold, base rate) and where the fit of the model starts. How many of which
// there were goes to stderr. The same episodes give the same bytes. Returns the exit code: 0
// written, 1 there was nothing to fit or it could not be written, 2 the options or an episode
// cannot be read.
int RunFit(const std::string& labels, const EpisodeFormat& format,
           const v1::AttributionOptions& options, FILE* output);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_FIT_COMMAND_H_
