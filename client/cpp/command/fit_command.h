// assay fit: a text prior for the first error, from a handful of labelled episodes.
#ifndef ASSAY_CLIENT_CPP_COMMAND_FIT_COMMAND_H_
#define ASSAY_CLIENT_CPP_COMMAND_FIT_COMMAND_H_

#include <cstdio>
#include <string>

#include "client/cpp/command/episode_input.h"
#include "server/blame/text_prior.h"

namespace assay::command {

// {"features": [...], "weights": [...], "uniform": u, "episodes": n}: what the configuration of
// assayd reads as a prior. The same prior gives the same bytes.
std::string PriorToJson(const blame::TextPrior& prior);

// Reads the episodes from `labels`, fits a prior on those with an annotated first error and writes
// it to `output`. How many had one goes to stderr. Returns the exit code: 0 only when a prior was
// written.
int RunFit(int labels, const EpisodeFormat& format, FILE* output);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_CPP_COMMAND_FIT_COMMAND_H_
