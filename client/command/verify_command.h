// assay verify: signals, computed again from their records and the episodes.
#ifndef ASSAY_CLIENT_COMMAND_VERIFY_COMMAND_H_
#define ASSAY_CLIENT_COMMAND_VERIFY_COMMAND_H_

#include <cstdio>
#include <string>
#include <vector>

#include "client/input/episode_input.h"

namespace assay::command {

// Reads the episodes of the files `episodes`, and of the files `results` the lines of `assay
// signals`, all with AUDIT_FULL. Writes one line to `output` for each result that cannot be
// computed again to the last bit, with the reason, and for each episode without a result; how many
// there were goes to stderr, unless `quiet` and all is right. No server is asked. Returns the exit
// code: 0 there was a result and every one with signals is right, 1 something is wrong, 2 a file
// cannot be read. Episodes that were answered with an error are counted and passed over.
int RunVerify(const std::vector<std::string>& episodes, const EpisodeFormat& format,
              const std::vector<std::string>& results, bool quiet, FILE* output);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_VERIFY_COMMAND_H_
