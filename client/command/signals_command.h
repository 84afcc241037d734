// assay signals: episodes in, their signals out.
#ifndef ASSAY_CLIENT_COMMAND_SIGNALS_COMMAND_H_
#define ASSAY_CLIENT_COMMAND_SIGNALS_COMMAND_H_

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "assay/client.h"
#include "assay/v1/options.pb.h"
#include "client/input/episode_input.h"

namespace assay::command {

enum class OutputFormat : uint8_t { kJson, kTable };

struct SignalsFlags {
  v1::AttributionOptions options;
  EpisodeFormat input;
  OutputFormat output = OutputFormat::kJson;
  int streams = 1;              // >= 1; the episodes of a group share one
  std::string summary;          // a file about the step, none where it is empty
  std::optional<int64_t> step;  // of the summary; else the number in its name
  absl::Duration reconnect_timeout = absl::Seconds(30);
};

// Reads the episodes of the files `inputs` and writes one EpisodeResult or GroupResult a line to
// `output`, each as soon as it is there. A record that is no episode, and an episode that a lost
// server leaves unanswered, gets an EpisodeResult with an error. Returns the exit code: 0 every
// episode was answered with signals, 1 not every one, 2 a record or the rest of a file cannot be
// read. A summary is written where the files could be read to their end.
int RunSignals(client::SignalClient* client, const SignalsFlags& flags,
               const std::vector<std::string>& inputs, FILE* output);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_SIGNALS_COMMAND_H_
