// What is asked about an episode, and what is answered (proto/signals.md#questions).
#ifndef ASSAY_SERVER_PLAN_QUESTION_H_
#define ASSAY_SERVER_PLAN_QUESTION_H_

#include <cstdint>

#include "absl/status/status.h"
#include "server/plan/coalition.h"

namespace assay {

// What is changed about the episode before it is evaluated.
enum class QuestionKind : uint8_t {
  kCoalition,      // only the agents in `players` take part
  kMessages,       // only the agents' messages in `players` are kept; context always is
  kPrefix,         // the first `index` messages are kept; the team plays on from there
  kCorrection,     // a correct message takes the place of `index`; the team plays on from there
  kMessageScores,  // nothing: the answer is a process score for every message and not a value
  kTeam,           // of a group: each agent's messages are taken from an episode of their own
  // Whole tables of values in one answer, which only evaluators inside the server give.
  kAllCoalitions,  // all 2^n coalitions, in the order of their masks
  kOwenSets,       // all sets of messages that exact Owen values need, as credit::ForEachOwenSet
  kAllTeams,  // of a group: what each agent's messages of each episode are worth in all its teams
};

constexpr uint32_t Bit(QuestionKind kind) { return 1u << static_cast<int>(kind); }

// Whether the answer is a whole table of values.
constexpr bool IsTable(QuestionKind kind) {
  return kind == QuestionKind::kAllCoalitions || kind == QuestionKind::kOwenSets ||
         kind == QuestionKind::kAllTeams;
}

// Whether the team plays on: something that can fail without saying anything of the team.
constexpr bool IsRollout(QuestionKind kind) {
  return kind == QuestionKind::kPrefix || kind == QuestionKind::kCorrection;
}

// A rollout that failed so often in a row at one place is asked for no more. Of environments that
// fail three times in ten one in 1,400 is given up.
inline constexpr int kMaxRolloutFailures = 6;

struct Question {
  QuestionKind kind = QuestionKind::kCoalition;
  int32_t samples = 1;  // independent evaluations to average, >= 1
  int32_t index = 0;    // kPrefix: length in [0, T]; kCorrection: index of the message
  // kCoalition: the agents who take part. kMessages: the agents' messages that are kept, by their
  // ordinal among the agents' messages of the episode (the first one is 0), of which there are then
  // at most 256.
  PlayerSet players = {};

  // `players` of a kCoalition question; bit i stands for agent i.
  Coalition coalition() const { return players.mask(); }
};

struct Answer {
  double mean = 0;      // in the value range
  int32_t samples = 1;  // independent evaluations behind the mean
  double variance = 0;  // unbiased, of one evaluation; 0 where the value is exact
  // Why there is no value, and the numbers above say nothing: only of a rollout, where the failure
  // may pass.
  absl::Status error = absl::OkStatus();
};

}  // namespace assay

#endif  // ASSAY_SERVER_PLAN_QUESTION_H_
