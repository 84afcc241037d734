// The invariants of proto/signals.md#invariants over random episodes, options and evaluators.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rapidcheck.h"
#include "tests/unit/signals/play.h"

namespace assay::signals {
namespace {

constexpr const char* kTexts[] = {"", "yes", "the sum of all parts is forty two",
                                  "the sum of all parts is forty three",
                                  "we should check the second step again before we go on"};

double Unit() { return *rc::gen::inRange(0, 1001) / 1000.0; }
bool Chance(int percent) { return *rc::gen::inRange(0, 100) < percent; }

// An episode, options and an evaluator that answers by a fixed pseudo-random game.
struct Case {
  Episode episode;
  Options options;
  EvaluatorTraits traits;
  std::vector<double> table;
  std::vector<double> scores;
  std::vector<AnswerGrade> grades;
  uint64_t game = 0;

  double Value(const Question& q) const {
    if (q.kind == QuestionKind::kCoalition) return table[q.coalition()];
    uint64_t h = game ^ (q.players.mask() * 0x9e3779b97f4a7c15) ^ static_cast<uint64_t>(q.index);
    h = (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9;
    const double u = static_cast<double>((h ^ (h >> 32)) % 1001) / 1000;
    return options.range.low + options.range.size() * u;
  }
  absl::StatusOr<Signals> Run() const {
    return testing::RunWith(
        episode, options, traits, [this](const Question& q) { return Value(q); }, table, scores,
        nullptr, grades);
  }
};

void AddMessage(Case& c, int agents) {
  const ValueRange range = c.options.range;
  const auto value = [&] { return range.low + range.size() * Unit(); };
  Message m;
  const int index = static_cast<int>(c.episode.messages.size());
  m.agent = *rc::gen::inRange(-1, agents);
  m.content = kTexts[*rc::gen::inRange(0, 5)];
  m.round = *rc::gen::inRange(0, 4);
  if (Chance(30)) m.prefix_value = value();
  if (Chance(20)) {
    const int trials = *rc::gen::inRange(0, 9);
    m.rollouts = blame::Rollouts{double(*rc::gen::inRange(0, trials + 1)), double(trials)};
  }
  if (Chance(20)) m.redundancy = Unit();
  m.token_count = *rc::gen::inRange(0, 50);
  if (m.agent != kContext) {
    if (Chance(40)) m.process_score = 2 * Unit() - 1;
    if (Chance(10)) m.judge_scores = {{"j", 2 * Unit() - 1}, {"k", 2 * Unit() - 1}};
    if (Chance(6)) m.first_error = true;
    if (index > 0 && Chance(15)) m.repairs = *rc::gen::inRange(0, index);
    if (Chance(15)) m.alternatives = {{"another way", value()}, {"yes", std::nullopt}};
  }
  c.episode.messages.push_back(m);
}

void ChooseEvaluator(Case& c) {
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      return;  // outcome only
    case 1:
      c.traits = testing::Traits(EvaluatorKind::kGiven, {QuestionKind::kAllCoalitions});
      return;
    case 2:
      c.traits = testing::Traits(EvaluatorKind::kCaller,
                                 {QuestionKind::kCoalition, QuestionKind::kMessages}, Chance(50));
      return;
    default:
      c.traits = testing::Traits(
          EvaluatorKind::kNamed,
          {QuestionKind::kCoalition, QuestionKind::kPrefix, QuestionKind::kMessageScores},
          Chance(50));
  }
}

Case AnyCase() {
  Case c;
  const int agents = *rc::gen::inRange(1, 5);
  const double scale = Chance(50) ? 1 : 37;
  c.options.range = {Chance(50) ? 0 : -scale, scale};
  const ValueRange range = c.options.range;
  c.options.success_threshold = range.low + range.size() * Unit();
  c.options.reward_bound = range.size() * (1 + Unit());
  c.options.reference_score = range.low + range.size() * Unit();
  c.options.message_rewards.kappa = 0.5 * range.size();
  c.options.message_rewards.weigh_by_tokens = Chance(20);
  c.options.message_rewards.shingles = Chance(80);
  c.options.first_error.soft_rewards = Chance(20);
  if (Chance(30)) c.options.first_error.parameters.base_rate = 0.05 + 0.9 * Unit();
  c.options.audit = AuditLevel::kFull;
  c.episode = testing::Team(agents);
  const int messages = *rc::gen::inRange(0, 13);
  for (int t = 0; t < messages; ++t) AddMessage(c, agents);
  c.episode.score = range.low + range.size() * Unit();
  c.episode.truncated = Chance(10);
  for (int s = 0; s < (1 << agents); ++s) {
    c.table.push_back(range.low + range.size() * (Chance(20) ? 0.0 : Unit()));
  }
  for (int t = 0; t < messages; ++t) c.scores.push_back(Chance(20) ? std::nan("") : 2 * Unit() - 1);
  if (Chance(30)) {
    for (const Message& m : c.episode.messages) {
      const int grade = *rc::gen::inRange(0, 4);
      c.grades.push_back(m.agent == kContext ? AnswerGrade::kNone
                                             : static_cast<AnswerGrade>(grade));
    }
  }
  c.game = static_cast<uint64_t>(*rc::gen::inRange(0, 1 << 30));
  ChooseEvaluator(c);
  return c;
}

Signals MustRun(const Case& c) {
  absl::StatusOr<Signals> signals = c.Run();
  if (!signals.ok()) RC_FAIL(std::string(signals.status().message()));
  return *std::move(signals);
}

void Check(const std::function<void()>& property) { ASSERT_TRUE(rc::check(property)); }

TEST(SignalsProperty, EveryLedgerBalances) {
  Check([] {
    const Case c = AnyCase();
    const Signals s = MustRun(c);
    const double range = c.options.range.size();
    RC_ASSERT(s.conservation.error <= 1e-9 * range);
    double rewards = 0, totals = 0, left_over = 0, credits = 0;
    for (const MessageSignal& m : s.messages) rewards += m.reward;
    for (const AgentSignal& a : s.agents) {
      totals += a.reward_total;
      left_over += a.unallocated;
      credits += a.credit;
      if (s.success && s.method) {
        RC_ASSERT(std::abs(a.reward_total + a.unallocated - a.credit) <= 1e-9 * range);
      }
    }
    RC_ASSERT(std::abs(rewards - totals) <= 1e-9 * range);
    RC_ASSERT(std::abs(rewards + s.conservation.unallocated - s.conservation.target) <=
              1e-9 * range);
    if (s.method) RC_ASSERT(std::abs(credits - (s.grand_value - s.baseline)) <= 1e-9 * range);
    if (s.success && s.method) {
      RC_ASSERT(std::abs(left_over - s.conservation.unallocated) <= 1e-9 * range);
    }
  });
}

TEST(SignalsProperty, EveryRewardIsBounded) {
  Check([] {
    const Case c = AnyCase();
    for (const MessageSignal& m : MustRun(c).messages) {
      RC_ASSERT(std::isfinite(m.reward));
      RC_ASSERT(std::abs(m.reward) <= c.options.reward_bound);
    }
  });
}

TEST(SignalsProperty, HarmIsNeverRewardedAndRepairNeverPunished) {
  Check([] {
    Case c = AnyCase();
    // The soft rewards mix over places of the error; the label is that of the likeliest one only.
    c.options.first_error.soft_rewards = false;
    const Signals s = MustRun(c);
    for (const MessageSignal& m : s.messages) {
      const AgentSignal& agent = s.agents[c.episode.messages[m.index].agent];
      if (agent.signs_relaxed) continue;
      if (m.label == blame::Label::kFirstError || m.label == blame::Label::kError) {
        RC_ASSERT(m.reward <= 0);
      }
      if (m.label == blame::Label::kRepair) RC_ASSERT(m.reward >= 0);
      if (!s.success && m.label == blame::Label::kFailureAligned) RC_ASSERT(m.reward <= 0);
    }
  });
}

TEST(SignalsProperty, LabelsAndFailuresFollowTheGrades) {
  Check([] {
    Case c = AnyCase();
    c.options.first_error.soft_rewards = false;
    const Signals s = MustRun(c);
    for (const MessageSignal& m : s.messages) {
      const bool good = m.label == blame::Label::kSound || m.label == blame::Label::kRepair;
      const bool error = m.label == blame::Label::kFirstError || m.label == blame::Label::kError;
      if (m.grade == AnswerGrade::kWrong || m.grade == AnswerGrade::kUnreadable) RC_ASSERT(!good);
      if (m.grade != AnswerGrade::kRight) continue;
      RC_ASSERT(m.label != blame::Label::kFailureAligned);
      RC_ASSERT(!error || s.first_error.tier >= blame::Tier::kRollouts);
      if (!s.success && !error && !s.conservation.signs_relaxed) RC_ASSERT(m.reward >= 0);
    }
  });
}

TEST(SignalsProperty, ThePosteriorIsADistribution) {
  Check([] {
    const Case c = AnyCase();
    const Signals s = MustRun(c);
    double mass = s.first_error.none + s.first_error.environment;
    for (const MessageSignal& m : s.messages) {
      for (double p : {m.first_error, m.error, m.repair}) RC_ASSERT(p >= 0 && p <= 1 + 1e-9);
      mass += m.first_error;
    }
    RC_ASSERT(std::abs(mass - 1) <= 1e-9);
  });
}

TEST(SignalsProperty, TheSameCaseGivesTheSameBits) {
  Check([] {
    const Case c = AnyCase();
    const Signals a = MustRun(c);
    const Signals b = MustRun(c);
    RC_ASSERT(testing::Rewards(a) == testing::Rewards(b));
    RC_ASSERT(a.questions == b.questions);
  });
}

TEST(SignalsProperty, RelabellingAgentsPermutesTheResult) {
  Check([] {
    Case c = AnyCase();
    RC_PRE(c.traits.kind == EvaluatorKind::kGiven || c.traits.kind == EvaluatorKind::kOutcome);
    const int n = static_cast<int>(c.episode.agents.size());
    const Signals before = MustRun(c);
    const auto mirror = [n](int i) { return n - 1 - i; };
    std::reverse(c.episode.agents.begin(), c.episode.agents.end());
    for (Message& m : c.episode.messages) {
      if (m.agent != kContext) m.agent = mirror(m.agent);
    }
    std::vector<double> table(c.table.size());
    for (size_t s = 0; s < table.size(); ++s) {
      size_t other = 0;
      for (int i = 0; i < n; ++i) other |= ((s >> i) & 1) << mirror(i);
      table[other] = c.table[s];
    }
    c.table = table;
    const Signals after = MustRun(c);
    const double tolerance = 1e-9 * c.options.range.size();
    for (int i = 0; i < n; ++i) {
      RC_ASSERT(std::abs(before.agents[i].credit - after.agents[mirror(i)].credit) <= tolerance);
    }
    for (size_t t = 0; t < before.messages.size(); ++t) {
      RC_ASSERT(std::abs(before.messages[t].reward - after.messages[t].reward) <= tolerance);
      RC_ASSERT(before.messages[t].label == after.messages[t].label);
    }
  });
}

}  // namespace
}  // namespace assay::signals
