#include "server/blame/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <utility>

namespace assay::blame {
namespace {

constexpr auto kCorrection = QuestionKind::kCorrection;

Evidence Failure(int messages) {
  Evidence evidence;
  evidence.authors.assign(messages, 0);
  evidence.agents = 1;
  return evidence;
}

// Answers without noise: success up to the error, none after it; a correction helps up to it.
Answer Reply(const Question& question, int error) {
  return {.mean = question.index <= error ? 1. : 0., .samples = question.samples};
}

int Drive(FirstErrorSearch& search, int error) {
  int rounds = 0;
  for (; !search.done(); ++rounds) {
    std::vector<Answer> answers;
    for (const auto& question : search.ask()) answers.push_back(Reply(question, error));
    EXPECT_TRUE(search.tell(answers).ok());
  }
  return rounds;
}

TEST(FirstErrorSearch, FindsEveryPlaceWithoutNoise) {
  for (int error = 0; error < 32; ++error) {
    FirstErrorSearch search(Failure(32), {}, {}, {});
    Drive(search, error);
    EXPECT_EQ(ComputePosterior(search.evidence()).claimed_first, error);
    EXPECT_LE(search.rollouts(), 40);
  }
}

TEST(FirstErrorSearch, CorrectionsDoWithoutPrefixes) {
  for (const int error : {0, 7, 19}) {
    FirstErrorSearch search(Failure(20), {}, {}, {.prefixes = false, .corrections = true});
    while (!search.done()) {
      std::vector<Answer> answers;
      for (const auto& question : search.ask()) {
        EXPECT_EQ(question.kind, kCorrection);
        answers.push_back(Reply(question, error));
      }
      ASSERT_TRUE(search.tell(answers).ok());
    }
    EXPECT_EQ(ComputePosterior(search.evidence()).likeliest_first, error);
  }
}

TEST(FirstErrorSearch, ScanAsksForThePair) {
  FirstErrorSearch search(Failure(16), {}, {},
                          {.max_rollouts = 48, .corrections = true, .settled = 1});
  bool corrected = false;
  while (!search.done()) {
    std::vector<Answer> answers;
    for (const auto& question : search.ask()) {
      corrected = corrected || question.kind == kCorrection;
      answers.push_back(Reply(question, 6));
    }
    ASSERT_TRUE(search.tell(answers).ok());
  }
  EXPECT_TRUE(corrected);
  EXPECT_EQ(ComputePosterior(search.evidence()).claimed_first, 6);
}

TEST(FirstErrorSearch, KeepsToTheBudgetAndTheBatch) {
  FirstErrorSearch search(Failure(64), {}, {}, {.max_rollouts = 10, .batch = 4, .settled = 1});
  int asked = 0;
  while (!search.done()) {
    std::vector<Answer> answers;
    int samples = 0;
    for (const auto& question : search.ask()) {
      samples += question.samples;
      answers.push_back({.mean = 0.5, .samples = question.samples, .variance = 0.25});
    }
    EXPECT_LE(samples, 4);
    asked += samples;
    ASSERT_TRUE(search.tell(answers).ok());
  }
  EXPECT_EQ(asked, 10);
}

// What drives a search through an environment that fails where `fails` says so.
struct Flaky {
  int error;
  std::function<bool(const Question&, int round)> fails;
  int asked = 0;

  void Drive(FirstErrorSearch& search) {
    for (int round = 0; !search.done(); ++round) {
      std::vector<Answer> answers;
      for (const auto& question : search.ask()) {
        asked += question.samples;
        answers.push_back(Reply(question, error));
        if (fails(question, round)) {
          answers.back() = {.mean = 1e300, .error = absl::UnavailableError("no container")};
        }
      }
      ASSERT_TRUE(search.tell(answers).ok());
    }
  }
};

TEST(FirstErrorSearch, AsksAgainWhatFailedByInfrastructure) {
  FirstErrorSearch steady(Failure(32), {}, {}, {});
  Drive(steady, 17);
  FirstErrorSearch search(Failure(32), {}, {}, {});
  Flaky flaky{17, [](const Question&, int round) { return round % 3 == 1; }};
  flaky.Drive(search);
  EXPECT_EQ(search.rollouts(), steady.rollouts());
  EXPECT_GT(search.failed_rollouts(), 0);
  EXPECT_EQ(flaky.asked, search.rollouts() + search.failed_rollouts());
  EXPECT_THAT(search.FailedNodes(), testing::IsEmpty());
  EXPECT_EQ(search.end(), steady.end());
  const Posterior found = ComputePosterior(search.evidence());
  EXPECT_EQ(found.claimed_first, 17);
  EXPECT_EQ(found.first, ComputePosterior(steady.evidence()).first);
}

TEST(FirstErrorSearch, GoesOnWithoutAPlaceThatAlwaysFails) {
  FirstErrorSearch search(Failure(16), {}, {}, {.max_rollouts = 60, .settled = 1});
  int asked_eight = 0;
  Flaky flaky{4, [&](const Question& question, int) {
                asked_eight += question.index == 8;
                return question.index == 8;
              }};
  flaky.Drive(search);
  EXPECT_EQ(asked_eight, kMaxRolloutFailures);
  EXPECT_THAT(search.FailedNodes(), testing::ElementsAre(8));
  EXPECT_EQ(search.rollouts(), 60);
  EXPECT_EQ(search.end(), SearchEnd::kBudget);
  EXPECT_EQ(ComputePosterior(search.evidence()).claimed_first, 4);
}

// Nothing is claimed where the environment never answers, and the end is near.
TEST(FirstErrorSearch, EndsWhereEverythingFails) {
  for (const int messages : {3, 5, 200}) {
    FirstErrorSearch search(Failure(messages), {}, {}, {.max_rollouts = 24, .corrections = true});
    Flaky flaky{0, [](const Question&, int) { return true; }};
    flaky.Drive(search);
    EXPECT_LE(flaky.asked, 48);
    EXPECT_EQ(search.rollouts(), 0);
    EXPECT_EQ(search.end(), SearchEnd::kFailures);
    EXPECT_EQ(ComputePosterior(search.evidence()).claimed_first, std::nullopt);
    EXPECT_EQ(ComputePosterior(search.evidence()).tier, Tier::kNone);
  }
}

TEST(FirstErrorSearch, CountsFailuresAgainstWhatMayBeAsked) {
  FirstErrorSearch search(Failure(32), {}, {}, {.max_rollouts = 20, .max_asked = 25, .settled = 1});
  Flaky flaky{9, [](const Question&, int round) { return round % 2 == 0; }};
  flaky.Drive(search);
  EXPECT_EQ(flaky.asked, 25);
  EXPECT_EQ(search.rollouts(), 12);
  EXPECT_EQ(search.end(), SearchEnd::kFailures);
}

TEST(FirstErrorSearch, KeepsToTheBudgetOfANode) {
  for (const int batch : {1, 7, 40}) {
    FirstErrorSearch search(Failure(12), {}, {},
                            {.max_rollouts = 200,
                             .max_node_rollouts = 3,
                             .batch = batch,
                             .corrections = true,
                             .settled = 1});
    std::map<std::pair<QuestionKind, int>, int> samples;
    Flaky flaky{5, [&](const Question& question, int) {
                  samples[{question.kind, question.index}] += question.samples;
                  return false;
                }};
    flaky.Drive(search);
    for (const auto& [place, count] : samples) EXPECT_LE(count, 3);
    EXPECT_EQ(search.end(), SearchEnd::kExhausted);
    EXPECT_EQ(ComputePosterior(search.evidence()).claimed_first, 5);
  }
}

TEST(FirstErrorSearch, EndsEarlyWhereThePosteriorHasDecided) {
  FirstErrorSearch early(Failure(16), {}, {}, {.max_rollouts = 200, .settled = .8});
  Drive(early, 6);
  EXPECT_EQ(early.end(), SearchEnd::kSettled);
  FirstErrorSearch late(Failure(16), {}, {}, {.max_rollouts = 200, .settled = .99});
  Drive(late, 6);
  EXPECT_EQ(late.end(), SearchEnd::kSettled);
  EXPECT_LT(early.rollouts(), late.rollouts());
  EXPECT_GE(ComputePosterior(early.evidence()).first[6], .8);
  EXPECT_LT(ComputePosterior(early.evidence()).first[6], .99);
}

TEST(FirstErrorSearch, DefaultBudgetGrowsWithTheLogarithm) {
  FirstErrorSearch small(Failure(1), {}, {}, {.settled = 1});
  Drive(small, 0);
  EXPECT_LE(small.rollouts(), 8);
  FirstErrorSearch large(Failure(1000), {}, {}, {.settled = 1});
  Drive(large, 700);
  EXPECT_EQ(large.rollouts(), 80);
}

TEST(FirstErrorSearch, AsksADeterministicEvaluatorOnce) {
  FirstErrorSearch search(Failure(12), {}, {},
                          {.max_rollouts = 100, .deterministic = true, .settled = 1});
  std::vector<int> asked(13, 0);
  while (!search.done()) {
    std::vector<Answer> answers;
    for (const auto& question : search.ask()) {
      EXPECT_EQ(question.samples, 1);
      ++asked[question.index];
      answers.push_back({.mean = question.index <= 5 ? .6 : .2, .samples = 1});
    }
    ASSERT_TRUE(search.tell(answers).ok());
  }
  for (const int times : asked) EXPECT_LE(times, 1);
  EXPECT_EQ(ComputePosterior(search.evidence()).likeliest_first, 5);
}

// Looking at each node for each question of a batch would take 2^36 steps.
TEST(FirstErrorSearch, PlansALargeBatchOfALongEpisode) {
  FirstErrorSearch search(Failure(1 << 16), {}, {}, {.max_rollouts = 1 << 24, .batch = 1 << 20});
  int samples = 0;
  int last = -1;
  for (const auto& question : search.ask()) {
    EXPECT_GT(question.index, last);  // nobody is asked twice in a batch
    last = question.index;
    samples += question.samples;
  }
  EXPECT_EQ(samples, 1 << 20);
}

TEST(FirstErrorSearch, AScanSpendsWhatIsKeptForIt) {
  FirstErrorSearch search(Failure(16), {}, {}, {.max_rollouts = 1'000'000, .settled = 2});
  EXPECT_LE(Drive(search, 6), 30);
  EXPECT_EQ(search.rollouts(), 1'000'000);
}

TEST(FirstErrorSearch, NothingToFind) {
  Evidence annotated = Failure(5);
  annotated.annotations = {2};
  EXPECT_TRUE(FirstErrorSearch(annotated, {}, {}, {}).done());
  Evidence success = Failure(5);
  success.outcome = Outcome::kSuccess;
  EXPECT_TRUE(FirstErrorSearch(success, {}, {}, {}).done());
  Evidence context = Failure(5);
  context.authors.assign(5, kNobody);
  EXPECT_TRUE(FirstErrorSearch(context, {}, {}, {}).done());
  EXPECT_TRUE(FirstErrorSearch(Failure(0), {}, {}, {}).done());
  EXPECT_TRUE(
      FirstErrorSearch(Failure(5), {}, {.definition = ErrorDefinition::kIncorrectStep}, {}).done());
  EXPECT_TRUE(FirstErrorSearch(Failure(5), {}, {}, {.prefixes = false}).done());
}

TEST(FirstErrorSearch, BadAnswersChangeNothing) {
  FirstErrorSearch search(Failure(8), {}, {}, {});
  const auto before = search.ask();
  EXPECT_FALSE(search.tell({}).ok());
  EXPECT_FALSE(search.tell({{.mean = 1.5, .samples = 1}}).ok());
  EXPECT_FALSE(search.tell({{.mean = std::nan(""), .samples = 1}}).ok());
  EXPECT_FALSE(search.tell({{.mean = .5, .samples = 1, .variance = -1}}).ok());
  EXPECT_EQ(search.rollouts(), 0);
  ASSERT_EQ(search.ask().size(), before.size());
  EXPECT_EQ(search.ask()[0].index, before[0].index);
}

TEST(FirstErrorSearch, ScoresSayWhereToStart) {
  Evidence evidence = Failure(64);
  for (int t = 0; t < 64; ++t) evidence.scores.push_back({t, t < 50 ? .8 : -.8});
  FirstErrorSearch search(evidence, {}, {}, {.settled = 1});
  EXPECT_NEAR(search.ask()[0].index, 50, 3);
}

TEST(FromAnswer, NoiseSaysWhatAnAnswerIsWorth) {
  const Rollouts coin = FromAnswer({.mean = .5, .samples = 4, .variance = 1. / 3}, 0, 1);
  EXPECT_NEAR(coin.trials, 4, 1e-12);
  EXPECT_NEAR(coin.successes, 2, 1e-12);
  const Rollouts steady = FromAnswer({.mean = .5, .samples = 4, .variance = .05}, 0, 1);
  EXPECT_NEAR(steady.trials, 20, 1e-12);
  const Rollouts exact = FromAnswer({.mean = -.5, .samples = 1}, -1, 1);
  EXPECT_NEAR(exact.trials, 4, 1e-12);
  EXPECT_NEAR(exact.successes, 1, 1e-12);
  const Rollouts one = FromAnswer({.mean = 1, .samples = 1}, 0, 1);
  EXPECT_EQ(one.trials, 1);
}

// Of more messages the node nearest 1/2 is asked for, and not the one that would tell most.
TEST(FirstErrorSearch, LooksAheadInAtMost1024Messages) {
  const auto first = [](int messages) {
    Evidence evidence;
    evidence.agents = 1;
    evidence.outcome = Outcome::kFailure;
    evidence.authors.assign(messages, kNobody);
    for (int t = 0; t < 12; ++t) evidence.authors[t] = 0;
    evidence.scores = {{2, -0.3}, {5, 0.4}, {9, -0.8}};
    FirstErrorSearch search(evidence, {}, {}, {.batch = 1});
    return search.ask().front().index;
  };
  EXPECT_EQ(first(1024), first(1023));
  EXPECT_NE(first(1025), first(1024));
}

TEST(FirstErrorSearch, EndsWhereTheErrorIsSettled) {
  Evidence evidence;
  evidence.agents = 1;
  evidence.outcome = Outcome::kFailure;
  evidence.authors.assign(4, 0);
  evidence.scores = {{2, -0.9}};
  evidence.nodes.resize(5);
  const Posterior known = ComputePosterior(evidence);
  const double mass = known.first[known.likeliest_first];
  const auto done = [&](double settled) {
    return FirstErrorSearch(evidence, {}, {}, {.settled = settled}).done();
  };
  EXPECT_TRUE(done(mass));
  EXPECT_FALSE(done(std::nextafter(mass, 1)));
}

// All rollouts are used, the last ones for the neighbours of the likeliest message: of ten and four
// questions each has two, and the likeliest two one more.
TEST(FirstErrorSearch, SpendsTheScanToTheLastRollout) {
  Evidence evidence;
  evidence.agents = 1;
  evidence.outcome = Outcome::kFailure;
  evidence.authors = {0, 0};
  FirstErrorSearch search(evidence, {}, {},
                          {.max_rollouts = 60, .batch = 60, .corrections = true, .settled = 1});
  int spent = 0;
  std::vector<int> last;
  while (!search.done()) {
    std::vector<Answer> answers;
    last.clear();
    for (const Question& question : search.ask()) {
      last.push_back(question.samples);
      spent += question.samples;
      answers.push_back({.mean = 0.5, .samples = question.samples, .variance = 0.25});
    }
    ASSERT_TRUE(search.tell(answers).ok());
  }
  EXPECT_EQ(spent, 60);
  EXPECT_THAT(last, ::testing::ElementsAre(3, 3, 2, 2));
}

}  // namespace
}  // namespace assay::blame
