#include "server/session/group_work.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace assay::service {
namespace {

using recombination::Part;

recombination::PlanOptions PlanOptionsOf(const ResolvedOptions& options) {
  const signals::Options& from = *options.options;
  recombination::PlanOptions plan;
  plan.seed = from.seed;
  plan.range = from.range;
  plan.siblings = from.advantages.recombination.siblings;
  plan.max_questions = from.advantages.recombination.max_questions;
  plan.samples = from.estimator.samples_per_question;
  plan.keep_questions = from.audit == signals::AuditLevel::kFull;
  return plan;
}

absl::Status CheckSources(const std::map<std::string, TeamSource>& sources) {
  if (sources.size() < 2) {
    return absl::FailedPreconditionError(absl::StrCat(
        "teams are put together from at least 2 answered episodes, there are ", sources.size()));
  }
  const auto& [first_id, first] = *sources.begin();
  std::vector<const signals::Episode*> episodes;
  for (const auto& [id, source] : sources) {
    if (!source.refused.ok()) return source.refused;
    if (source.evaluator != first.evaluator) {
      return absl::FailedPreconditionError(absl::StrCat(
          "episodes \"", first_id, "\" and \"", id, "\" are answered by different evaluators, ",
          std::string(first.evaluator->name()), " and ", std::string(source.evaluator->name())));
    }
    if (source.context != nullptr) episodes.push_back(&source.context->episode);
  }
  return recombination::CheckSameAgents(episodes);
}

absl::Status CheckKept(const std::map<std::string, TeamSource>& sources) {
  for (const auto& [id, source] : sources) {
    if (source.context == nullptr) {
      return absl::ResourceExhaustedError(
          absl::StrCat("episode \"", id,
                       "\" was not kept until its group was complete: the "
                       "unanswered groups of this stream would hold too much memory"));
    }
  }
  return absl::OkStatus();
}

std::shared_ptr<const evaluation::EpisodeContext> ContextOf(
    const std::string& id, const std::map<std::string, TeamSource>& sources) {
  auto context = std::make_shared<evaluation::EpisodeContext>();
  const auto named = std::make_shared<const std::string>(id);
  const evaluation::EpisodeContext& first = *sources.begin()->second.context;
  context->storage = named;
  context->episode.id = *named;
  context->episode.agents = first.episode.agents;
  context->seed = first.seed;
  context->range = first.range;
  context->traceparent = first.traceparent;
  for (const auto& [member, source] : sources) context->members.push_back(source.context);
  return context;
}

}  // namespace

bool WantsTeams(const signals::Options& options) {
  const signals::OutcomePart part = options.advantages.outcome;
  return options.advantages.recombination.enabled &&
         (part == signals::OutcomePart::kAuto || part == signals::OutcomePart::kRecombined);
}

Part PartOf(const ResolvedOptions& options, const evaluation::Evaluator& evaluator) {
  const bool first =
      &evaluator == options.vote.get() && options.vote_options.ballots() == v1::BALLOTS_FIRST;
  return first ? Part::kFirstMessages : Part::kAllMessages;
}

TeamSource MakeTeamSource(const EpisodeWork& work) {
  TeamSource source;
  source.evaluator = work.evaluator;
  if (!work.evaluator->traits().Supports(signals::QuestionKind::kTeam)) {
    source.refused = absl::FailedPreconditionError(
        absl::StrCat("the evaluator ", std::string(work.evaluator->name()),
                     " answers no questions about teams (QUESTION_KIND_TEAM)"));
  } else if (!work.episode->group().parallel()) {
    source.refused =
        recombination::CheckParallel(work.context->episode, PartOf(*work.options, *work.evaluator));
  }
  if (source.refused.ok()) source.context = work.context;
  return source;
}

void AddTeams(const std::map<std::string, TeamSource>& sources, GroupWork* work) {
  if (!WantsTeams(*work->options->options)) return;
  work->refused = CheckSources(sources);
  if (!work->refused.ok()) return;
  work->evaluator = sources.begin()->second.evaluator;
  work->without = CheckKept(sources);
  if (work->without.ok()) work->context = ContextOf(work->id, sources);
}

engine::GroupJob GroupWork::Job(absl::Duration timeout) const {
  engine::GroupJob job;
  job.context = context;
  for (const auto& [member_id, member] : members) job.values.push_back(member.value());
  job.options = PlanOptionsOf(*options);
  job.evaluator = evaluator;
  job.timeout = timeout;
  return job;
}

int64_t GroupWork::PlanBytes() const {
  if (!asks()) return 0;
  const auto count = static_cast<int64_t>(members.size());
  const auto agents = static_cast<int64_t>(context->episode.agents.size());
  const int siblings = recombination::SiblingsOf(static_cast<int>(count), static_cast<int>(agents),
                                                 PlanOptionsOf(*options), evaluator->traits());
  if (evaluator->traits().Supports(signals::QuestionKind::kAllTeams) && siblings == count - 1) {
    return count * agents * static_cast<int64_t>(4 * sizeof(double));
  }
  // A team's key and value; with an audit its question and answer as well.
  constexpr int64_t kTeamBytes = 128;
  const int64_t a_team = kTeamBytes + 2 * agents;
  const int64_t recorded = options->options->audit == signals::AuditLevel::kFull
                               ? static_cast<int64_t>(sizeof(signals::AskedQuestion)) + 4 * agents
                               : 0;
  return count * agents * siblings * (a_team + recorded);
}

}  // namespace assay::service
