// What the name of an author says about its bearer.
#ifndef ASSAY_CLIENT_INPUT_AGENT_KINDS_H_
#define ASSAY_CLIENT_INPUT_AGENT_KINDS_H_

#include "absl/strings/string_view.h"
#include "assay/v1/episode.pb.h"

namespace assay::command {

// The kind of whoever is called so, by the names that frameworks and benchmarks use for people,
// simulated users, tools and themselves; UNSPECIFIED, which is a model, where the name is none of
// these. assay_rl.convert.roles knows the same names (tests/data/log_records.jsonl holds both to
// it).
v1::AgentKind KindOfName(absl::string_view name);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_INPUT_AGENT_KINDS_H_
