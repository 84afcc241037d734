#include "server/wire/convert.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/wire/authors.h"
#include "server/wire/enums.h"
#include "server/wire/errors.h"

namespace assay::service {
namespace {

absl::string_view View(const std::string& text) { return text; }

void MessageFromWire(const v1::Message& wire, signals::Message* message) {
  message->round = wire.round();
  message->content = View(wire.content());
  if (wire.has_answer()) message->answer = View(wire.answer());
  if (wire.has_process_score()) message->process_score = wire.process_score();
  if (wire.has_prefix_value()) message->prefix_value = wire.prefix_value();
  if (wire.has_prefix_rollouts()) {
    message->rollouts = {static_cast<double>(wire.prefix_rollouts().successes()),
                         static_cast<double>(wire.prefix_rollouts().trials())};
  }
  if (wire.has_redundancy()) message->redundancy = wire.redundancy();
  if (wire.has_repairs()) message->repairs = wire.repairs();
  message->first_error = wire.first_error();
  message->token_count = wire.token_count();
  message->alternatives.reserve(wire.alternatives_size());
  for (const v1::Alternative& alternative : wire.alternatives()) {
    blame::Alternative& added = message->alternatives.emplace_back();
    added.content = View(alternative.content());
    if (alternative.has_value()) added.value = alternative.value();
  }
  message->judge_scores.reserve(wire.judge_scores_size());
  for (const v1::JudgeScore& judge : wire.judge_scores()) {
    message->judge_scores.push_back({View(judge.judge()), judge.score()});
  }
}

// Opinions on context say nothing about any agent.
void DropOpinions(signals::Message* message) {
  message->process_score.reset();
  message->alternatives.clear();
  message->judge_scores.clear();
}

void AgentsToWire(const signals::Signals& signals, const v1::Episode& episode,
                  v1::EpisodeSignals* wire) {
  wire->mutable_agents()->Reserve(static_cast<int>(signals.agents.size()));
  for (int i = 0; i < static_cast<int>(signals.agents.size()); ++i) {
    const signals::AgentSignal& agent = signals.agents[i];
    v1::AgentCredit* added = wire->add_agents();
    added->set_agent_id(episode.agents(i).id());
    added->set_credit(Plain(agent.credit));
    added->set_std_error(Plain(agent.std_error));
    added->set_low(Plain(agent.low));
    added->set_high(Plain(agent.high));
    added->set_reward_total(Plain(agent.reward_total));
    added->set_unallocated(Plain(agent.unallocated));
    added->set_signs_relaxed(agent.signs_relaxed);
    const std::string& policy = episode.agents(i).policy();
    added->set_policy(policy.empty() ? episode.agents(i).id() : policy);
    if (agent.value_without) added->set_value_without(Plain(*agent.value_without));
  }
}

void MessagesToWire(const signals::Signals& signals, const v1::Episode& episode,
                    v1::EpisodeSignals* wire) {
  wire->mutable_messages()->Reserve(static_cast<int>(signals.messages.size()));
  for (const signals::MessageSignal& message : signals.messages) {
    const v1::Message& source = episode.messages(message.index);
    v1::MessageSignal* added = wire->add_messages();
    added->set_index(message.index);
    added->set_agent_id(source.agent_id());
    added->set_reward(Plain(message.reward));
    added->set_label(EnumToWire(message.label));
    added->set_first_error_probability(Plain(message.first_error));
    added->set_error_probability(Plain(message.error));
    added->set_repair_probability(Plain(message.repair));
    added->set_redundancy(Plain(message.redundancy));
    *added->mutable_token_spans() = source.token_spans();
    added->set_grade(EnumToWire(message.grade));
    if (message.credit) added->set_credit(Plain(*message.credit));
    if (message.value_change) {
      added->set_value_change(Plain(message.value_change->mean));
      added->set_value_change_variance(Plain(message.value_change->variance));
    }
    if (message.process_score) added->set_process_score(Plain(*message.process_score));
  }
}

void FirstErrorToWire(const signals::FirstError& first_error, const v1::Episode& episode,
                      v1::FirstError* wire) {
  if (first_error.first_index) wire->set_first_index(*first_error.first_index);
  if (first_error.decisive_index) wire->set_decisive_index(*first_error.decisive_index);
  if (first_error.agent >= 0) wire->set_agent_id(episode.agents(first_error.agent).id());
  wire->set_probability(Plain(first_error.probability));
  wire->set_none_probability(Plain(first_error.none));
  wire->set_environment_probability(Plain(first_error.environment));
  wire->mutable_credible_set()->Add(first_error.credible_set.begin(),
                                    first_error.credible_set.end());
  wire->set_tier(EnumToWire(first_error.tier));
  if (first_error.context_index) wire->set_context_index(*first_error.context_index);
  wire->set_prior_used(EnumToWire(first_error.prior_used));
  wire->set_prior_source(first_error.prior_source);
  wire->set_prior_weight(Plain(first_error.prior_weight));
  wire->set_search_end(EnumToWire(first_error.search_end));
}

void ConservationToWire(const signals::Conservation& conservation, v1::Conservation* wire) {
  wire->set_target(Plain(conservation.target));
  wire->set_allocated(Plain(conservation.allocated));
  wire->set_unallocated(Plain(conservation.unallocated));
  wire->set_error(Plain(conservation.error));
  wire->set_estimator_gap(Plain(conservation.estimator_gap));
  wire->set_signs_relaxed(conservation.signs_relaxed);
}

using EpisodeIds = absl::FunctionRef<const std::string&(int)>;

void SideToWire(const blame::PairSide& side, EpisodeIds ids, v1::PreferenceSide* wire) {
  wire->set_episode_id(ids(side.episode));
  wire->set_begin(side.begin);
  wire->set_end(side.end);
  if (side.alternative) wire->set_alternative(*side.alternative);
}

}  // namespace

void PairToWire(const blame::Pair& pair, EpisodeIds ids, v1::PreferencePair* wire) {
  wire->set_kind(EnumToWire(pair.kind));
  wire->set_context_episode_id(ids(pair.context_episode));
  wire->set_context_length(pair.context_length);
  if (pair.chosen) SideToWire(*pair.chosen, ids, wire->mutable_chosen());
  if (pair.rejected) SideToWire(*pair.rejected, ids, wire->mutable_rejected());
  wire->set_weight(Plain(pair.weight));
}

signals::Episode EpisodeFromWire(const v1::Episode& episode) {
  signals::Episode domain;
  domain.id = View(episode.id());
  domain.prompt = View(episode.task().prompt());
  domain.reference_answer = View(episode.task().reference_answer());
  domain.agents.reserve(episode.agents_size());
  absl::flat_hash_set<absl::string_view> tools;
  for (const v1::Agent& agent : episode.agents()) {
    if (agent.kind() == v1::AGENT_KIND_TOOL) tools.insert(agent.id());
    domain.agents.push_back({View(agent.id()), View(agent.role()),
                             View(agent.policy().empty() ? agent.id() : agent.policy())});
  }
  const std::vector<int> authors = Authors(episode);
  domain.messages.resize(episode.messages_size());
  for (int t = 0; t < episode.messages_size(); ++t) {
    const v1::Message& wire = episode.messages(t);
    signals::Message& message = domain.messages[t];
    MessageFromWire(wire, &message);
    message.agent = authors[t];
    if (message.agent != signals::kContext) continue;
    message.speaker = View(wire.agent_id());
    message.is_output = tools.contains(message.speaker);
    DropOpinions(&message);
  }
  if (episode.outcome().has_score()) domain.score = episode.outcome().score();
  domain.truncated = episode.outcome().truncated();
  const auto& table = episode.values().coalition_values();
  domain.table = absl::MakeConstSpan(table.data(), table.size());
  return domain;
}

std::shared_ptr<const evaluation::EpisodeContext> MakeContext(std::shared_ptr<const void> storage,
                                                              const v1::Episode& episode,
                                                              const signals::Options& options,
                                                              const std::string& traceparent) {
  auto context = std::make_shared<evaluation::EpisodeContext>();
  context->storage = std::move(storage);
  context->episode = EpisodeFromWire(episode);
  context->message = &episode;
  context->seed = options.seed;
  context->range = options.range;
  context->traceparent = traceparent;
  return context;
}

void SignalsToWire(const signals::Signals& signals, const v1::Episode& episode,
                   v1::EpisodeSignals* wire) {
  wire->set_episode_id(episode.id());
  wire->set_success(signals.success);
  wire->set_score(Plain(signals.score));
  wire->set_baseline(Plain(signals.baseline));
  wire->set_grand_value(Plain(signals.grand_value));
  wire->set_unexplained(Plain(signals.unexplained));
  wire->set_outcome_mismatch(signals.outcome_mismatch);
  AgentsToWire(signals, episode, wire);
  MessagesToWire(signals, episode, wire);
  FirstErrorToWire(signals.first_error, episode, wire->mutable_first_error());
  for (const signals::Interaction& interaction : signals.interactions) {
    v1::Interaction* added = wire->add_interactions();
    added->set_agent_a(episode.agents(interaction.agent_a).id());
    added->set_agent_b(episode.agents(interaction.agent_b).id());
    added->set_index(Plain(interaction.index));
  }
  for (const blame::Pair& pair : signals.pairs) {
    PairToWire(
        pair, [&episode](int) -> const std::string& { return episode.id(); }, wire->add_pairs());
  }
  ConservationToWire(signals.conservation, wire->mutable_conservation());
  v1::Effort* effort = wire->mutable_effort();
  effort->set_questions(static_cast<int32_t>(signals.questions));
  effort->set_samples(static_cast<int32_t>(signals.samples));
  effort->set_failed_rollouts(static_cast<int32_t>(signals.failed_rollouts));
  effort->mutable_failed_nodes()->Add(signals.failed_nodes.begin(), signals.failed_nodes.end());
  if (signals.method) {
    effort->set_method(EnumToWire(*signals.method));
    effort->set_interval(EnumToWire(signals.interval));
  }
  wire->set_partial(signals.partial);
  if (episode.has_group()) *wire->mutable_group() = episode.group();
  wire->set_evidence(EnumToWire(signals.evidence));
  wire->set_parallel(signals.parallel || episode.group().parallel());
  wire->set_owen_values(signals.owen_values);
}

}  // namespace assay::service
