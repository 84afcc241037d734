#include "tests/simulation/episodes.h"

#include <algorithm>
#include <utility>

#include "server/audit/result.h"
#include "server/signals/attribution.h"
#include "server/wire/questions/questions.h"

namespace assay::simulation {
namespace {

uint64_t Mix(uint64_t h) {
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
  h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
  return h ^ (h >> 31);
}

double Hash(const std::string& id, uint64_t kind, uint64_t what) {
  uint64_t h = Mix(kind * 0x9e3779b97f4a7c15 + what);
  for (char c : id) h = Mix(h ^ static_cast<uint8_t>(c));
  return static_cast<double>(h % 1001) / 1000;
}

// Answers `questions` by Value.
std::vector<signals::Answer> Answers(const service::EpisodeWork& work,
                                     const std::vector<signals::Question>& questions) {
  std::vector<signals::Answer> answers(questions.size());
  for (size_t k = 0; k < questions.size(); ++k) {
    answers[k].mean = Value(*work.context, questions[k]);
    answers[k].samples = questions[k].samples;
  }
  return answers;
}

// The same without what failed rollouts leave in it: they were asked for again, and are no
// evidence.
v1::EpisodeSignals WithoutFailures(v1::EpisodeSignals signals) {
  signals.mutable_effort()->clear_questions();
  signals.mutable_effort()->clear_failed_rollouts();
  if (!signals.has_audit()) return signals;
  signals.mutable_audit()->clear_signals_sha256();
  auto* const asked = signals.mutable_audit()->mutable_questions();
  asked->erase(
      std::remove_if(asked->begin(), asked->end(),
                     [](const v1::AskedQuestion& question) { return question.has_error(); }),
      asked->end());
  return signals;
}

}  // namespace

v1::AttributionOptions MakeOptions(Answerer answerer, bool may_time_out, Random& random) {
  v1::AttributionOptions options;
  switch (answerer) {
    case Answerer::kCaller:
      options.mutable_caller()->set_batch_size(1 + Below(random, 6));
      options.mutable_caller()->add_supports(v1::QUESTION_KIND_COALITION);
      if (Chance(random, 50)) options.mutable_caller()->add_supports(v1::QUESTION_KIND_MESSAGES);
      if (Chance(random, 50)) options.mutable_caller()->add_supports(v1::QUESTION_KIND_PREFIX);
      if (Chance(random, 60)) options.mutable_caller()->add_supports(v1::QUESTION_KIND_TEAM);
      options.mutable_caller()->set_free(Chance(random, 50));
      break;
    case Answerer::kNamed:
      options.mutable_named()->set_name(kRemote);
      break;
    case Answerer::kVote:
      options.mutable_vote();
      break;
    case Answerer::kGiven:
      break;  // every good episode carries a table
    case Answerer::kOutcome:
      options.mutable_outcome();
      break;
  }
  options.mutable_episode_timeout()->set_seconds(may_time_out ? 3 : 600);
  if (Chance(random, 30)) options.mutable_group_timeout()->set_seconds(5);
  if (Chance(random, 50)) options.set_audit(v1::AUDIT_FULL);
  v1::AdvantageOptions* advantages = options.mutable_advantages();
  if (Chance(random, 10)) advantages->set_outcome(v1::OUTCOME_PART_RECOMBINED);
  if (Chance(random, 30)) advantages->mutable_recombination()->set_siblings(Below(random, 3));
  return options;
}

v1::Episode GoodEpisode(const std::string& id, Random& random, int agents) {
  v1::Episode episode;
  episode.set_id(id);
  episode.mutable_task()->set_reference_answer("A");
  if (agents == 0) agents = 1 + Below(random, 3);
  for (int i = 0; i < agents; ++i) episode.add_agents()->set_id("agent" + std::to_string(i));
  const int messages = 1 + Below(random, 5);
  for (int t = 0; t < messages; ++t) {
    v1::Message* message = episode.add_messages();
    message->set_agent_id("agent" + std::to_string(Below(random, agents)));
    message->set_content("a message of some words " + std::to_string(random() % 3));
    message->set_answer(Chance(random, 60) ? "A" : "B");
    if (Chance(random, 30)) message->set_process_score(Below(random, 21) / 10.0 - 1);
  }
  for (int s = 0; s < 1 << agents; ++s) {
    episode.mutable_values()->add_coalition_values(Below(random, 11) / 10.0);
  }
  episode.mutable_outcome()->set_score(Below(random, 11) / 10.0);
  return episode;
}

void Spoil(v1::Episode& episode, Random& random) {
  switch (Below(random, 4)) {
    case 0:
      episode.mutable_messages(0)->set_agent_id("nobody");
      break;
    case 1:
      episode.mutable_outcome()->set_score(1.5);
      break;
    case 2:
      episode.mutable_values()->add_coalition_values(0);
      break;
    default:
      episode.mutable_messages(0)->set_repairs(7);
  }
}

double Value(const std::string& id, const v1::Counterfactual& counterfactual) {
  return Hash(id + counterfactual.SerializeAsString(), 1, 0);
}

double Value(const evaluation::EpisodeContext& context, const signals::Question& question) {
  v1::Counterfactual counterfactual;
  evaluation::QuestionToWire(question, context, &counterfactual);
  return Value(std::string(context.episode.id), counterfactual);
}

std::string ExpectedSignals(const service::EpisodeWork& work) {
  const evaluation::LocalEvaluator* const local = work.evaluator->local();
  absl::StatusOr<std::shared_ptr<const evaluation::EpisodeReplay>> replay;
  if (local != nullptr) replay = local->Prepare(work.context);
  const bool graded = local != nullptr && replay.ok();
  signals::Attribution plan(
      work.context->episode, *work.options->options, work.evaluator->traits(), {},
      graded ? (*replay)->grades() : absl::Span<const signals::AnswerGrade>());
  while (!plan.done()) {
    std::vector<signals::Answer> answers(plan.ask().size());
    if (local == nullptr) {
      answers = Answers(work, plan.ask());
    } else if (!replay.ok() || !(*replay)->Answer(plan.ask(), absl::MakeSpan(answers)).ok()) {
      break;
    }
    if (!plan.tell(answers).ok()) break;
  }
  return service::MakeResult(work, plan.finish()).signals().SerializeAsString();
}

bool IsWhatWasToBeFound(const std::string& expected, const v1::EpisodeSignals& found,
                        bool may_fail) {
  if (expected == found.SerializeAsString()) return true;
  if (!may_fail || found.effort().failed_rollouts() == 0) return false;
  if (found.effort().failed_nodes_size() > 0) return true;
  v1::EpisodeSignals without;
  return without.ParseFromString(expected) &&
         WithoutFailures(std::move(without)).SerializeAsString() ==
             WithoutFailures(found).SerializeAsString();
}

}  // namespace assay::simulation
