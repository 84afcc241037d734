// How to attribute, with every default resolved (proto/assay/v1/options.proto). The values of the
// members here are the defaults of the wire too, in a value range of [0, 1], but for
// RecombinationOptions::max_questions, whose 0 stands for recombination::kMaxQuestions.
#ifndef ASSAY_SERVER_SIGNALS_OPTIONS_H_
#define ASSAY_SERVER_SIGNALS_OPTIONS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "server/blame/judges.h"
#include "server/blame/pairs/pairs.h"
#include "server/blame/posterior.h"
#include "server/credit/credit_plan.h"

namespace assay::blame {
struct MixedPrior;
}

namespace assay::signals {

enum class EvidenceKind : uint8_t { kAuto, kOwen, kPrefix, kScores, kEqual };
enum class OutcomeScale : uint8_t { kPopulation, kSample, kNone };
enum class OutcomePart : uint8_t { kAuto, kOutcome, kControl, kRecombined };
enum class CreditPart : uint8_t { kAuto, kValues, kCredit, kScores, kNone };
enum class AuditLevel : uint8_t { kNone, kLedger, kFull };

struct ValueRange {
  double low = 0;
  double high = 1;
  double size() const { return high - low; }
};

// The options of the estimator as they were sent. With max_questions = 0 QuestionBudget decides by
// the evaluator's cost and the number of agents. What follows from the episode (n, seed, the range
// of values, noise) is set by the credit phase.
using EstimatorOptions = credit::CreditOptions;

struct MessageRewardOptions {
  EvidenceKind evidence = EvidenceKind::kAuto;
  double kappa = 0.5;               // in units of the value: already multiplied by the range
  double redundancy_penalty = 0.1;  // eta
  bool shingles = true;             // compute rho where the client gave none
  bool weigh_by_tokens = false;
};

struct FirstErrorOptions {
  double confidence = 0.5;
  int max_rollouts = 0;  // 0: max(8, 8 ceil(log2 T))
  blame::ErrorDefinition definition = blame::ErrorDefinition::kStaysUnlikely;
  bool soft_rewards = false;
  blame::Parameters parameters;                    // of the chain
  std::shared_ptr<const blame::MixedPrior> prior;  // null: uniform or by credit
  std::vector<blame::JudgeReliability> judges;     // any other is taken at its word
};

// Questions about teams put together from the episodes of a group.
struct RecombinationOptions {
  bool enabled = true;    // asked where they help and the group allows them
  int siblings = 0;       // 0: all where free, else few
  int max_questions = 0;  // 0: as many as there may be
};

struct AdvantageOptions {
  std::optional<double> blend;  // share of the credit part; unset: that part's default
  OutcomeScale scale = OutcomeScale::kPopulation;
  double epsilon = 1e-6;  // as a share of the range
  double range = 1;       // size of the value range
  OutcomePart outcome = OutcomePart::kAuto;
  RecombinationOptions recombination;
  CreditPart credit = CreditPart::kAuto;
};

struct Options {
  uint64_t seed = 0;
  ValueRange range;
  double success_threshold = 0.5;
  double reward_bound = 2;     // B
  double reference_score = 1;  // y_ref
  EstimatorOptions estimator;
  MessageRewardOptions message_rewards;
  FirstErrorOptions first_error;
  std::vector<blame::PairKind> pair_kinds;  // empty: all that the episode supports
  double pair_margin = 0;
  AdvantageOptions advantages;
  AuditLevel audit = AuditLevel::kLedger;
  bool allow_partial = false;
};

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_OPTIONS_H_
