#include "tests/unit/golden.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/signals/advantages.h"
#include "tests/unit/signals/groups.h"
#include "tests/unit/signals/play.h"

namespace assay::signals {
namespace {

using assay::testing::Append;
using assay::testing::Dice;
using assay::testing::Golden;

constexpr absl::string_view kTexts[] = {
    "",
    "yes",
    "the sum of all parts is forty two",
    "the sum of all parts is forty three",
    "we should check the second step again before we go on",
    "The second step again, before we go on: the sum of all parts is forty two"};

void AddMessage(Dice& dice, const ValueRange& range, Episode& episode) {
  const auto value = [&] { return range.low + range.size() * dice.Unit(); };
  Message m;
  const int index = static_cast<int>(episode.messages.size());
  m.agent = dice.Chance(15) ? kContext : dice.Below(static_cast<int>(episode.agents.size()));
  m.content = kTexts[dice.Below(std::size(kTexts))];
  m.round = dice.Below(4);
  if (dice.Chance(20)) m.prefix_value = value();
  if (dice.Chance(20)) {
    const int trials = dice.Below(9);
    m.rollouts = blame::Rollouts{double(dice.Below(trials + 1)), double(trials)};
  }
  if (dice.Chance(20)) m.redundancy = dice.Unit();
  m.token_count = dice.Below(50);
  if (m.agent != kContext) {
    if (dice.Chance(40)) m.process_score = 2 * dice.Unit() - 1;
    if (dice.Chance(10)) m.judge_scores = {{"j", 2 * dice.Unit() - 1}, {"k", 2 * dice.Unit() - 1}};
    if (dice.Chance(4)) m.first_error = true;
    const int before = dice.Below(index + 1);
    if (before < index && episode.messages[before].agent != kContext && dice.Chance(25)) {
      m.repairs = before;
    }
    if (dice.Chance(20)) m.alternatives = {{"another way", value()}, {"yes", std::nullopt}};
  }
  episode.messages.push_back(m);
}

EvaluatorTraits DrawEvaluator(Dice& dice, int agents) {
  const bool free = dice.Chance(40);
  EvaluatorTraits traits;
  switch (dice.Below(4)) {
    case 0:
      return traits;  // outcome only
    case 1:
      if (agents > 4) return traits;
      return testing::Traits(EvaluatorKind::kGiven, {QuestionKind::kAllCoalitions});
    case 2:
      traits = testing::Traits(EvaluatorKind::kCaller,
                               {QuestionKind::kCoalition, QuestionKind::kMessages}, free);
      break;
    default:
      traits = testing::Traits(EvaluatorKind::kNamed,
                               {QuestionKind::kCoalition, QuestionKind::kPrefix,
                                QuestionKind::kCorrection, QuestionKind::kMessageScores},
                               free);
  }
  traits.deterministic = dice.Chance(50);
  return traits;
}

Options DrawOptions(Dice& dice) {
  Options o;
  const double scale = dice.Chance(50) ? 1 : 37;
  o.range = {dice.Chance(50) ? 0 : -scale, scale};
  o.seed = static_cast<uint64_t>(dice.Below(1000));
  o.success_threshold = o.range.low + o.range.size() * (0.3 + 0.4 * dice.Unit());
  o.reward_bound = o.range.size() * (1 + dice.Unit());
  o.reference_score = o.range.high - 0.3 * o.range.size() * dice.Unit();
  o.estimator.max_questions = dice.Chance(40) ? 10 + dice.Below(60) : 0;
  o.estimator.samples_per_question = dice.Chance(30) ? 3 : 1;
  o.estimator.target_half_width = dice.Chance(20) ? 0.1 * o.range.size() : 0;
  o.message_rewards.evidence =
      dice.Chance(60) ? EvidenceKind::kAuto : static_cast<EvidenceKind>(dice.Below(5));
  o.message_rewards.kappa = 0.5 * o.range.size();
  o.message_rewards.weigh_by_tokens = dice.Chance(20);
  o.message_rewards.shingles = dice.Chance(80);
  o.first_error.soft_rewards = dice.Chance(20);
  o.first_error.definition = static_cast<blame::ErrorDefinition>(dice.Below(3));
  if (dice.Chance(30)) o.first_error.parameters.base_rate = 0.05 + 0.9 * dice.Unit();
  o.pair_margin = dice.Chance(30) ? 0.1 * o.range.size() : 0;
  o.audit = AuditLevel::kFull;
  return o;
}

void AppendPairs(const std::vector<blame::Pair>& pairs, std::vector<double>& numbers) {
  for (const blame::Pair& pair : pairs) {
    Append(numbers,
           {static_cast<double>(pair.kind), static_cast<double>(pair.context_length), pair.weight});
    for (const auto& side : {pair.chosen, pair.rejected}) {
      numbers.push_back(side.has_value() ? side->begin + 100 * side->alternative.value_or(-1) : -1);
    }
  }
}

std::vector<double> Numbers(const Signals& s) {
  std::vector<double> numbers = {s.score,
                                 s.baseline,
                                 s.grand_value,
                                 s.unexplained,
                                 s.total_std_error,
                                 static_cast<double>(s.success),
                                 static_cast<double>(s.outcome_mismatch),
                                 static_cast<double>(s.evidence),
                                 static_cast<double>(s.questions),
                                 static_cast<double>(s.samples),
                                 s.method.has_value() ? static_cast<double>(*s.method) : -1,
                                 static_cast<double>(s.interval),
                                 static_cast<double>(s.partial)};
  for (const AgentSignal& a : s.agents) {
    Append(numbers, {a.credit, a.std_error, a.low, a.high, a.reward_total, a.unallocated,
                     static_cast<double>(a.signs_relaxed)});
  }
  for (const MessageSignal& m : s.messages) {
    Append(numbers, {static_cast<double>(m.index), m.reward, static_cast<double>(m.label),
                     m.first_error, m.error, m.repair, m.redundancy});
  }
  for (const MessageAudit& e : s.message_audits) {
    Append(numbers, {e.raw_reward, e.weight, e.low, e.high, e.error_log_ratio, e.prior});
  }
  const FirstError& f = s.first_error;
  Append(numbers, {static_cast<double>(f.first_index.value_or(-1)),
                   static_cast<double>(f.decisive_index.value_or(-1)), static_cast<double>(f.agent),
                   f.probability, f.none, f.environment, static_cast<double>(f.tier)});
  for (const int t : f.credible_set) numbers.push_back(t);
  for (const Interaction& i : s.interactions) numbers.push_back(i.index);
  AppendPairs(s.pairs, numbers);
  Append(numbers,
         {s.conservation.target, s.conservation.allocated, s.conservation.unallocated,
          s.conservation.estimator_gap, static_cast<double>(s.conservation.signs_relaxed)});
  return numbers;
}

double Asked(const Question& q) {
  const double weight = q.kind == QuestionKind::kCoalition ? 1 : 3;
  return weight * static_cast<double>(q.players.mask()) + 5 * q.index +
         7 * static_cast<double>(q.kind) + 11 * q.samples;
}

// Where partial: ends when it can, and `more` stages have been answered since.
std::vector<double> Drive(Dice& dice, const Episode& episode, const Options& options,
                          const EvaluatorTraits& traits, bool partial, int more = 0) {
  EvaluatorTraits scorer;
  if (dice.Chance(30)) {
    scorer = testing::Traits(EvaluatorKind::kNamed, {QuestionKind::kMessageScores});
  }
  const ValueRange range = options.range;
  Attribution plan(episode, options, traits, scorer);
  std::vector<double> table(size_t{1} << episode.agents.size());
  for (double& v : table) v = range.low + range.size() * dice.Unit();
  double asked = 0;
  int place = 0;
  while (!plan.done() && !(partial && plan.can_finish_early() && more-- == 0)) {
    std::vector<Answer> answers;
    for (const Question& q : plan.ask()) {
      asked += Asked(q) * (1 + ++place % 100);
      Answer& a = answers.emplace_back();
      a.samples = q.samples;
      if (q.kind == QuestionKind::kAllCoalitions) {
        a.table = table;
      } else if (q.kind == QuestionKind::kMessageScores) {
        for (size_t t = 0; t < episode.messages.size(); ++t) {
          a.scores.push_back(dice.Chance(20) ? std::numeric_limits<double>::quiet_NaN()
                                             : 2 * dice.Unit() - 1);
        }
      } else {
        a.mean = q.kind == QuestionKind::kCoalition ? table[q.coalition()]
                                                    : range.low + range.size() * dice.Unit();
        if (!traits.deterministic && q.samples > 1) {
          a.variance = 0.02 * range.size() * range.size();
        }
      }
    }
    const absl::Status told = plan.tell(answers);
    EXPECT_TRUE(told.ok()) << told;
    if (!told.ok()) return {};
  }
  const auto signals = plan.finish();
  if (!signals.ok()) return {static_cast<double>(signals.status().code())};
  std::vector<double> numbers = Numbers(*signals);
  numbers.push_back(asked);
  return numbers;
}

TEST(Golden, Episodes) {
  Golden golden("signals");
  for (int k = 0; k < 80; ++k) {
    Dice dice(k);
    Options options = DrawOptions(dice);
    const int agents = dice.Chance(15) ? 9 : 1 + dice.Below(5);
    Episode episode = testing::Team(agents);
    for (int t = dice.Below(14); t > 0; --t) AddMessage(dice, options.range, episode);
    if (dice.Chance(90)) episode.score = options.range.low + options.range.size() * dice.Unit();
    episode.truncated = dice.Chance(10);
    const EvaluatorTraits traits = DrawEvaluator(dice, agents);
    options.allow_partial = k % 7 == 0;
    golden.Expect(absl::StrCat(k), Drive(dice, episode, options, traits, options.allow_partial));
  }
}

// Evaluators of any kind that answer any mixture of questions, and more messages: what is asked
// for, and what is too much to ask for.
TEST(Golden, KindsOfEvaluators) {
  Golden golden("evaluators");
  constexpr QuestionKind kKinds[] = {QuestionKind::kCoalition,     QuestionKind::kMessages,
                                     QuestionKind::kPrefix,        QuestionKind::kCorrection,
                                     QuestionKind::kMessageScores, QuestionKind::kAllCoalitions};
  for (int k = 0; k < 120; ++k) {
    Dice dice(9000 + k);
    Options options = DrawOptions(dice);
    options.first_error.max_rollouts = dice.Chance(30) ? 1 + dice.Below(30) : 0;
    const int agents = 1 + dice.Below(7);
    Episode episode = testing::Team(agents);
    for (int t = dice.Below(k % 3 == 0 ? 30 : 9); t > 0; --t) {
      AddMessage(dice, options.range, episode);
    }
    if (dice.Chance(70)) episode.score = dice.Chance(60) ? options.range.high : options.range.low;
    EvaluatorTraits traits;
    traits.kind = static_cast<EvaluatorKind>(1 + dice.Below(4));
    traits.free = dice.Chance(60);
    traits.deterministic = dice.Chance(50);
    for (const QuestionKind kind : kKinds) {
      if (dice.Chance(kind == QuestionKind::kAllCoalitions ? 30 : 65)) traits.supports |= Bit(kind);
    }
    options.allow_partial = k % 5 == 0;
    golden.Expect(absl::StrCat(k),
                  Drive(dice, episode, options, traits, options.allow_partial, k / 5 % 3));
  }
}

// Numbers in quarters: scores at the threshold, credits that are 0, messages alike, bounds that are
// met exactly.
TEST(Golden, EpisodesAtTheirBounds) {
  Golden golden("bounds");
  for (int k = 0; k < 200; ++k) {
    Dice dice(11000 + k, k % 2 == 0 ? 4 : 2);
    Options options = DrawOptions(dice);
    options.range = {k % 3 == 0 ? -1.0 : 0.0, 1};
    options.success_threshold = dice.Unit();
    options.reward_bound = dice.Chance(50) ? options.range.size() : 0.25;
    options.reference_score = dice.Unit();
    options.message_rewards.kappa = 0.25 + 0.5 * dice.Unit();
    options.first_error.confidence = dice.Chance(50) ? 0.25 : 0.5;
    options.pair_margin = dice.Chance(50) ? 0 : 0.25;
    const int agents = 1 + dice.Below(4);
    Episode episode = testing::Team(agents);
    for (int t = dice.Below(k % 4 == 0 ? 4 : 12); t > 0; --t) {
      AddMessage(dice, options.range, episode);
    }
    if (dice.Chance(80)) episode.score = options.range.low + options.range.size() * dice.Unit();
    const EvaluatorTraits traits = DrawEvaluator(dice, agents);
    golden.Expect(absl::StrCat(k), Drive(dice, episode, options, traits, false));
  }
}

TEST(Golden, Advantages) {
  Golden golden("advantages");
  for (int k = 0; k < 60; ++k) {
    Dice dice(5000 + k);
    const auto maybe = [&dice](int chance, double value) {
      return dice.Chance(chance) ? std::optional<double>(value) : std::nullopt;
    };
    const int chance = k % 4 == 0 ? 90 : 100;
    std::vector<GroupMember> members;
    for (int e = 1 + dice.Below(6); e > 0; --e) {
      GroupMember& member = members.emplace_back();
      member.score = dice.Below(4) / 3.0;
      member.owen_values = dice.Chance(80);
      const int agents = 1 + dice.Below(3);
      for (int a = 0; a < agents; ++a) {
        MemberAgent& agent = member.agents.emplace_back();
        agent.policy = std::string(1, dice.Chance(50) ? 'p' : 'q');
        agent.credit = dice.Unit() - 0.5;
        agent.std_error = k % 3 == 0 ? 0.1 * dice.Unit() : 0;
        agent.value_without = maybe(chance, dice.Unit());
      }
      for (int t = dice.Below(7); t > 0; --t) {
        MemberMessage& message = member.messages.emplace_back();
        message.agent = dice.Below(agents);
        message.credit = maybe(k % 5 == 0 ? 0 : chance, dice.Unit() - 0.5);
        message.value_change = maybe(k % 5 == 1 ? 100 : 50, dice.Unit() - 0.5);
        message.value_change_variance = k % 2 == 0 ? 0 : 0.1 * dice.Unit();
        message.process_score = maybe(50, dice.Unit() - 0.5);
      }
    }
    AdvantageOptions options;
    options.blend = maybe(50, dice.Unit());
    options.scale = static_cast<OutcomeScale>(k % 3);
    options.outcome = k % 7 == 0 ? OutcomePart::kOutcome : OutcomePart::kAuto;
    const absl::StatusOr<GroupAdvantages> group =
        ComputeAdvantages(testing::Pointers(members), options);
    ASSERT_TRUE(group.ok()) << group.status();
    std::vector<double> numbers = {group->mean_score,
                                   group->std_score,
                                   static_cast<double>(group->outcome_part),
                                   static_cast<double>(group->credit_part),
                                   group->reliability,
                                   group->weight};
    for (const MemberAdvantages& member : group->members) {
      numbers.push_back(member.outcome);
      Append(numbers, member.by_agent);
      Append(numbers, member.local);
      Append(numbers, member.advantage);
    }
    golden.Expect(absl::StrCat(k), numbers);
  }
}

}  // namespace
}  // namespace assay::signals
