#include "server/wire/resolve_evaluator.h"

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/evaluation/evaluators/given_values.h"
#include "server/evaluation/evaluators/outcome_only.h"
#include "server/evaluation/evaluators/vote_replay.h"
#include "server/wire/enums.h"
#include "server/wire/errors.h"

namespace assay::service {
namespace {

// An EvaluateRequest's largest parts: 64 agents by index; 256 messages by indices of 3 bytes.
constexpr int64_t kCoalitionQuestionBytes = 64 + 16;
constexpr int64_t kMessagesQuestionBytes = 256 * 3 + 16;
constexpr int64_t kRequestOverhead = 128;
// Of a question about a team, beside its ids.
constexpr int64_t kTeamOverhead = 16;
constexpr int kDefaultBatchSize = 64;
constexpr int kMaxBatchSize = 4096;

void ResolveVote(v1::VoteReplay* wire, ResolvedOptions* resolved, OptionChecker* check) {
  if (wire->ballots() == v1::BALLOTS_UNSPECIFIED) wire->set_ballots(v1::BALLOTS_LAST);
  if (wire->grader() == v1::GRADER_UNSPECIFIED) wire->set_grader(v1::GRADER_EXACT);
  check->NotNegative("vote.tolerance", wire->tolerance());
  if (wire->tolerance() != 0 && wire->grader() != v1::GRADER_NUMBER) {
    check->Fail(Invalid("vote.tolerance", "only GRADER_NUMBER has one"));
  }
  evaluation::VoteOptions options;
  options.ballots = EnumFromWire<evaluation::Ballots>(wire->ballots());
  options.empty_ballots = wire->empty_ballots();
  options.grader = EnumFromWire<grading::GraderKind>(wire->grader());
  options.tolerance = wire->tolerance();
  resolved->vote = evaluation::MakeVoteReplay(options);
}

void ResolveCaller(v1::CallerEvaluator* wire, const Limits& limits,
                   const std::optional<MakeCallerFn>& make_caller, ResolvedOptions* resolved,
                   OptionChecker* check) {
  if (!make_caller.has_value()) {
    check->Fail(Invalid("caller", "there is a caller to ask on StreamSignals only"));
    return;
  }
  if (wire->supports_size() == 0) wire->add_supports(v1::QUESTION_KIND_COALITION);
  signals::EvaluatorTraits traits;
  traits.kind = signals::EvaluatorKind::kCaller;
  traits.free = wire->free();
  traits.deterministic = wire->deterministic();
  for (int i = 0; i < wire->supports_size(); ++i) {
    if (wire->supports(i) == v1::QUESTION_KIND_UNSPECIFIED) {
      check->Fail(Missing(absl::StrCat("caller.supports[", i, "]")));
      return;
    }
    traits.supports |= signals::Bit(EnumFromWire<signals::QuestionKind>(wire->supports(i)));
  }
  if (wire->batch_size() == 0) wire->set_batch_size(kDefaultBatchSize);
  check->InRange("caller.batch_size", wire->batch_size(), 1, kMaxBatchSize);
  if (!check->status().ok()) return;
  const int64_t room = resolved->max_response_bytes - 2 * limits.max_id_bytes - kRequestOverhead;
  const int64_t question = traits.Supports(signals::QuestionKind::kMessages)
                               ? kMessagesQuestionBytes
                               : kCoalitionQuestionBytes;
  wire->set_batch_size(
      static_cast<int32_t>(std::clamp<int64_t>(room / question, 1, wire->batch_size())));
  evaluation::CallerLimits caller_limits;
  caller_limits.batch_size = wire->batch_size();
  caller_limits.max_outstanding = limits.max_outstanding_questions;
  caller_limits.max_request_bytes = room - kTeamOverhead * wire->batch_size();
  evaluation::CallerStack stack = (*make_caller)(traits, caller_limits);
  resolved->chosen = stack.evaluator;
  resolved->caller = stack.caller;
}

std::shared_ptr<evaluation::Evaluator> FindEvaluator(const Catalog& catalog,
                                                     const std::string& name,
                                                     absl::string_view path, OptionChecker* check) {
  const auto found = catalog.evaluators.find(name);
  if (found == catalog.evaluators.end()) {
    check->Fail(UnknownId(path, name));
    return nullptr;
  }
  return found->second;
}

}  // namespace

void ResolveEvaluator(v1::AttributionOptions* wire, const Limits& limits, const Catalog& catalog,
                      const std::optional<MakeCallerFn>& make_caller, ResolvedOptions* resolved,
                      OptionChecker* check) {
  using Options = v1::AttributionOptions;
  resolved->given = evaluation::MakeGivenValues();
  resolved->outcome = evaluation::MakeOutcomeOnly();
  ResolveVote(wire->has_vote() ? wire->mutable_vote() : &resolved->vote_options, resolved, check);
  if (wire->has_vote()) resolved->vote_options = wire->vote();
  switch (wire->evaluator_case()) {
    case Options::kVote:
      resolved->chosen = resolved->vote;
      break;
    case Options::kGiven:
      resolved->chosen = resolved->given;
      break;
    case Options::kCaller:
      ResolveCaller(wire->mutable_caller(), limits, make_caller, resolved, check);
      break;
    case Options::kNamed:
      resolved->chosen = FindEvaluator(catalog, wire->named().name(), "named.name", check);
      break;
    case Options::kOutcome:
      resolved->chosen = resolved->outcome;
      break;
    case Options::EVALUATOR_NOT_SET:
      break;
  }
  if (!wire->scorer().empty()) {
    resolved->scorer = FindEvaluator(catalog, wire->scorer(), "scorer", check);
    if (resolved->scorer != nullptr &&
        !resolved->scorer->traits().Supports(signals::QuestionKind::kMessageScores)) {
      check->Fail(Invalid("scorer", "answers no message scores"));
    }
  }
}

}  // namespace assay::service
