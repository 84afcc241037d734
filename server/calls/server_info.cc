#include "server/calls/server_info.h"

#include <string>

#include "server/base/version.h"
#include "server/evaluation/evaluators/given_values.h"
#include "server/evaluation/evaluators/outcome_only.h"
#include "server/evaluation/evaluators/vote_replay.h"

namespace assay::service {
namespace {

void Add(absl::string_view name, const signals::EvaluatorTraits& traits,
         v1::GetServerInfoResponse* response) {
  v1::EvaluatorInfo* info = response->add_evaluators();
  info->set_name(std::string(name));
  info->set_free(traits.free);
  for (const auto kind : {signals::QuestionKind::kCoalition, signals::QuestionKind::kMessages,
                          signals::QuestionKind::kPrefix, signals::QuestionKind::kCorrection,
                          signals::QuestionKind::kMessageScores, signals::QuestionKind::kTeam}) {
    if (traits.Supports(kind)) info->add_supports(QuestionKindToWire(kind));
  }
}

}  // namespace

v1::GetServerInfoResponse ServerInfo(const Limits& limits, const Catalog& catalog) {
  v1::GetServerInfoResponse response;
  response.set_version(std::string(Version()));
  response.set_revision(std::string(Revision()));
  *response.mutable_limits() = limits.ToWire();
  Add("vote", evaluation::MakeVoteReplay({})->traits(), &response);
  Add("given", evaluation::MakeGivenValues()->traits(), &response);
  // What a caller can answer, its options say.
  signals::EvaluatorTraits caller;
  caller.free = false;
  for (int kind = 0; kind <= static_cast<int>(signals::QuestionKind::kTeam); ++kind) {
    caller.supports |= signals::Bit(static_cast<signals::QuestionKind>(kind));
  }
  Add("caller", caller, &response);
  Add("outcome", evaluation::MakeOutcomeOnly()->traits(), &response);
  for (const auto& [name, evaluator] : catalog.evaluators) {
    Add(name, evaluator->traits(), &response);
  }
  return response;
}

}  // namespace assay::service
