#include "server/session/episode_work.h"

#include <algorithm>
#include <string>
#include <utility>

#include "google/protobuf/arena.h"
#include "server/base/status_macros.h"
#include "server/signals/phases/credit_phase.h"
#include "server/signals/unions.h"
#include "server/wire/authors.h"
#include "server/wire/convert.h"
#include "server/wire/errors.h"
#include "server/wire/questions/durations.h"
#include "server/wire/questions/questions.h"
#include "server/wire/validate.h"

namespace assay::service {
namespace {

bool CanVote(const v1::Episode& episode) {
  return !episode.task().reference_answer().empty() && AnyBallot(episode);
}

// IsShort: tens of microseconds, also where each question is recorded.
constexpr size_t kShortMessages = 64;
constexpr size_t kShortBytes = 4096;
constexpr int64_t kShortQuestions = 256;
constexpr size_t kShortAgents = 8;  // 2^8 coalitions

// Nobody is asked about the agents, or about all of few coalitions: an estimator takes longer.
bool IsSmallGame(const EpisodeWork& work) {
  const signals::EvaluatorTraits& traits = work.evaluator->traits();
  if (!traits.Supports(signals::QuestionKind::kCoalition) &&
      !traits.Supports(signals::QuestionKind::kAllCoalitions)) {
    return true;
  }
  const size_t agents = work.context->episode.agents.size();
  if (agents > kShortAgents) return false;
  const int64_t all = int64_t{1} << agents;
  return signals::QuestionBudget(work.options->options->estimator, traits,
                                 static_cast<int>(agents)) >= all;
}

bool IsBrief(const EpisodeWork& work) {
  const signals::Options& options = *work.options->options;
  const signals::Episode& episode = work.context->episode;
  if (options.first_error.soft_rewards || options.first_error.prior != nullptr ||
      options.first_error.parameters.shared_level > 0 || episode.messages.size() > kShortMessages ||
      !IsSmallGame(work)) {
    return false;
  }
  size_t bytes_to_read = 0;
  for (const signals::Message& message : episode.messages) {
    if (!message.redundancy.has_value()) bytes_to_read += message.content.size();
  }
  if (options.message_rewards.shingles && bytes_to_read > kShortBytes) return false;
  return signals::CountValues(signals::QuestionKind::kOwenSets, episode) <= kShortQuestions;
}

}  // namespace

engine::EpisodeJob EpisodeWork::Job(absl::Duration timeout) const {
  engine::EpisodeJob job;
  job.context = context;
  job.options = options->options;
  job.evaluator = evaluator;
  job.scorer = options->scorer;
  job.timeout = timeout;
  job.brief = brief;
  return job;
}

absl::StatusOr<EpisodeWork> AcceptEpisode(std::shared_ptr<const v1::Episode> episode, int64_t bytes,
                                          std::shared_ptr<const ResolvedOptions> options,
                                          const Limits& limits) {
  ASSAY_RETURN_IF_ERROR(ValidateEpisode(*episode, bytes, *options, limits));
  EpisodeWork work;
  work.evaluator = EvaluatorFor(*episode, *options);
  work.context = MakeContext(episode, *episode, *options->options, options->traceparent);
  work.episode = std::move(episode);
  work.options = std::move(options);
  work.brief = IsBrief(work);
  return work;
}

std::shared_ptr<evaluation::Evaluator> EvaluatorFor(const v1::Episode& episode,
                                                    const ResolvedOptions& options) {
  if (options.chosen != nullptr) return options.chosen;
  if (episode.has_values()) return options.given;
  return CanVote(episode) ? options.vote : options.outcome;
}

bool IsShort(const EpisodeWork& work) {
  return work.evaluator->local() != nullptr && work.options->scorer == nullptr && work.brief;
}

int64_t PlanMemory(const EpisodeWork& work) {
  constexpr int kMaxTable = 20;  // agents
  constexpr int64_t kValueBytes = 24;
  constexpr int64_t kQuestionBytes = 64;
  constexpr int64_t kMost = int64_t{64} << 20;   // or nobody could ask for more
  constexpr int64_t kLeast = int64_t{64} << 10;  // what is below is in kPartBytes
  const signals::EvaluatorTraits& traits = work.evaluator->traits();
  const auto agents = static_cast<int>(work.context->episode.agents.size());
  if (traits.Supports(signals::QuestionKind::kAllCoalitions)) {
    const int64_t table = kValueBytes << std::min(agents, kMaxTable);
    return table < kLeast ? 0 : table;
  }
  if (!traits.Supports(signals::QuestionKind::kCoalition)) return 0;
  const int64_t questions =
      signals::QuestionBudget(work.options->options->estimator, traits, agents);
  const int64_t asked = kQuestionBytes * std::min(questions, kMost / kQuestionBytes);
  return asked < kLeast ? 0 : asked;
}

int64_t MemoryOf(const v1::Episode& episode, int64_t bytes) {
  const int64_t parts = episode.messages_size() + episode.agents_size();
  const google::protobuf::Arena* const arena = episode.GetArena();
  const auto parsed = arena == nullptr ? int64_t{0} : static_cast<int64_t>(arena->SpaceUsed());
  return bytes + std::max(Limits::kPartBytes * parts, parsed);
}

absl::Status NotAdmitted(Admission::Entry entry, absl::Duration retry_after) {
  return Overloaded(entry == Admission::Entry::kCallerIsFull
                        ? "the caller has as much in flight as it may"
                        : "the server has as much in flight as it takes",
                    retry_after);
}

RejectReason ReasonOf(Admission::Entry entry) {
  return entry == Admission::Entry::kCallerIsFull ? RejectReason::kCaller : RejectReason::kServer;
}

v1::EpisodeResult MakeError(absl::string_view episode_id, const absl::Status& status) {
  v1::EpisodeResult result;
  result.set_episode_id(std::string(episode_id));
  *result.mutable_error() = ErrorToWire(status);
  return result;
}

void SetElapsed(absl::Duration elapsed, v1::EpisodeResult* result) {
  DurationToWire(std::max(elapsed, absl::ZeroDuration()), result->mutable_elapsed());
}

}  // namespace assay::service
