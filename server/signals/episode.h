// One finished episode as the mathematics sees it: proto/signals.md#objects.
#ifndef ASSAY_SERVER_SIGNALS_EPISODE_H_
#define ASSAY_SERVER_SIGNALS_EPISODE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/blame/evidence.h"
#include "server/blame/pairs/pairs.h"

namespace assay::signals {

inline constexpr int kContext = -1;

using AnswerGrade = blame::Grade;

struct JudgeScore {
  absl::string_view judge;
  double score = 0;  // [-1, 1]
};

// The message m_t of proto/signals.md. Node t is the state of the episode before message t.
struct Message {
  int agent = kContext;       // index into Episode::agents, or kContext
  absl::string_view speaker;  // of context: the agent, no model, that said it; empty: nobody known
  bool is_output = false;     // of context: a tool said it
  int round = 0;              // 0: unknown
  absl::string_view content;
  std::optional<absl::string_view> answer;
  std::optional<double> process_score;      // q_t in [-1, 1]
  std::optional<double> prefix_value;       // V_t, in the value range
  std::optional<blame::Rollouts> rollouts;  // at node t
  std::optional<double> redundancy;         // rho_t in [0, 1]
  std::optional<int> repairs;               // index of an earlier message
  bool first_error = false;                 // annotation
  int token_count = 0;
  std::vector<blame::Alternative> alternatives;
  std::vector<JudgeScore> judge_scores;
};

struct Agent {
  absl::string_view id;
  absl::string_view role;
  absl::string_view policy;  // never empty: the id where the client gave none
};

// Valid by construction (wire/validate): indices in range, numbers finite and in their ranges.
// Every view and `table` points into storage that must outlive the Episode.
struct Episode {
  absl::string_view id;
  absl::string_view prompt;
  absl::string_view reference_answer;
  std::vector<Agent> agents;
  std::vector<Message> messages;
  std::optional<double> score;  // y; unset: v(N) as the evaluator gives it
  bool truncated = false;
  absl::Span<const double> table;  // 2^n values, or empty
};

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_EPISODE_H_
