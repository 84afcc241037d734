// What an attribution yields, as plain numbers (proto/signals.md). wire/convert.h puts them on the
// wire; fields without a comment are explained in assay/v1/signals.proto.
#ifndef ASSAY_SERVER_SIGNALS_SIGNALS_H_
#define ASSAY_SERVER_SIGNALS_SIGNALS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/blame/labels.h"
#include "server/blame/pairs/pairs.h"
#include "server/blame/posterior.h"
#include "server/credit/credit_plan.h"
#include "server/signals/counterfactual.h"
#include "server/signals/episode.h"
#include "server/signals/value_changes.h"

namespace assay::signals {

struct AgentSignal {
  double credit = 0;  // phi_i
  double std_error = 0;
  double low = 0;  // of the interval; low = high = credit where exact
  double high = 0;
  double reward_total = 0;  // over M_i
  double unallocated = 0;   // success: credit that no message could take
  bool signs_relaxed = false;
  std::optional<double> value_without;  // v(N without i); unset: not asked
};

// One for each agents' message, in order; context has none.
struct MessageSignal {
  int index = 0;
  double reward = 0;
  blame::Label label = blame::Label::kNeutral;
  double first_error = 0;  // probabilities
  double error = 0;
  double repair = 0;
  double redundancy = 0;
  AnswerGrade grade = AnswerGrade::kNone;
  // What advantages are made of, none of it shaped by rewards.
  std::optional<double> credit;             // u_t; unset: OutcomeOnly
  std::optional<ValueChange> value_change;  // unset: a node has no value
  std::optional<double> process_score;      // q_t; unset: nobody judged it
};

// What a full audit records of one agents' message: the inputs of the projection and of the
// posterior.
struct MessageAudit {
  double raw_reward = 0;  // x
  double weight = 0;      // w
  double low = 0;         // bounds as used, after relaxation
  double high = 0;
  double error_log_ratio = 0;  // lambda
  double prior = 0;            // pi
};

struct FirstError {
  std::optional<int> first_index;
  std::optional<int> decisive_index;
  std::optional<int> context_index;
  int agent = -1;  // with the most mass; -1: none, or nothing tells them apart
  double probability = 0;
  double none = 0;
  double environment = 0;
  std::vector<int> credible_set;
  blame::Tier tier = blame::Tier::kNone;
  blame::PriorUsed prior_used = blame::PriorUsed::kFlat;
  std::string prior_source;  // the most familiar collection; empty: none
  double prior_weight = 0;   // of its prior, in [0, 1]
};

struct Interaction {
  int agent_a = 0;
  int agent_b = 0;
  double index = 0;  // < 0 redundant, > 0 complementary
};

struct Conservation {
  double target = 0;
  double allocated = 0;
  double unallocated = 0;
  double error = 0;          // |target - allocated - unallocated|, measured
  double estimator_gap = 0;  // g, before it was returned
  bool signs_relaxed = false;
};

struct AskedQuestion {
  Question question;
  Answer answer;  // without its table: the evaluator's storage ends with the attribution
  std::vector<double> table;  // the record's own
};

struct Signals {
  bool success = false;
  double score = 0;  // y
  double baseline = 0;
  double grand_value = 0;
  double unexplained = 0;
  bool outcome_mismatch = false;
  std::vector<AgentSignal> agents;
  std::vector<MessageSignal> messages;
  FirstError first_error;
  std::vector<Interaction> interactions;
  std::vector<blame::Pair> pairs;  // within the episode: episode index 0
  Conservation conservation;
  // What the message rewards rest on.
  EvidenceKind evidence = EvidenceKind::kEqual;
  int64_t questions = 0;
  int64_t samples = 0;
  std::optional<credit::Method> method;  // unset: no counterfactual was asked (OutcomeOnly)
  credit::IntervalKind interval = credit::IntervalKind::kExact;
  double total_std_error = 0;  // of grand_value - baseline, where the evaluator is noisy
  bool partial = false;
  bool parallel = false;     // no agent could read another's message before it wrote its own
  bool owen_values = false;  // the messages' credits are Owen values, not equal shares
  std::vector<MessageAudit> message_audits;  // AuditLevel::kFull only
  std::vector<AskedQuestion> asked;          // AuditLevel::kFull only, in the order asked
};

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_SIGNALS_H_
