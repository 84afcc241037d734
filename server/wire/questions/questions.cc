#include "server/wire/questions/questions.h"

#include <algorithm>
#include <bit>

#include "server/base/retry_after.h"
#include "server/base/safe_text.h"
#include "server/wire/questions/durations.h"

namespace assay::evaluation {
namespace {

void AddMembers(Coalition coalition, v1::Coalition* wire) {
  for (; coalition != 0; coalition &= coalition - 1) wire->add_agents(std::countr_zero(coalition));
}

void AddKept(const PlayerSet& subset, const signals::Episode& episode, v1::KeptMessages* wire) {
  wire->mutable_indices()->Reserve(subset.size());
  int ordinal = 0;
  for (size_t t = 0; t < episode.messages.size() && ordinal < PlayerSet::kMaxPlayers; ++t) {
    if (episode.messages[t].agent == signals::kContext) continue;
    if (subset.contains(ordinal++)) wire->add_indices(static_cast<int32_t>(t));
  }
}

void AddTeam(absl::Span<const int32_t> team, const EpisodeContext& group, v1::Team* wire) {
  wire->mutable_episode_ids()->Reserve(static_cast<int>(team.size()));
  for (const int32_t member : team) {
    std::string* id = wire->add_episode_ids();
    if (member == signals::kAbsent) continue;
    const absl::string_view from = group.members[member]->episode.id;
    id->assign(from.data(), from.size());
  }
}

}  // namespace

void QuestionToWire(const signals::Question& question, const EpisodeContext& context,
                    v1::Counterfactual* wire) {
  switch (question.kind) {
    case signals::QuestionKind::kCoalition:
      AddMembers(question.coalition(), wire->mutable_coalition());
      break;
    case signals::QuestionKind::kMessages:
      AddKept(question.players, context.episode, wire->mutable_messages());
      break;
    case signals::QuestionKind::kPrefix:
      wire->mutable_prefix()->set_length(question.index);
      break;
    case signals::QuestionKind::kCorrection:
      wire->mutable_correction()->set_index(question.index);
      break;
    case signals::QuestionKind::kMessageScores:
      wire->mutable_message_scores();
      break;
    case signals::QuestionKind::kAllCoalitions:
      wire->mutable_all_coalitions();
      break;
    case signals::QuestionKind::kOwenSets:
      wire->mutable_owen_sets();
      break;
    case signals::QuestionKind::kTeam:
      AddTeam(question.team, context, wire->mutable_team());
      break;
    case signals::QuestionKind::kAllTeams:
      wire->mutable_all_teams();
      break;
  }
}

void BatchToWire(const Batch& batch, absl::Time now, v1::EvaluateRequest* wire) {
  const signals::Episode& episode = batch.context->episode;
  wire->set_episode_id(episode.id.data(), episode.id.size());
  for (const signals::Question& question : batch.questions) {
    v1::Question* added = wire->add_questions();
    QuestionToWire(question, *batch.context, added->mutable_counterfactual());
    added->set_samples(question.samples);
  }
  for (const int member : NamedMembers(batch)) {
    const absl::string_view id = batch.context->members[member]->episode.id;
    wire->add_group_episode_ids(id.data(), id.size());
  }
  if (batch.deadline != absl::InfiniteFuture()) {
    DurationToWire(std::max(batch.deadline - now, absl::ZeroDuration()), wire->mutable_timeout());
  }
  wire->set_seed(batch.context->seed);
}

std::vector<int> NamedMembers(const Batch& batch) {
  std::vector<bool> named(batch.context->members.size());
  for (const signals::Question& question : batch.questions) {
    for (const int32_t member : question.team) {
      if (member != signals::kAbsent) named[member] = true;
    }
  }
  std::vector<int> members;
  for (size_t m = 0; m < named.size(); ++m) {
    if (named[m]) members.push_back(static_cast<int>(m));
  }
  return members;
}

absl::StatusOr<Answers> AnswersFromWire(const v1::EvaluateResponse& response) {
  if (response.has_error()) return StatusFromWire(response.error());
  if (!response.has_answers()) {
    return absl::InvalidArgumentError("evaluation.outcome: neither answers nor an error");
  }
  Answers answers;
  answers.reserve(response.answers().answers_size());
  for (const v1::Answer& wire : response.answers().answers()) {
    signals::Answer& answer = answers.emplace_back();
    if (wire.has_error()) {
      answer.error = StatusFromWire(wire.error());
      continue;
    }
    answer.mean = wire.mean();
    answer.samples = wire.samples();
    answer.variance = wire.variance();
    answer.cached = wire.cached();
    answer.scores.assign(wire.message_scores().begin(), wire.message_scores().end());
  }
  return answers;
}

absl::Status StatusFromWire(const v1::Error& error) {
  const bool known = error.code() > 0 && error.code() <= 16;
  absl::Status status(
      known ? static_cast<absl::StatusCode>(error.code()) : absl::StatusCode::kUnknown,
      error.message().empty() ? "the evaluator gave no reason" : SafeText(error.message()));
  if (!error.has_retry_after()) return status;
  return WithRetryAfter(std::move(status), DurationFromWire(error.retry_after()));
}

}  // namespace assay::evaluation
