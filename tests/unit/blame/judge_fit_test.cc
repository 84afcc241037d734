#include "server/blame/judge_fit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/simulation/blame/calibration.h"
#include "tests/simulation/blame/rollout_world.h"

namespace assay::blame {
namespace {

constexpr int kMessages = 16;
constexpr double kPropagated = 0.63;

// A judge of this quality who says `loudness` times as much as it knows.
struct Simulated {
  std::string name;
  double auc;
  double loudness = 1;
};

double Louder(double q, double loudness) {
  const double odds = std::pow((1 + q) / (1 - q), loudness);
  return std::clamp((odds - 1) / (odds + 1), -1.0, 1.0);
}

std::vector<JudgedEpisode> Judged(int episodes, uint64_t seed,
                                  const std::vector<Simulated>& judges) {
  std::vector<JudgedEpisode> out;
  for (int e = 0; e < episodes; ++e) {
    SplitMix random(seed + static_cast<uint64_t>(e));
    const World world = MakeWorld(kMessages, random);
    JudgedEpisode& episode = out.emplace_back();
    episode.evidence = EvidenceOf(world);
    episode.first_error = world.first_error;
    for (const Simulated& judge : judges) {
      for (const Score& score : ScoreWorld(world, judge.auc, kPropagated, random)) {
        episode.opinions.push_back(
            {judge.name, score.message, Louder(score.value, judge.loudness)});
      }
    }
  }
  return out;
}

// With the same score for every message, or nearly.
void Flatter(std::vector<JudgedEpisode>& episodes, double noise) {
  SplitMix random(99);
  for (JudgedEpisode& episode : episodes) {
    for (int t = 0; t < kMessages; ++t) {
      episode.opinions.push_back({"flatterer", t, 1 - noise * random.Uniform()});
    }
  }
}

const JudgeReliability& Named(const JudgeFit& fit, absl::string_view name) {
  const auto found = std::find_if(fit.judges.begin(), fit.judges.end(),
                                  [&](const JudgeReliability& j) { return j.judge == name; });
  EXPECT_NE(found, fit.judges.end()) << name;
  return *found;
}

// Independent judges are worth what they say, times 1 + (J - 1) / 2 for the tempering of several. A
// judge who says three times as much as it knows is worth a third of that.
TEST(FitJudges, TwoJudgesOfUnequalQualityAreWeighedRightly) {
  const auto fit = FitJudges(Judged(400, 1, {{"sharp", 0.85}, {"blunt", 0.7, 3}}));
  ASSERT_TRUE(fit.ok()) << fit.status();
  const JudgeReliability& sharp = Named(*fit, "sharp");
  const JudgeReliability& blunt = Named(*fit, "blunt");
  EXPECT_EQ(sharp.episodes, 400);
  EXPECT_GT(sharp.weight, 1);
  EXPECT_LT(sharp.weight, 2);
  EXPECT_NEAR(blunt.weight / sharp.weight, 1. / 3, 0.12);
  EXPECT_GT(fit->gain, 0.5);
  // Each knows something that the other does not.
  const auto alone = FitJudges(Judged(400, 1, {{"sharp", 0.85}}));
  ASSERT_TRUE(alone.ok());
  EXPECT_GT(fit->gain, alone->gain);
}

TEST(FitJudges, AJudgeWhoAlwaysSaysFineIsIgnored) {
  for (const double noise : {0.0, 0.05}) {
    std::vector<JudgedEpisode> episodes = Judged(300, 2, {{"sharp", 0.85}});
    const auto alone = FitJudges(episodes);
    Flatter(episodes, noise);
    const auto fit = FitJudges(episodes);
    ASSERT_TRUE(fit.ok()) << fit.status();
    EXPECT_EQ(Named(*fit, "flatterer").weight, 0) << noise;
    // The flatterer does not temper the other one either.
    EXPECT_NEAR(Named(*fit, "sharp").weight, Named(*alone, "sharp").weight, 0.05) << noise;
  }
}

// As sure as it is right, on 500 other episodes.
TEST(FitJudges, ClaimsAreCalibratedOnOtherEpisodes) {
  const auto fit = FitJudges(Judged(500, 3, {{"judge", 0.85}}));
  ASSERT_TRUE(fit.ok()) << fit.status();
  Parameters parameters;
  parameters.propagated_share = fit->propagated_share;
  Calibration likeliest;
  for (const JudgedEpisode& episode : Judged(500, 1000003, {{"judge", 0.85}})) {
    Evidence evidence = episode.evidence;
    for (const Opinion& o : episode.opinions) {
      AddScore(fit->judges, o.judge, o.message, o.value, evidence.scores);
    }
    const Posterior p = ComputePosterior(evidence, parameters);
    likeliest.Add(p.first[p.likeliest_first], p.likeliest_first == episode.first_error);
  }
  EXPECT_LE(likeliest.Error(), 0.05);
}

TEST(FitJudges, IsDeterministicAndSaysWhatIsWrong) {
  const std::vector<JudgedEpisode> episodes = Judged(40, 4, {{"a", 0.8}});
  EXPECT_EQ(FitJudges(episodes)->judges[0].weight, FitJudges(episodes)->judges[0].weight);
  EXPECT_FALSE(FitJudges({}).ok());
  std::vector<JudgedEpisode> bad = episodes;
  bad[1].first_error = kMessages;
  EXPECT_EQ(FitJudges(bad).status().message().substr(0, 24), "episodes[1].first_error:");
  bad = episodes;
  bad[2].opinions[3].value = 2;
  EXPECT_EQ(FitJudges(bad).status().message().substr(0, 24), "episodes[2].opinions[3]:");
}

}  // namespace
}  // namespace assay::blame
