#include "tests/fuzz/invariants.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "server/signals/episode.h"
#include "server/wire/authors.h"
#include "server/wire/inspect.h"
#include "tests/fuzz/mutator.h"

namespace assay::fuzz {
namespace {

constexpr double kTolerance = 1e-9;
constexpr double kLocalClip = 5;

// Rounding of values far from 0 is relative to them, not to their range.
double Slack(const v1::AttributionOptions& options) {
  const double low = options.value_range().low();
  const double high = options.value_range().high();
  const double largest = std::max({std::abs(low), std::abs(high), options.reward_bound()});
  return std::max(kTolerance * (high - low), 1e-12 * largest);
}

void CheckClose(double a, double b, double slack, const char* what) {
  if (std::abs(a - b) <= slack) return;
  Fail(what, (std::to_string(a) + " and " + std::to_string(b)).c_str());
}

struct Ledger {
  double rewards = 0, totals = 0, credits = 0, left_over = 0;
};

Ledger Add(const v1::EpisodeSignals& signals) {
  Ledger ledger;
  for (const v1::MessageSignal& message : signals.messages()) ledger.rewards += message.reward();
  for (const v1::AgentCredit& agent : signals.agents()) {
    ledger.totals += agent.reward_total();
    ledger.credits += agent.credit();
    ledger.left_over += agent.unallocated();
  }
  return ledger;
}

void CheckConservation(const v1::EpisodeSignals& signals, const v1::AttributionOptions& options) {
  const Ledger ledger = Add(signals);
  const v1::Conservation& kept = signals.conservation();
  const double slack = Slack(options);
  CheckClose(ledger.rewards + kept.unallocated(), kept.target(), slack, "conservation");
  CheckClose(ledger.rewards, ledger.totals, slack, "rewards of agents");
  CheckClose(kept.allocated(), ledger.rewards, slack, "allocated");
  const bool asked = signals.effort().interval() != v1::INTERVAL_KIND_UNSPECIFIED;
  if (!asked) return;
  CheckClose(ledger.credits, signals.grand_value() - signals.baseline(), slack, "efficiency");
  if (!signals.success()) return;
  CheckClose(ledger.left_over, kept.unallocated(), slack, "unallocated");
  for (const v1::AgentCredit& agent : signals.agents()) {
    CheckClose(agent.reward_total() + agent.unallocated(), agent.credit(), slack, "agent's credit");
  }
}

void CheckSigns(const v1::EpisodeSignals& signals) {
  std::map<std::string, bool> relaxed;
  for (const v1::AgentCredit& agent : signals.agents()) {
    relaxed[agent.agent_id()] = agent.signs_relaxed();
  }
  for (const v1::MessageSignal& message : signals.messages()) {
    const bool is_right = message.grade() == v1::ANSWER_GRADE_RIGHT;
    const bool is_graded = message.grade() != v1::ANSWER_GRADE_UNSPECIFIED;
    if (is_graded && !is_right) {
      Check(message.label() != v1::LABEL_SOUND && message.label() != v1::LABEL_REPAIR,
            "a wrong answer is a right step");
    }
    if (relaxed[message.agent_id()]) continue;
    if (is_right && !signals.success() && message.label() != v1::LABEL_FIRST_ERROR &&
        message.label() != v1::LABEL_ERROR) {
      Check(message.reward() >= 0, "a right answer is punished");
    }
    switch (message.label()) {
      case v1::LABEL_FIRST_ERROR:
      case v1::LABEL_ERROR:
        Check(message.reward() <= 0, "harm is rewarded");
        break;
      case v1::LABEL_FAILURE_ALIGNED:
        Check(signals.success() || message.reward() <= 0, "harm is rewarded");
        break;
      case v1::LABEL_REPAIR:
        Check(message.reward() >= 0, "repair is punished");
        break;
      default:
        break;
    }
  }
}

void CheckMessages(const v1::EpisodeSignals& signals, const v1::Episode& episode,
                   const v1::AttributionOptions& options) {
  int last = -1;
  double mass =
      signals.first_error().none_probability() + signals.first_error().environment_probability();
  for (const v1::MessageSignal& message : signals.messages()) {
    Check(message.index() > last && message.index() < episode.messages_size(), "message's index");
    last = message.index();
    Check(message.agent_id() == episode.messages(last).agent_id(), "message's agent");
    Check(std::abs(message.reward()) <= options.reward_bound(), "bound");
    for (const double p : {message.first_error_probability(), message.error_probability(),
                           message.repair_probability(), message.redundancy()}) {
      Check(p >= 0 && p <= 1 + kTolerance, "probability");
    }
    mass += message.first_error_probability();
  }
  const std::vector<int> authors = service::Authors(episode);
  const auto context = std::count(authors.begin(), authors.end(), assay::signals::kContext);
  const auto agents = static_cast<std::ptrdiff_t>(authors.size()) - context;
  Check(signals.messages_size() == agents, "a signal for each message of an agent");
  CheckClose(mass, 1, kTolerance, "posterior");
}

void CheckSide(const v1::PreferenceSide& side, const v1::Episode& episode) {
  Check(side.episode_id() == episode.id(), "pair's episode");
  Check(side.begin() >= 0 && side.begin() < side.end() && side.end() <= episode.messages_size(),
        "pair's messages");
  if (side.has_alternative()) {
    Check(side.alternative() >= 0 &&
              side.alternative() < episode.messages(side.begin()).alternatives_size(),
          "pair's alternative");
  }
}

void CheckPairs(const v1::EpisodeSignals& signals, const v1::Episode& episode) {
  for (const v1::PreferencePair& pair : signals.pairs()) {
    Check(pair.has_chosen() || pair.has_rejected(), "a pair without sides");
    Check(pair.weight() >= 0 && pair.weight() <= 1 + kTolerance, "pair's weight");
    Check(pair.context_length() >= 0 && pair.context_length() <= episode.messages_size(),
          "pair's context");
    if (pair.has_chosen()) CheckSide(pair.chosen(), episode);
    if (pair.has_rejected()) CheckSide(pair.rejected(), episode);
  }
}

}  // namespace

void CheckSignals(const v1::EpisodeSignals& signals, const v1::Episode& episode,
                  const v1::AttributionOptions& options) {
  Check(signals.episode_id() == episode.id(), "episode's id");
  Check(signals.agents_size() == episode.agents_size(), "a credit for each agent");
  if (const auto path = service::FindNotFinite(signals)) Fail("not finite:", path->c_str());
  CheckConservation(signals, options);
  CheckMessages(signals, episode, options);
  // Soft rewards mix over the places of the error; the labels are those of the likeliest one.
  if (!options.first_error().soft_rewards()) CheckSigns(signals);
  CheckPairs(signals, episode);
}

void CheckError(const v1::Error& error) {
  Check(error.code() > 0 && error.code() <= 16, "error's code");
  Check(!error.message().empty(), "error's message");
}

void CheckGroup(const v1::GroupResult& group) {
  if (!group.has_signals()) return CheckError(group.error());
  const v1::GroupSignals& signals = group.signals();
  Check(signals.used() == signals.episodes_size(), "group's count");
  if (const auto path = service::FindNotFinite(signals)) Fail("not finite:", path->c_str());
  for (const v1::EpisodeAdvantages& episode : signals.episodes()) {
    for (const v1::MessageAdvantage& message : episode.messages()) {
      Check(std::abs(message.local_advantage()) <= kLocalClip, "local advantage");
    }
  }
}

}  // namespace assay::fuzz
