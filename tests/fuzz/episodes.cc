#include "tests/fuzz/episodes.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "server/evaluation/evaluator.h"
#include "server/wire/authors.h"
#include "server/wire/limits.h"

namespace assay::fuzz {
namespace {

using signals::QuestionKind;

// Beyond this many agents a table no longer fits into an input.
constexpr int kMaxTableAgents = 6;
// Cheap inputs find more than large ones: fitting a model is cubic in the questions.
constexpr int kFewQuestions = 48;
constexpr int kFewAgents = 8;

double Inside(double value, double low, double high) {
  return std::isfinite(value) ? std::clamp(value, low, high) : low + (high - low) / 2;
}

uint64_t Mix(uint64_t h) {
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
  h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
  return h ^ (h >> 31);
}

// In [0, 1], in steps that make ties.
double Hash(const signals::Question& question) {
  uint64_t h = Mix(static_cast<uint64_t>(question.kind) + 1);
  h = Mix(h ^ question.players.mask() ^ (static_cast<uint64_t>(question.index) << 32));
  return static_cast<double>(h % 17) / 16;
}

class HashReplay final : public evaluation::EpisodeReplay {
 public:
  HashReplay(std::shared_ptr<const evaluation::EpisodeContext> context, bool noisy)
      : context_(std::move(context)), noisy_(noisy) {}

  absl::Status Answer(absl::Span<const signals::Question> questions,
                      absl::Span<signals::Answer> answers) const override {
    const signals::Episode& episode = context_->episode;
    const auto agents = static_cast<int>(episode.agents.size());
    const auto messages = static_cast<int>(episode.messages.size());
    for (size_t k = 0; k < questions.size(); ++k) {
      const signals::Question& question = questions[k];
      Check(question.samples >= 1, "question's samples");
      Check(question.index >= 0 && question.index <= messages, "question's index");
      const int players = question.kind == QuestionKind::kMessages ? messages : agents;
      Check(players >= 64 || question.players.mask() >> players == 0, "question's players");
      const double unit = Hash(question);
      answers[k].mean = context_->range.low + context_->range.size() * unit;
      answers[k].mean = std::min(answers[k].mean, context_->range.high);
      answers[k].samples = question.samples;
      if (noisy_) answers[k].variance = std::pow(context_->range.size() / 4, 2);
      if (question.kind != QuestionKind::kMessageScores) continue;
      for (int t = 0; t < messages; ++t) {
        answers[k].scores.push_back(2 * std::fmod(unit + 0.37 * t, 1.0) - 1);
      }
    }
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<const evaluation::EpisodeContext> context_;
  const bool noisy_;
};

class HashEvaluator final : public evaluation::LocalEvaluator {
 public:
  HashEvaluator(std::string name, bool free, bool noisy) : name_(std::move(name)), noisy_(noisy) {
    traits_.kind = signals::EvaluatorKind::kNamed;
    for (const auto kind :
         {QuestionKind::kCoalition, QuestionKind::kMessages, QuestionKind::kPrefix,
          QuestionKind::kCorrection, QuestionKind::kMessageScores}) {
      traits_.supports |= signals::Bit(kind);
    }
    traits_.free = free;
    traits_.deterministic = !noisy;
  }
  absl::string_view name() const override { return name_; }
  const signals::EvaluatorTraits& traits() const override { return traits_; }
  absl::StatusOr<std::shared_ptr<const evaluation::EpisodeReplay>> Prepare(
      std::shared_ptr<const evaluation::EpisodeContext> context) const override {
    return std::make_shared<HashReplay>(std::move(context), noisy_);
  }

 private:
  const std::string name_;
  const bool noisy_;
  signals::EvaluatorTraits traits_;
};

void MendScores(const v1::ValueRange& range, v1::Message* message) {
  if (message->has_process_score()) {
    message->set_process_score(Inside(message->process_score(), -1, 1));
  }
  if (message->has_prefix_value()) {
    message->set_prefix_value(Inside(message->prefix_value(), range.low(), range.high()));
  }
  if (message->has_redundancy()) message->set_redundancy(Inside(message->redundancy(), 0, 1));
  if (message->has_prefix_rollouts()) {
    v1::PrefixRollouts* rollouts = message->mutable_prefix_rollouts();
    rollouts->set_trials(std::clamp(rollouts->trials(), 0, service::Limits().max_rollouts));
    rollouts->set_successes(std::clamp(rollouts->successes(), 0, rollouts->trials()));
  }
  for (v1::Alternative& alternative : *message->mutable_alternatives()) {
    if (!alternative.has_value()) continue;
    alternative.set_value(Inside(alternative.value(), range.low(), range.high()));
  }
  for (int j = 0; j < message->judge_scores_size(); ++j) {
    message->mutable_judge_scores(j)->set_judge("j" + std::to_string(j));
    message->mutable_judge_scores(j)->set_score(Inside(message->judge_scores(j).score(), -1, 1));
  }
}

void MendMessage(const v1::ValueRange& range, int t, v1::Episode* episode, Random& random) {
  v1::Message* message = episode->mutable_messages(t);
  if (!message->agent_id().empty()) {
    const int agents = episode->agents_size();
    const auto is_its = [&](const v1::Agent& a) { return a.id() == message->agent_id(); };
    if (std::none_of(episode->agents().begin(), episode->agents().end(), is_its)) {
      message->set_agent_id(episode->agents(static_cast<int>(Below(random, agents))).id());
    }
  }
  message->set_round(std::max(0, message->round()));
  message->set_token_count(std::max(0, message->token_count()));
  MendScores(range, message);
  for (v1::TokenSpan& span : *message->mutable_token_spans()) {
    span.set_start(std::max(0, span.start()));
    span.set_end(std::max(span.start(), span.end()));
  }
  if (!message->has_repairs()) return;
  const std::vector<int> authors = service::Authors(*episode);
  const int target = message->repairs();
  if (target < 0 || target >= t || authors[t] == signals::kContext ||
      authors[target] == signals::kContext) {
    message->clear_repairs();
  }
}

}  // namespace

void MendOptions(v1::AttributionOptions* options, Random& random) {
  if (options->has_value_range()) {
    v1::ValueRange* range = options->mutable_value_range();
    range->set_low(Inside(range->low(), -1e6, 1e6));
    range->set_high(Inside(range->high(), -1e6, 1e6));
    if (!(range->high() > range->low())) options->clear_value_range();
  }
  v1::ValueRange range = options->value_range();
  if (!options->has_value_range()) range.set_high(1);
  if (options->has_success_threshold()) {
    options->set_success_threshold(Inside(options->success_threshold(), range.low(), range.high()));
  }
  if (options->has_reference_score()) {
    options->set_reference_score(Inside(options->reference_score(), range.low(), range.high()));
  }
  if (options->has_reward_bound()) {
    const double size = range.high() - range.low();
    options->set_reward_bound(Inside(options->reward_bound(), size, 10 * size));
  }
  if (options->has_named() || Chance(random, 10)) {
    static const char* const kNames[] = {"exact", "noisy", "free"};
    options->mutable_named()->set_name(kNames[Below(random, 3)]);
  }
  if (!options->scorer().empty()) options->set_scorer("exact");
  v1::FirstErrorOptions* first_error = options->mutable_first_error();
  first_error->clear_prior();
  first_error->set_max_rollouts(
      std::clamp(first_error->max_rollouts(), 0, service::Limits().max_rollouts));
  if (options->estimator().max_questions() != 0 || options->has_named()) {
    v1::EstimatorOptions* estimator = options->mutable_estimator();
    if (estimator->max_questions() == 0) estimator->set_max_questions(kFewQuestions / 2);
    estimator->set_max_questions(std::clamp(estimator->max_questions(), 2, kFewQuestions));
  }
  options->clear_episode_timeout();
  options->clear_group_timeout();
  options->clear_max_response_bytes();
}

void MendEpisode(const v1::AttributionOptions& options, v1::Episode* episode, Random& random) {
  v1::ValueRange range = options.value_range();
  if (!options.has_value_range()) range.set_high(1);
  if (episode->id().empty()) episode->set_id("e");
  while (episode->agents_size() == 0) episode->add_agents()->set_id("a");
  while (episode->agents_size() > kFewAgents) episode->mutable_agents()->RemoveLast();
  for (int i = 0; i < episode->agents_size(); ++i) {
    for (int k = 0; k < i; ++k) {
      if (episode->agents(k).id() != episode->agents(i).id()) continue;
      episode->mutable_agents(i)->set_id("a" + std::to_string(i));
    }
    if (episode->agents(i).id().empty())
      episode->mutable_agents(i)->set_id("x" + std::to_string(i));
    if (!v1::AgentKind_IsValid(episode->agents(i).kind())) episode->mutable_agents(i)->clear_kind();
  }
  if (episode->messages_size() == 0) episode->add_messages()->set_agent_id(episode->agents(0).id());
  int annotated = 0;
  for (int t = 0; t < episode->messages_size(); ++t) {
    MendMessage(range, t, episode, random);
    if (!episode->messages(t).first_error()) continue;
    if (++annotated > 1) episode->mutable_messages(t)->clear_first_error();
  }
  const std::vector<int> authors = service::Authors(*episode);
  if (std::all_of(authors.begin(), authors.end(), [](int a) { return a == signals::kContext; })) {
    episode->mutable_agents(0)->clear_kind();
    episode->mutable_messages(0)->set_agent_id(episode->agents(0).id());
  }
  if (episode->has_outcome()) {
    v1::Outcome* outcome = episode->mutable_outcome();
    outcome->set_score(Inside(outcome->score(), range.low(), range.high()));
    outcome->clear_components();
  }
  if (episode->has_values() && episode->agents_size() > kMaxTableAgents) episode->clear_values();
  if (episode->has_values() || options.has_given()) {
    auto* values = episode->mutable_values()->mutable_coalition_values();
    values->Resize(1 << std::min(kMaxTableAgents, episode->agents_size()), range.low());
    for (double& value : *values) value = Inside(value, range.low(), range.high());
  }
}

const service::Catalog& HashEvaluators() {
  static const service::Catalog& catalog = *[] {
    auto* made = new service::Catalog;
    made->evaluators["exact"] = std::make_shared<HashEvaluator>("exact", false, false);
    made->evaluators["noisy"] = std::make_shared<HashEvaluator>("noisy", false, true);
    made->evaluators["free"] = std::make_shared<HashEvaluator>("free", true, false);
    return made;
  }();
  return catalog;
}

}  // namespace assay::fuzz
