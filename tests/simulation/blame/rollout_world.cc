#include "tests/simulation/blame/rollout_world.h"

#include <algorithm>
#include <cmath>

namespace assay::blame {
namespace {

constexpr double kRecovers = 0.3;
constexpr double kDrift = 0.02;

// A level that wanders a little from node to node within its bounds.
class Level {
 public:
  Level(double mean, double spread, double low, double high, SplitMix& random)
      : low_(low), high_(high), at_(std::clamp(mean + spread * random.Normal(), low, high)) {}

  double Next(SplitMix& random) {
    at_ = std::clamp(at_ + kDrift * random.Normal(), low_, high_);
    return at_;
  }

 private:
  double low_, high_, at_;
};

}  // namespace

World MakeWorld(int messages, SplitMix& random) {
  World world;
  world.first_error = static_cast<int>(random.Below(messages));
  const int stay = std::max(2, messages / 8);  // a recovery lasts so many nodes at least
  const int latest_repair = messages - 1 - stay;
  if (world.first_error < latest_repair && random.Chance(kRecovers)) {
    const int span = latest_repair - world.first_error;
    world.repair = world.first_error + 1 + static_cast<int>(random.Below(span));
    world.relapse =
        world.repair + stay + static_cast<int>(random.Below(messages - world.repair - stay));
  }
  Level high(.67, .1, .4, .95, random), low(.08, .04, .005, .25, random);
  const double recovery = .8 + .2 * random.Uniform();
  for (int j = 0; j <= messages; ++j) {
    const double h = high.Next(random), l = low.Next(random);
    const bool recovered = world.repair >= 0 && j > world.repair && j <= world.relapse;
    world.success.push_back(j <= world.first_error ? h : recovered ? l + recovery * (h - l) : l);
  }
  world.success.back() = 0;
  return world;
}

World WithTools(const World& world) {
  World trace;
  trace.tools = true;
  trace.first_error = 2 * world.first_error;
  if (world.repair >= 0) {
    trace.repair = 2 * world.repair;
    trace.relapse = 2 * world.relapse;
  }
  trace.success.push_back(world.success.front());
  for (size_t j = 1; j < world.success.size(); ++j) {
    trace.success.push_back(world.success[j]);                                    // the message
    if (j + 1 < world.success.size()) trace.success.push_back(world.success[j]);  // the reply
  }
  return trace;
}

std::vector<Score> ScoreWorld(const World& world, double auc, double propagated, SplitMix& random) {
  // Two unit normals whose means differ by d have the area Phi(d / sqrt 2), and the log-odds of a
  // draw x from between them are d x.
  double low = 0, high = 6;
  for (int i = 0; i < 60; ++i) {
    const double d = (low + high) / 2;
    (0.5 * std::erfc(-d / 2) < auc ? low : high) = d;
  }
  const double d = (low + high) / 2;
  std::vector<Score> scores;
  for (int t = 0; t < world.messages(); ++t) {
    const bool recovered = t >= world.repair && t < world.relapse;
    const bool low = t > world.first_error && !recovered;
    const bool wrong =
        t == world.first_error || t == world.relapse || (low && random.Chance(propagated));
    const double x = random.Normal() + (wrong ? d / 2 : -d / 2);
    scores.push_back({t, 2 / (1 + std::exp(d * x)) - 1});
  }
  return scores;
}

Evidence EvidenceOf(const World& world) {
  Evidence evidence;
  evidence.authors.assign(world.messages(), 0);
  if (world.tools) {
    for (int t = 1; t < world.messages(); t += 2) evidence.authors[t] = kNobody;
  }
  evidence.agents = 1;
  return evidence;
}

}  // namespace assay::blame
