// Bytes of an episode -> parse -> validate -> signals, and every invariant of what comes out.
#include <memory>
#include <utility>
#include <vector>

#include "assay/v1/signal_service.pb.h"
#include "server/audit/replay.h"
#include "server/audit/result.h"
#include "server/session/episode_work.h"
#include "server/signals/attribution.h"
#include "server/wire/errors.h"
#include "tests/fuzz/episodes.h"
#include "tests/fuzz/invariants.h"
#include "tests/fuzz/mutator.h"

namespace assay::fuzz {
namespace {

// An exact table of this many agents would take the second that one input has.
constexpr int kMaxAgents = 16;

void MendCase(google::protobuf::Message* message, Random& random) {
  auto* request = static_cast<v1::ComputeSignalsRequest*>(message);
  MendOptions(request->mutable_options(), random);
  if (request->episodes_size() == 0) request->add_episodes();
  for (v1::Episode& episode : *request->mutable_episodes()) {
    MendEpisode(request->options(), &episode, random);
  }
}

const evaluation::LocalEvaluator* Local(const std::shared_ptr<evaluation::Evaluator>& evaluator) {
  return evaluator == nullptr ? nullptr : evaluator->local();
}

absl::StatusOr<signals::Signals> Attribute(const service::EpisodeWork& work) {
  auto replay = Local(work.evaluator)->Prepare(work.context);
  if (!replay.ok()) return replay.status();
  const evaluation::LocalEvaluator* scorer = Local(work.options->scorer);
  auto scores = scorer == nullptr ? replay : scorer->Prepare(work.context);
  signals::Attribution plan(work.context->episode, *work.options->options, work.evaluator->traits(),
                            scorer == nullptr ? signals::EvaluatorTraits() : scorer->traits(),
                            (*replay)->grades());
  while (!plan.done()) {
    Check(!plan.ask().empty(), "a plan that is not done asks");
    std::vector<signals::Answer> answers(plan.ask().size());
    for (size_t k = 0; k < answers.size(); ++k) {
      const signals::Question& question = plan.ask()[k];
      const auto& asked = question.target == signals::Target::kScorer ? *scores : *replay;
      absl::Status answered = asked->Answer({&question, 1}, {&answers[k], 1});
      if (!answered.ok()) return answered;
    }
    if (absl::Status told = plan.tell(answers); !told.ok()) return told;
  }
  return plan.finish();
}

void RunEpisode(const std::shared_ptr<const v1::Episode>& episode,
                const std::shared_ptr<const service::ResolvedOptions>& options) {
  service::Limits limits;
  limits.max_agents = kMaxAgents;
  limits.max_table_agents = kMaxAgents;
  const auto bytes = static_cast<int64_t>(episode->ByteSizeLong());
  auto work = service::AcceptEpisode(episode, bytes, options, limits);
  if (!work.ok()) return CheckError(service::ErrorToWire(work.status()));
  const v1::EpisodeResult result = service::MakeResult(*work, Attribute(*work));
  Check(result.episode_id() == episode->id(), "result's episode");
  if (!result.has_signals()) return CheckError(result.error());
  CheckSignals(result.signals(), *episode, options->wire);
  if (options->wire.audit() != v1::AUDIT_FULL) return;
  // Computes all of it again, from the record.
  const absl::Status verified = service::Verify(result.signals(), *episode);
  Check(verified.ok(), "audit:", std::string(verified.message()).c_str());
}

void Run(const v1::ComputeSignalsRequest& request) {
  service::Limits limits;
  auto resolved =
      service::ResolveOptions(request.options(), limits, HashEvaluators(), std::nullopt);
  if (!resolved.ok()) return CheckError(service::ErrorToWire(resolved.status()));
  const auto options = std::make_shared<const service::ResolvedOptions>(*std::move(resolved));
  for (const v1::Episode& episode : request.episodes()) {
    RunEpisode(std::make_shared<const v1::Episode>(episode), options);
  }
}

}  // namespace
}  // namespace assay::fuzz

ASSAY_FUZZ_TARGET(assay::v1::ComputeSignalsRequest, assay::fuzz::Run, assay::fuzz::MendCase)
