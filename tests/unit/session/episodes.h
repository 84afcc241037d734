#ifndef ASSAY_TESTS_UNIT_SESSION_EPISODES_H_
#define ASSAY_TESTS_UNIT_SESSION_EPISODES_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "assay/v1/episode.pb.h"
#include "server/evaluation/evaluator.h"
#include "server/session/episode_work.h"
#include "server/session/group_result.h"
#include "server/signals/attribution.h"

namespace assay::service {

// Two agents that speak in turn.
inline v1::Episode SmallEpisode(const std::string& id, double score, int messages = 4) {
  v1::Episode episode;
  episode.set_id(id);
  episode.add_agents()->set_id("a");
  episode.add_agents()->set_id("b");
  for (int t = 0; t < messages; ++t) {
    v1::Message* message = episode.add_messages();
    message->set_agent_id(t % 2 == 0 ? "a" : "b");
    message->set_content(absl::StrCat("step ", t));
  }
  episode.mutable_outcome()->set_score(score);
  return episode;
}

// Three agents, one ballot each.
inline v1::Episode SmallVote(const std::string& id, const std::string& ballots) {
  v1::Episode episode;
  episode.set_id(id);
  episode.mutable_task()->set_reference_answer("A");
  for (size_t i = 0; i < ballots.size(); ++i) {
    episode.add_agents()->set_id(absl::StrCat("agent", i));
    v1::Message* message = episode.add_messages();
    message->set_agent_id(absl::StrCat("agent", i));
    message->set_answer(std::string(1, ballots[i]));
    message->set_content(absl::StrCat("I say ", std::string(1, ballots[i])));
  }
  return episode;
}

// The engine in three lines: for evaluators that answer at once, and are their own scorer.
inline absl::StatusOr<signals::Signals> Attribute(const EpisodeWork& work) {
  const evaluation::LocalEvaluator* local = work.evaluator->local();
  auto replay = local->Prepare(work.context);
  if (!replay.ok()) return replay.status();
  signals::Attribution plan(
      work.context->episode, *work.options->options, work.evaluator->traits(),
      work.options->scorer != nullptr ? work.options->scorer->traits() : signals::EvaluatorTraits(),
      (*replay)->grades());
  while (!plan.done()) {
    evaluation::Answers answers(plan.ask().size());
    absl::Status answered =
        (*replay)->Answer(plan.ask(), absl::MakeSpan(answers.data(), answers.size()));
    if (!answered.ok()) return answered;
    if (absl::Status told = plan.tell(answers); !told.ok()) return told;
  }
  return plan.finish();
}

// The same of a group's teams.
inline AskedTeams Recombine(const GroupWork& work) {
  if (!work.asks()) return std::nullopt;
  const engine::GroupJob job = work.Job(absl::InfiniteDuration());
  std::vector<recombination::Member> members;
  for (size_t m = 0; m < job.values.size(); ++m) {
    members.push_back({&job.context->members[m]->episode, job.values[m]});
  }
  recombination::GroupPlan plan(std::move(members), job.options, job.evaluator->traits());
  const auto replay = job.evaluator->local()->Prepare(job.context);
  if (!replay.ok()) return replay.status();
  while (!plan.done()) {
    evaluation::Answers answers(plan.ask().size());
    const absl::Status answered = (*replay)->Answer(plan.ask(), absl::MakeSpan(answers));
    if (!answered.ok()) return answered;
    if (absl::Status told = plan.tell(answers); !told.ok()) return told;
  }
  return AskedTeams(plan.finish());
}

}  // namespace assay::service

#endif  // ASSAY_TESTS_UNIT_SESSION_EPISODES_H_
