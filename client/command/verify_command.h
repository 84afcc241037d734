// assay verify: signals on stdin, computed again from their records and the episodes.
#ifndef ASSAY_CLIENT_COMMAND_VERIFY_COMMAND_H_
#define ASSAY_CLIENT_COMMAND_VERIFY_COMMAND_H_

#include <cstdio>

#include "client/command/episode_input.h"

namespace assay::command {

// Reads the episodes from `episodes` and the lines of `assay signals` from `input`, all with
// AUDIT_FULL. Writes one line to `output` for each result that cannot be computed again to the last
// bit, with the reason. No server is asked. Returns the exit code: 0 only when there was a result
// and every one with signals is right; episodes that were answered with an error are counted and
// passed over.
int RunVerify(int episodes, const EpisodeFormat& format, int input, FILE* output);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_VERIFY_COMMAND_H_
