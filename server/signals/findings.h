// What an episode, its credit and the answers say about its messages, gathered for blame/ and for
// the rewards of successes.
#ifndef ASSAY_SERVER_SIGNALS_FINDINGS_H_
#define ASSAY_SERVER_SIGNALS_FINDINGS_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/blame/posterior.h"
#include "server/blame/text/text_reader.h"
#include "server/signals/episode.h"
#include "server/signals/options.h"
#include "server/signals/rewards/evidence_kinds.h"

namespace assay::signals {

// Answers about single messages and nodes, as far as they were asked for.
struct Findings {
  std::vector<double> scores;                      // T or empty; NaN: no opinion
  std::vector<std::optional<double>> node_values;  // T + 1 or empty: prefix questions, means
  std::vector<blame::Rollouts> node_samples;   // T + 1 or empty: what is behind noisy node_values
  std::vector<blame::Rollouts> node_rollouts;  // T + 1 or empty: prefix questions of the search
  std::vector<blame::Correction> corrections;
  std::vector<double> owen;  // T or empty
};

// Whether anything locates an error in a success: an annotation, rollouts, or a `repairs` mark.
bool LocatesErrors(const Episode& episode, const Findings& findings);

// The evidence of the posterior, without grades and message credit. `credit` (one Shapley value an
// agent, or empty) shapes the prior.
blame::Evidence BlameEvidence(const Episode& episode, const Options& options,
                              const Findings& findings, double score,
                              const std::vector<double>& credit);

// The episode as readers of texts see it: views into what the episode points to.
blame::TextEpisode TextOf(const Episode& episode);

// The options in the terms of blame/.
blame::PosteriorOptions BlamePosteriorOptions(const Options& options);
blame::PairOptions BlamePairOptions(const Options& options);

// Rollouts at nodes 0..T: what the search found, else what the episode gives; a bare prefix value
// counts as some. Empty: none.
std::vector<blame::Rollouts> NodeRollouts(const Episode& episode, const Options& options,
                                          const Findings& findings);

// V_0..V_T as the episode and the findings give them; V_T is the score.
std::vector<std::optional<double>> NodeValues(const Episode& episode, const Options& options,
                                              const Findings& findings, double score);

// Everything in MessageFacts but the labels. A message's score is its process score, or the mean of
// its judges' scores, or else what the scorer found.
MessageFacts GatherMessageFacts(const Episode& episode, const Options& options,
                                const Findings& findings, double score);

// Whether every agents' message was written before its author could read another agent's: all stand
// in one round that is known, or have one author.
bool WroteInParallel(const Episode& episode);

// FAILED_PRECONDITION (field message_rewards.evidence): what was asked for is not there.
absl::Status MissingEvidence(absl::string_view what);

// Indices of the agents' messages, ascending.
std::vector<int> AgentsMessages(const Episode& episode);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_FINDINGS_H_
