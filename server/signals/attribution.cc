#include "server/signals/attribution.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/blame/labels.h"
#include "server/blame/posterior.h"
#include "server/blame/sound_posterior.h"
#include "server/blame/text/mixed_prior.h"
#include "server/signals/findings.h"
#include "server/signals/message_credit.h"
#include "server/signals/phases/credit_phase.h"
#include "server/signals/phases/detail_phase.h"
#include "server/signals/rewards/message_rewards.h"
#include "server/signals/value_changes.h"

namespace assay::signals {
namespace {

constexpr double kMismatch = 1e-9;

bool HasScores(const Episode& episode) {
  return std::any_of(episode.messages.begin(), episode.messages.end(), [](const Message& m) {
    return m.process_score.has_value() || !m.judge_scores.empty();
  });
}

absl::Status CheckAnswer(const Question& question, const Answer& answer, const Episode& episode,
                         const ValueRange& range) {
  // A rollout that failed is no evidence.
  if (!answer.error.ok()) return IsRollout(question.kind) ? absl::OkStatus() : answer.error;
  if (answer.samples < 1 || !(answer.variance >= 0) || !std::isfinite(answer.variance)) {
    return absl::InvalidArgumentError("answer: samples below 1 or a variance that is not >= 0");
  }
  if (IsTable(question.kind)) return absl::OkStatus();  // by the phase
  if (question.kind != QuestionKind::kMessageScores) {
    if (std::isfinite(answer.mean) && InRange(answer.mean, range)) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("answer: the value ", answer.mean, " is not in the value range"));
  }
  if (answer.scores.size() != episode.messages.size()) {
    return absl::InvalidArgumentError(absl::StrCat("answer: ", answer.scores.size(),
                                                   " message scores for an episode of ",
                                                   episode.messages.size(), " messages"));
  }
  for (double score : answer.scores) {
    if (!std::isnan(score) && !(score >= -1 && score <= 1)) {
      return absl::InvalidArgumentError("answer: a message score is not in [-1, 1]");
    }
  }
  return absl::OkStatus();
}

}  // namespace

// Two phases. Credit: coalitions, and with its first stage the process scores. Detail: what only
// the outcome makes worth asking, Owen values and, in a failure, the place of the error.
class Attribution::Impl {
 public:
  Impl(const Episode& episode, const Options& options, const EvaluatorTraits& evaluator,
       const EvaluatorTraits& scorer, absl::Span<const AnswerGrade> grades)
      : episode_(episode),
        options_(options),
        traits_(evaluator),
        grades_(grades),
        credit_(static_cast<int>(episode.agents.size()), options, evaluator),
        status_(credit_.status()) {
    WantScores(scorer);
    Advance();
  }

  bool done() const { return !status_.ok() || ask().empty(); }
  const std::vector<Question>& ask() const {
    if (detail_ != nullptr) return detail_->ask();
    return scores_wanted_ ? with_scores_ : credit_.ask();
  }
  absl::Status tell(absl::Span<const Answer> answers);
  bool can_finish_early() {
    return status_.ok() && (detail_ != nullptr || credit_.can_finish_early());
  }
  absl::StatusOr<Signals> finish();

 private:
  void WantScores(const EvaluatorTraits& scorer);
  void Advance();
  absl::Status Route(absl::Span<const Answer> answers);
  void Record(absl::Span<const Answer> answers);
  absl::Status OpenDetail();

  absl::Status FillCredit(Signals& signals);
  absl::Status FillScore(Signals& signals) const;
  absl::Status FillMessages(Signals& signals);
  void FillPosterior(const blame::Posterior& posterior, Signals& signals) const;
  void FillPrior(const blame::Evidence& evidence, const blame::Posterior& posterior,
                 Signals& signals) const;
  void FillMeasures(const MessageFacts& facts, const MessageCredits& credits,
                    Signals& signals) const;
  void FillPairs(const RewardInputs& inputs, Signals& signals) const;

  const Episode& episode_;
  const Options& options_;
  const EvaluatorTraits traits_;
  const absl::Span<const AnswerGrade> grades_;
  CreditPhase credit_;
  absl::Status status_;
  bool scores_wanted_ = false;
  Target scores_target_ = Target::kEvaluator;
  std::vector<Question> with_scores_;  // what the credit phase asks first, and the scores
  std::unique_ptr<DetailPhase> detail_;
  Findings findings_;
  int64_t questions_ = 0;
  int64_t samples_ = 0;
  int64_t failed_rollouts_ = 0;
  std::vector<AskedQuestion> asked_;
};

void Attribution::Impl::WantScores(const EvaluatorTraits& scorer) {
  if (scorer.Supports(QuestionKind::kMessageScores)) {
    scores_wanted_ = true;
    scores_target_ = Target::kScorer;
    return;
  }
  // Vote replay judges messages only where Owen values are out of reach: the detail phase decides.
  scores_wanted_ = traits_.kind != EvaluatorKind::kVote &&
                   traits_.Supports(QuestionKind::kMessageScores) && !HasScores(episode_);
}

void Attribution::Impl::Advance() {
  if (!status_.ok() || detail_ != nullptr) return;
  if (scores_wanted_) {
    with_scores_ = credit_.ask();
    with_scores_.push_back({{.kind = QuestionKind::kMessageScores}, scores_target_});
  }
  if (ask().empty()) status_ = OpenDetail();
}

absl::Status Attribution::Impl::OpenDetail() {
  DetailInputs inputs{episode_, options_, traits_};
  inputs.questions_left =
      QuestionBudget(options_.estimator, traits_, static_cast<int>(episode_.agents.size())) -
      questions_;
  const std::vector<double> none;
  const std::vector<double>* credit = &none;
  if (credit_.counterfactual()) {
    const absl::StatusOr<const credit::CreditEstimate*> estimate = credit_.finish();
    if (!estimate.ok()) return estimate.status();
    inputs.score = episode_.score.value_or((*estimate)->grand);
    credit = &(*estimate)->values;
  } else {
    if (!episode_.score.has_value()) return absl::OkStatus();  // finish() says what is missing
    inputs.score = *episode_.score;
  }
  absl::StatusOr<std::unique_ptr<DetailPhase>> detail = MakeDetailPhase(inputs, *credit, findings_);
  if (!detail.ok()) return detail.status();
  detail_ = std::move(*detail);
  return absl::OkStatus();
}

void Attribution::Impl::Record(absl::Span<const Answer> answers) {
  for (size_t k = 0; k < answers.size(); ++k) {
    const bool table = IsTable(ask()[k].kind);
    const int64_t stands_for = table ? static_cast<int64_t>(answers[k].table.size()) : 1;
    questions_ += stands_for;
    const bool failed = !answers[k].error.ok();
    failed_rollouts_ += failed ? ask()[k].samples : 0;
    if (!failed && !answers[k].cached) samples_ += table ? stands_for : answers[k].samples;
    if (options_.audit != AuditLevel::kFull) continue;
    asked_.push_back({ask()[k], answers[k], {answers[k].table.begin(), answers[k].table.end()}});
    asked_.back().answer.table = {};
  }
}

absl::Status Attribution::Impl::Route(absl::Span<const Answer> answers) {
  if (detail_ != nullptr) return detail_->tell(answers);
  if (scores_wanted_) {
    findings_.scores = answers.back().scores;
    answers.remove_suffix(1);
    scores_wanted_ = false;
  }
  return answers.empty() ? absl::OkStatus() : credit_.tell(answers);
}

absl::Status Attribution::Impl::tell(absl::Span<const Answer> answers) {
  if (done()) return absl::FailedPreconditionError("nothing was asked");
  status_ = CheckCount(answers.size(), ask().size());
  for (size_t k = 0; k < answers.size() && status_.ok(); ++k) {
    status_ = CheckAnswer(ask()[k], answers[k], episode_, options_.range);
  }
  if (!status_.ok()) return status_;
  Record(answers);
  status_ = Route(answers);
  Advance();
  return status_;
}

absl::Status Attribution::Impl::FillCredit(Signals& signals) {
  signals.agents.resize(episode_.agents.size());
  if (!credit_.counterfactual()) return absl::OkStatus();
  const absl::StatusOr<const credit::CreditEstimate*> finished = credit_.finish();
  if (!finished.ok()) return finished.status();
  const credit::CreditEstimate* const estimate = *finished;
  const std::vector<std::optional<double>> without = credit_.ValuesWithout();
  for (size_t i = 0; i < signals.agents.size(); ++i) {
    AgentSignal& agent = signals.agents[i];
    agent.credit = DropDust(estimate->values[i], options_.range);
    agent.std_error = estimate->std_errors[i];
    agent.low = estimate->low[i];
    agent.high = estimate->high[i];
    agent.value_without = without[i];
  }
  signals.interactions.reserve(estimate->interactions.size());
  for (const credit::PairInteraction& pair : estimate->interactions) {
    signals.interactions.push_back({pair.first, pair.second, DropDust(pair.value, options_.range)});
  }
  signals.baseline = estimate->baseline;
  signals.grand_value = estimate->grand;
  signals.conservation.estimator_gap = estimate->raw_gap;
  signals.method = estimate->method;
  signals.interval = estimate->interval;
  signals.total_std_error = estimate->total_std_error;
  return absl::OkStatus();
}

absl::Status Attribution::Impl::FillScore(Signals& signals) const {
  if (!credit_.counterfactual()) {
    if (!episode_.score.has_value()) {
      return absl::FailedPreconditionError(
          "outcome.score: not set, and no evaluator gives the episode a value");
    }
    signals.baseline = options_.range.low;
    signals.grand_value = *episode_.score;
  }
  signals.score = episode_.score.value_or(signals.grand_value);
  signals.success = signals.score >= options_.success_threshold;
  signals.unexplained = DropDust(signals.score - signals.grand_value, options_.range);
  signals.outcome_mismatch = std::abs(signals.unexplained) > kMismatch * options_.range.size();
  return absl::OkStatus();
}

void Attribution::Impl::FillPosterior(const blame::Posterior& posterior, Signals& signals) const {
  for (size_t p = 0; p < signals.messages.size(); ++p) {
    MessageSignal& message = signals.messages[p];
    message.first_error = posterior.first[message.index];
    message.error = posterior.error[message.index];
    message.repair = posterior.repair[message.index];
    signals.message_audits[p].error_log_ratio = posterior.log_ratio[message.index];
    signals.message_audits[p].prior = posterior.prior[message.index];
  }
  FirstError& first = signals.first_error;
  first.first_index = posterior.claimed_first;
  first.decisive_index = posterior.claimed_decisive;
  first.context_index = posterior.claimed_context;
  // Where nothing tells the messages apart, nobody is named for having spoken early.
  if (posterior.tier != blame::Tier::kNone) first.agent = posterior.likeliest_agent;
  if (posterior.likeliest_first >= 0)
    first.probability = posterior.first[posterior.likeliest_first];
  first.none = posterior.none;
  first.environment = posterior.environment;
  first.credible_set = posterior.credible_set;
  first.tier = posterior.tier;
}

void Attribution::Impl::FillPrior(const blame::Evidence& evidence,
                                  const blame::Posterior& posterior, Signals& signals) const {
  FirstError& first = signals.first_error;
  first.prior_used = evidence.prior_used;
  first.prior_weight = evidence.prior_weight;
  if (options_.first_error.prior == nullptr) return;
  if (evidence.prior_collection >= 0) {
    first.prior_source = options_.first_error.prior->collections[evidence.prior_collection].source;
  }
  // Pairs weigh by it, and nothing else in the record tells what the texts said.
  for (size_t p = 0; p < signals.messages.size(); ++p) {
    signals.message_audits[p].prior = posterior.prior[signals.messages[p].index];
  }
}

absl::Status Attribution::Impl::FillMessages(Signals& signals) {
  const std::vector<int> indices = AgentsMessages(episode_);
  signals.messages.resize(indices.size());
  signals.message_audits.resize(indices.size());
  MessageFacts facts = GatherMessageFacts(episode_, options_, findings_, signals.score);
  for (size_t p = 0; p < indices.size(); ++p) {
    signals.messages[p].index = indices[p];
    signals.messages[p].redundancy = facts.redundancy[indices[p]];
    if (!grades_.empty()) signals.messages[p].grade = grades_[indices[p]];
  }
  std::vector<double> credit;
  if (credit_.counterfactual()) {
    credit.reserve(signals.agents.size());
    for (const AgentSignal& agent : signals.agents) credit.push_back(agent.credit);
  }
  MessageCredits credits = CreditMessages(episode_, facts.owen, credit);
  FillMeasures(facts, credits, signals);
  blame::Evidence evidence = BlameEvidence(episode_, options_, findings_, signals.score, credit);
  evidence.grades.assign(grades_.begin(), grades_.end());
  evidence.message_credit = std::move(credits.values);
  // What a posterior says of errors in a success in which nothing locates one is only its prior.
  const bool located =
      !signals.success || LocatesErrors(episode_, findings_) || !evidence.scores.empty();
  const blame::Posterior posterior = (located ? blame::ComputePosterior : blame::SoundPosterior)(
      evidence, options_.first_error.parameters, BlamePosteriorOptions(options_));
  facts.labels = blame::AssignLabels(evidence, posterior);
  const std::vector<blame::Label>& labels = facts.labels;
  if (located) {
    FillPosterior(posterior, signals);
  } else {
    signals.first_error.none = 1;
  }
  for (size_t p = 0; p < indices.size(); ++p) signals.messages[p].label = labels[indices[p]];
  FillPrior(evidence, posterior, signals);
  // A partial estimate rests on what has been answered, not on what was asked for.
  const EvidenceKind asked =
      signals.partial ? EvidenceKind::kAuto : options_.message_rewards.evidence;
  const RewardInputs inputs{episode_,  options_, indices, facts,       evidence,
                            posterior, labels,   asked,   credits.owen};
  absl::Status rewarded = absl::OkStatus();
  if (!signals.success) {
    if (!credit_.counterfactual()) rewarded = CreditByOutcome(inputs, signals);
    if (rewarded.ok()) rewarded = RewardByBlame(inputs, signals);
  } else if (credit_.counterfactual()) {
    rewarded = RewardByCredit(inputs, signals);
  } else {
    rewarded = RewardByOutcome(inputs, signals);
  }
  if (rewarded.ok()) FillPairs(inputs, signals);
  return rewarded;
}

void Attribution::Impl::FillMeasures(const MessageFacts& facts, const MessageCredits& credits,
                                     Signals& signals) const {
  const std::vector<std::optional<ValueChange>> changes =
      ValueChanges(episode_, options_, findings_, signals.score);
  for (MessageSignal& message : signals.messages) {
    const int t = message.index;
    if (!credits.values.empty()) message.credit = DropDust(credits.values[t], options_.range);
    if (!changes.empty()) message.value_change = changes[t];
    message.process_score = facts.scores[t];
  }
  signals.owen_values = credits.owen;
  signals.parallel = WroteInParallel(episode_);
}

void Attribution::Impl::FillPairs(const RewardInputs& inputs, Signals& signals) const {
  const size_t count = episode_.messages.size();
  std::vector<double> rewards(count, 0.0);
  for (const MessageSignal& message : signals.messages) rewards[message.index] = message.reward;
  std::vector<absl::string_view> contents(count);
  std::vector<std::vector<blame::Alternative>> alternatives;
  for (size_t t = 0; t < count; ++t) {
    contents[t] = episode_.messages[t].content;
    if (episode_.messages[t].alternatives.empty()) continue;
    alternatives.resize(count);
    alternatives[t] = episode_.messages[t].alternatives;
  }
  signals.pairs = blame::EpisodePairs(inputs.evidence, inputs.posterior, inputs.labels, rewards,
                                      contents, alternatives, BlamePairOptions(options_));
}

absl::StatusOr<Signals> Attribution::Impl::finish() {
  if (!status_.ok()) return status_;
  Signals signals;
  signals.partial = !done();
  if (detail_ != nullptr) {
    ASSAY_ASSIGN_OR_RETURN(findings_, detail_->finish());
  }
  ASSAY_RETURN_IF_ERROR(FillCredit(signals));
  ASSAY_RETURN_IF_ERROR(FillScore(signals));
  ASSAY_RETURN_IF_ERROR(FillMessages(signals));
  signals.questions = questions_;
  signals.samples = samples_;
  signals.failed_rollouts = failed_rollouts_;
  signals.failed_nodes = findings_.failed_nodes;
  signals.first_error.search_end = findings_.search_end;
  if (options_.audit == AuditLevel::kFull) {
    signals.asked = std::move(asked_);
  } else {
    signals.message_audits.clear();
  }
  return signals;
}

Attribution::Attribution(const Episode& episode, const Options& options,
                         const EvaluatorTraits& evaluator, const EvaluatorTraits& scorer,
                         absl::Span<const AnswerGrade> grades)
    : impl_(std::make_unique<Impl>(episode, options, evaluator, scorer, grades)) {}
Attribution::~Attribution() = default;
bool Attribution::done() const { return impl_->done(); }
const std::vector<Question>& Attribution::ask() const { return impl_->ask(); }
absl::Status Attribution::tell(absl::Span<const Answer> answers) { return impl_->tell(answers); }
bool Attribution::can_finish_early() const { return impl_->can_finish_early(); }
absl::StatusOr<Signals> Attribution::finish() { return impl_->finish(); }

}  // namespace assay::signals
