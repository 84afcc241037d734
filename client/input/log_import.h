// Episodes from the logs of multi-agent experiments.
#ifndef ASSAY_CLIENT_INPUT_LOG_IMPORT_H_
#define ASSAY_CLIENT_INPUT_LOG_IMPORT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "assay/v1/episode.pb.h"

namespace assay::command {

// What the caller says of episodes beside their files.
struct LogImportOptions {
  // label.first_error_index becomes the annotation of that message; annotations stay.
  bool keep_labels = true;
  // Names whose messages are context (tools, a simulated user); NAME* stands for every name that
  // begins so.
  std::vector<std::string> context_agents;
  // Whoever is context keeps its name, as an agent whose kind its name says (KindOfName); of one
  // that context_agents names and whose name says nothing it is that of a framework. Its messages
  // stay context.
  bool kinds = false;
};

// Where an episode names no agents they are its authors, as they first appear.
void NameAgents(v1::Episode* episode);

// The same choices for an episode that says itself who its agents are (NameAgents comes first). A
// kind that it states stays.
void ApplyChoices(const LogImportOptions& options, v1::Episode* episode);

// One record, a JSON object, in which every text may be a number instead
// (tests/data/log_records.jsonl holds this reader and the Python client's,
// assay_rl.convert.records, to the same):
//   id                                  text
//   task                                text: the prompt
//   reference_answer or ground_truth    text, optional; ground_truth where the other is missing
//   outcome                             number or boolean: the score, optional
//   agents                              names, optional: else the authors, as they first appear
//   messages[]                          {agent, content, round?, answer?}; answer null: none
//   label.first_error_index             optional
// All else is passed over. INVALID_ARGUMENT with the field path: not such a record.
absl::StatusOr<v1::Episode> ImportLogRecord(const std::string& json,
                                            const LogImportOptions& options);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_INPUT_LOG_IMPORT_H_
