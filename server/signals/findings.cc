#include "server/signals/findings.h"

#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "server/blame/judges.h"
#include "server/blame/labels.h"
#include "server/blame/stated_prior.h"
#include "server/blame/text/mixed_prior.h"
#include "server/signals/redundancy.h"

namespace assay::signals {
namespace {

// What judges say of the agents' messages, those left out whose word is worth nothing.
std::vector<blame::Score> Scores(const Episode& episode, const Options& options,
                                 const std::vector<double>& found) {
  std::vector<blame::Score> scores;
  for (size_t t = 0; t < episode.messages.size(); ++t) {
    const Message& m = episode.messages[t];
    if (m.agent == kContext) continue;
    const auto add = [&](absl::string_view judge, double score) {
      blame::AddScore(options.first_error.judges, judge, static_cast<int>(t), score, scores);
    };
    if (m.process_score.has_value()) add("", *m.process_score);
    for (const JudgeScore& judge : m.judge_scores) add(judge.judge, judge.score);
    if (!found.empty() && !std::isnan(found[t])) {
      scores.push_back({.message = static_cast<int>(t), .value = found[t]});
    }
  }
  return scores;
}

// The prior of what texts say.
void ReadTexts(const Episode& episode, const FirstErrorOptions& options,
               blame::Evidence& evidence) {
  const blame::AppliedPrior applied = blame::Apply(*options.prior, TextOf(episode));
  evidence.prior = blame::BlendedPrior(evidence, applied.fitted, applied.fitted_share, applied.rest,
                                       options.parameters, options.definition);
  evidence.prior_used = applied.used;
  evidence.prior_collection = applied.collection;
  evidence.prior_weight = applied.fitted_share;
}

std::optional<double> GivenNodeValue(const Message& m, const ValueRange& range) {
  if (m.prefix_value.has_value()) return m.prefix_value;
  if (m.rollouts.has_value() && m.rollouts->trials > 0) {
    return range.low + range.size() * m.rollouts->successes / m.rollouts->trials;
  }
  return std::nullopt;
}

}  // namespace

blame::TextEpisode TextOf(const Episode& episode) {
  blame::TextEpisode text;
  text.task = episode.prompt;
  text.messages.reserve(episode.messages.size());
  for (const Message& m : episode.messages) {
    const bool context = m.agent == kContext;
    text.messages.push_back({context ? m.speaker : episode.agents[m.agent].id, m.content, context,
                             m.is_output, m.round});
  }
  return text;
}

std::vector<blame::Rollouts> NodeRollouts(const Episode& episode, const Options& options,
                                          const Findings& findings) {
  if (!findings.node_rollouts.empty()) return findings.node_rollouts;
  const size_t count = episode.messages.size();
  std::vector<blame::Rollouts> nodes;
  for (size_t t = 0; t < count; ++t) {
    const Message& m = episode.messages[t];
    // No trials say nothing: they do not silence a value either.
    const bool rolled_out = m.rollouts.has_value() && m.rollouts->trials > 0;
    if (!rolled_out && !m.prefix_value.has_value()) continue;
    if (nodes.empty()) nodes.resize(count + 1);
    blame::Rollouts given;
    if (rolled_out) {
      given = *m.rollouts;
    } else {
      given = blame::FromPrefixValue(*m.prefix_value, options.range.low, options.range.high);
    }
    nodes[t].successes += given.successes;
    nodes[t].trials += given.trials;
  }
  return nodes;
}

bool WroteInParallel(const Episode& episode) {
  const Message* first = nullptr;
  bool one_author = true;
  bool one_round = true;
  for (const Message& m : episode.messages) {
    if (m.agent == kContext) continue;
    if (first == nullptr) first = &m;
    one_author &= m.agent == first->agent;
    one_round &= m.round == first->round && m.round > 0;
  }
  return one_author || one_round;
}

absl::Status MissingEvidence(absl::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat("message_rewards.evidence: the episode has no ", what));
}

std::vector<int> AgentsMessages(const Episode& episode) {
  std::vector<int> indices;
  indices.reserve(episode.messages.size());
  for (size_t t = 0; t < episode.messages.size(); ++t) {
    if (episode.messages[t].agent != kContext) indices.push_back(static_cast<int>(t));
  }
  return indices;
}

bool LocatesErrors(const Episode& episode, const Findings& findings) {
  if (!findings.node_rollouts.empty() || !findings.corrections.empty()) return true;
  for (const Message& m : episode.messages) {
    if (m.first_error || m.repairs.has_value() || m.prefix_value.has_value()) return true;
    if (m.rollouts.has_value() && m.rollouts->trials > 0) return true;
  }
  return false;
}

blame::Evidence BlameEvidence(const Episode& episode, const Options& options,
                              const Findings& findings, double score,
                              const std::vector<double>& credit) {
  blame::Evidence evidence;
  evidence.agents = static_cast<int>(episode.agents.size());
  evidence.low = options.range.low;
  evidence.high = options.range.high;
  evidence.score = score;
  if (score >= options.success_threshold) {
    evidence.outcome = blame::Outcome::kSuccess;
  } else {
    evidence.outcome = episode.truncated ? blame::Outcome::kOpen : blame::Outcome::kFailure;
  }
  evidence.authors.reserve(episode.messages.size());
  for (size_t t = 0; t < episode.messages.size(); ++t) {
    const Message& m = episode.messages[t];
    const int index = static_cast<int>(t);
    evidence.authors.push_back(m.agent == kContext ? blame::kNobody : m.agent);
    if (m.first_error) evidence.annotations.push_back(index);
    if (m.repairs.has_value()) evidence.repairs.push_back({index, *m.repairs});
  }
  evidence.scores = Scores(episode, options, findings.scores);
  evidence.nodes = NodeRollouts(episode, options, findings);
  evidence.corrections = findings.corrections;
  // A few rollouts at node 0 do not make V_0 known: one that failed would call every policy weak.
  if (!episode.messages.empty()) evidence.start_value = episode.messages[0].prefix_value;
  if (options.first_error.prior != nullptr) {
    ReadTexts(episode, options.first_error, evidence);
  } else if (!credit.empty()) {
    evidence.prior = blame::CreditPrior(evidence.authors, credit, options.range.size());
    evidence.prior_used = blame::PriorUsed::kCredit;
  }
  return evidence;
}

blame::PosteriorOptions BlamePosteriorOptions(const Options& options) {
  blame::PosteriorOptions posterior;
  posterior.definition = options.first_error.definition;
  posterior.confidence = options.first_error.confidence;
  return posterior;
}

blame::PairOptions BlamePairOptions(const Options& options) {
  blame::PairOptions pairs;
  pairs.kinds = options.pair_kinds;
  pairs.margin = options.pair_margin;
  pairs.success_threshold = options.success_threshold;
  return pairs;
}

std::vector<std::optional<double>> NodeValues(const Episode& episode, const Options& options,
                                              const Findings& findings, double score) {
  const size_t count = episode.messages.size();
  std::vector<std::optional<double>> values(count + 1);
  for (size_t t = 0; t < count; ++t) {
    values[t] = GivenNodeValue(episode.messages[t], options.range);
    if (!values[t].has_value() && !findings.node_values.empty()) {
      values[t] = findings.node_values[t];
    }
  }
  values[count] = score;
  return values;
}

MessageFacts GatherMessageFacts(const Episode& episode, const Options& options,
                                const Findings& findings, double score) {
  const size_t count = episode.messages.size();
  MessageFacts facts;
  facts.redundancy = Redundancies(episode, options.message_rewards.shingles);
  facts.scores = blame::MeanScores(Scores(episode, options, findings.scores), count);
  facts.node_values = NodeValues(episode, options, findings, score);
  facts.owen = findings.owen;
  return facts;
}

}  // namespace assay::signals
