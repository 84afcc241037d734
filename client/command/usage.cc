#include "client/command/usage.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace assay::command {
namespace {

struct Command {
  absl::string_view name;
  absl::string_view summary;
  absl::string_view help;
};

constexpr absl::string_view kServerFlags = R"(
Of the server:
  --server=HOST:PORT        default 127.0.0.1:50051; unix:PATH for a Unix socket
  --timeout=DURATION        how long to look for a server that is gone; default 30s
  --tls                     encrypt; --tls-roots=PEM: authorities that may have signed the server
  --tls-certificate=PEM --tls-key=PEM     our own certificate, for mutual TLS
  --token-file=FILE         a bearer token
)";

constexpr absl::string_view kInputFlags = R"(
Of the episodes:
  --input-format=episode    one Episode in JSON a line (default)
  --input-format=log        records of a multi-agent log; --labels=keep|drop: annotated first errors;
                            --context-agents=NAME,...: whose messages are context, such as tool:*
)";

constexpr Command kCommands[] = {
    {"signals", "episodes in, their training signals out",
     R"(assay signals [FLAGS] < episodes.jsonl > signals.jsonl

Sends episodes to a server and writes one EpisodeResult or GroupResult in JSON a line, in the order of
completion. Input may be gzip, in UTF-8, UTF-16 or UTF-32. Exit 0 only when every episode was answered
with signals; 2 where a line or the file cannot be read, which is told with its line; what can be is.

  --options=FILE.json       AttributionOptions; default: all defaults
  --format=json|table       table: for people
  --streams=N               streams to spread the episodes over; a group stays on one; default 1
  --grade=choice|number|exact   how answers are compared with the reference answer; mathematics: assay-rl
)"},
    {"verify", "compute signals again from their audit, without a server",
     R"(assay verify --episodes=FILE [FLAGS] < signals.jsonl

Computes signals again from their AUDIT_FULL records and the episodes that were sent. Exit 0 only when
all are right to the last bit; 2 where the input cannot be read.
)"},
    {"fit", "learn where errors tend to be, from labelled episodes",
     R"(assay fit --labels=FILE [FLAGS]

Learns a text prior from the episodes with an annotated first error, and the numbers of the model from
those with rollouts or process scores. The result is for the configuration of assayd, or for the options
(firstError.fitted).

  --options=FILE.json       AttributionOptions that the episodes are read with
  --output=prior.json       default: standard output
)"},
    {"info", "version, limits and evaluators of a server",
     R"(assay info [FLAGS]

Prints GetServerInfoResponse in JSON.
)"},
};

const Command* Find(absl::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

// Letters to insert, delete or replace (Levenshtein).
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::string Overview() {
  std::string text = "usage: assay COMMAND [FLAGS]\n\n";
  for (const Command& command : kCommands) {
    absl::StrAppendFormat(&text, "  %-9s %s\n", command.name, command.summary);
  }
  absl::StrAppend(&text, "\nassay help COMMAND tells its flags; assay --version the version.\n");
  return text;
}

std::string HelpOf(absl::string_view name) {
  const Command* const command = Find(name);
  if (command == nullptr) return "";
  std::string text(command->help);
  if (name == "signals" || name == "verify" || name == "fit") absl::StrAppend(&text, kInputFlags);
  if (name == "signals" || name == "info") absl::StrAppend(&text, kServerFlags);
  return text;
}

std::string ClosestCommand(absl::string_view word) {
  constexpr size_t kFar = 3;
  size_t nearest = kFar;
  std::string found;
  if (word.size() > 32) return found;
  for (const Command& command : kCommands) {
    const size_t distance = Distance(word, command.name);
    if (distance >= nearest) continue;
    nearest = distance;
    found = std::string(command.name);
  }
  return found;
}

}  // namespace assay::command
