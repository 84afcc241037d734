// assay signals: episodes on stdin, their signals on stdout.
#ifndef ASSAY_CLIENT_COMMAND_SIGNALS_COMMAND_H_
#define ASSAY_CLIENT_COMMAND_SIGNALS_COMMAND_H_

#include <cstdint>
#include <cstdio>
#include <string>

#include "assay/client.h"
#include "assay/v1/options.pb.h"
#include "client/command/episode_input.h"

namespace assay::command {

enum class OutputFormat : uint8_t { kJson, kTable };

struct SignalsFlags {
  v1::AttributionOptions options;
  EpisodeFormat input;
  OutputFormat output = OutputFormat::kJson;
  int streams = 1;  // >= 1; the episodes of a group share one
  absl::Duration reconnect_timeout = absl::Seconds(30);
};

// Reads JSON lines from `input` (plain or gzip, in any encoding of Unicode) and writes one
// EpisodeResult or GroupResult a line to `output`, each as soon as it is there. A line that is no
// episode gets an EpisodeResult with an error, and the rest is read. Returns the exit code: 0 only
// when every episode was answered with signals, kUnreadableInput where something was no episode.
int RunSignals(client::SignalClient* client, const SignalsFlags& flags, int input, FILE* output);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_SIGNALS_COMMAND_H_
