// How far could any search get? The Bayes-optimal posterior of the simulator itself, which knows
// how it draws errors, recoveries, rates and scores, asking one rollout at a time where the first
// error is expected to be least uncertain afterwards. "rates known" is told the success rate of
// every node in either state besides, which no search can be: an upper bound on what is inferred
// from the answers. Prints the share of episodes in which the very message was found, in percent.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "tests/simulation/blame/rollout_world.h"

namespace assay::blame {
namespace {

constexpr double kAuc = 0.85;
constexpr double kPropagated = 0.63;
constexpr double kRecovers = 0.3;

using Row = std::vector<double>;

// Success rates of every node, were it High, Low or recovered.
struct Rates {
  Row high, low, recovered;
  double weight = 1;
};

struct Known {
  Row wrong;           // per message: log-odds of its score were it wrong
  Row successes, all;  // rollouts of every node
};

// P(first error = f), and P(first error = f, rollout from j succeeds), both up to a common factor.
struct Joint {
  explicit Joint(int messages) : first(messages, 0.0), succeeds(messages, Row(messages, 0.0)) {}
  Row first;
  std::vector<Row> succeeds;  // [node][first]
};

double LogLikelihood(double rate, double successes, double all) {
  return successes * std::log(rate) + (all - successes) * std::log1p(-rate);
}

// Adds one hypothesis about the rates, its likelihood divided by exp(scale).
void AddRates(const Known& known, const Rates& rates, double scale, Joint* joint) {
  const int T = static_cast<int>(known.wrong.size());
  const int stay = std::max(2, T / 8), latest = T - 1 - stay;
  Row high(T), low(T), recovered(T), propagated(T);
  for (int j = 0; j < T; ++j) {
    high[j] = LogLikelihood(rates.high[j], known.successes[j], known.all[j]);
    low[j] = LogLikelihood(rates.low[j], known.successes[j], known.all[j]);
    recovered[j] = LogLikelihood(rates.recovered[j], known.successes[j], known.all[j]);
    propagated[j] = std::log(1 - kPropagated + kPropagated * std::exp(known.wrong[j]));
  }
  // v[r][j]: all recoveries by message r that last beyond node j, against staying Low.
  std::vector<Row> v(T, Row(T + 1, 0.0));
  for (int r = 1; r <= latest; ++r) {
    Row u(T, 0.0);
    double gain = 0;
    for (int q = r + 1; q < T; ++q) {
      gain += recovered[q] - low[q] - propagated[q - 1];
      if (q >= r + stay) {
        u[q] = std::exp(gain + known.wrong[q] - propagated[q]) / (T - r - stay);
      }
    }
    for (int j = T - 1; j > r; --j) v[r][j] = v[r][j + 1] + u[j];
  }
  Row beyond(T, 0.0);  // recovered at node j, by any message after f
  double path = std::log(rates.weight / T) - scale;
  for (int j = 1; j < T; ++j) path += low[j];
  for (int t = 1; t < T; ++t) path += propagated[t];
  path += high[0];
  Row base(T);
  for (int f = 0; f < T; ++f) {
    base[f] = path + known.wrong[f];
    if (f + 1 < T) path += high[f + 1] - low[f + 1] - propagated[f + 1];
  }
  double any = 0;
  for (int f = T - 1; f >= 0; --f) {
    if (f + 1 <= latest) {
      for (int j = f + 2; j < T; ++j) beyond[j] += v[f + 1][j];
      any += v[f + 1][f + 2];
    }
    const double recovers = f < latest ? kRecovers / (latest - f) : 0;
    const double stays = f < latest ? 1 - kRecovers : 1;
    const double factor = std::exp(base[f]);
    const double all = factor * (stays + recovers * any);
    joint->first[f] += all;
    for (int j = 0; j < T; ++j) {
      const double up = j > f ? factor * recovers * beyond[j] : 0;
      joint->succeeds[j][f] +=
          j <= f ? all * rates.high[j] : up * rates.recovered[j] + (all - up) * rates.low[j];
    }
  }
}

Joint Infer(const Known& known, const std::vector<Rates>& hypotheses) {
  const int T = static_cast<int>(known.wrong.size());
  double scale = 0;
  for (int t = 0; t < T; ++t) scale += std::max(0.0, known.wrong[t]) * kPropagated;
  Joint joint(T);
  for (const Rates& rates : hypotheses) AddRates(known, rates, scale / 2, &joint);
  const double sum = std::accumulate(joint.first.begin(), joint.first.end(), 0.0);
  for (double& p : joint.first) p /= sum;
  for (Row& row : joint.succeeds) {
    for (double& p : row) p /= sum;
  }
  return joint;
}

// Sum of p log p of p / sum p, times sum p.
double Certainty(const Row& mass) {
  double sum = 0, certainty = 0;
  for (const double p : mass) {
    sum += p;
    if (p > 0) certainty += p * std::log(p);
  }
  return sum > 0 ? certainty - sum * std::log(sum) : 0;
}

int Choose(const Joint& joint) {
  const int T = static_cast<int>(joint.first.size());
  int best = 0;
  double most = -1e300;
  for (int j = 0; j < T; ++j) {
    const Row& succeeds = joint.succeeds[j];
    Row fails(T);
    for (int f = 0; f < T; ++f) fails[f] = joint.first[f] - succeeds[f];
    const double value = Certainty(succeeds) + Certainty(fails);
    if (value > most) {
      most = value;
      best = j;
    }
  }
  return best;
}

int Search(const World& world, Known known, const std::vector<Rates>& hypotheses, int rollouts,
           SplitMix& random) {
  for (int i = 0; i < rollouts; ++i) {
    const int j = Choose(Infer(known, hypotheses));
    known.successes[j] += random.Chance(world.success[j]);
    known.all[j] += 1;
  }
  const Row first = Infer(known, hypotheses).first;
  return static_cast<int>(std::max_element(first.begin(), first.end()) - first.begin());
}

// The rates as MakeWorld draws them, a grid over the levels of an episode.
std::vector<Rates> LevelGrid(int messages) {
  const double offsets[] = {-1.35, -.42, .42, 1.35};
  std::vector<Rates> grid;
  // The drift of a node from the level, added to the spread of the levels.
  const double drift = .02 * std::sqrt(messages / 3.0);
  const double high_spread = std::hypot(.1, drift), low_spread = std::hypot(.04, drift / 2);
  for (const double a : offsets) {
    for (const double b : offsets) {
      const double h = std::clamp(.67 + high_spread * a, .4, .95);
      const double l = std::clamp(.08 + low_spread * b, .01, .25);
      Rates rates{Row(messages, h), Row(messages, l), Row(messages, l + .9 * (h - l)), 1. / 16};
      grid.push_back(rates);
    }
  }
  return grid;
}

// What the simulator drew, as far as the world shows it: the High rate after the error and the Low
// one before it are those of the nearest node of that state.
Rates TrueRates(const World& world) {
  const int T = world.messages();
  Rates rates{Row(T), Row(T), Row(T), 1};
  const auto recovered = [&](int j) {
    return world.repair >= 0 && j > world.repair && j <= world.relapse;
  };
  for (int j = 0; j < T; ++j) {
    rates.high[j] = j <= world.first_error ? world.success[j] : rates.high[j - 1];
  }
  double low = .08;
  for (int j = T - 1; j >= 0; --j) {
    if (j > world.first_error && !recovered(j)) low = world.success[j];
    rates.low[j] = low;
  }
  for (int j = 0; j < T; ++j) {
    rates.recovered[j] =
        recovered(j) ? world.success[j] : rates.low[j] + .9 * (rates.high[j] - rates.low[j]);
  }
  for (Row* row : {&rates.high, &rates.low, &rates.recovered}) {
    for (double& rate : *row) rate = std::clamp(rate, .004, .97);
  }
  return rates;
}

void Measure(int messages, int rollouts, bool scores, bool rates_known, uint64_t seeds,
             int episodes) {
  int exact = 0;
  for (int i = 0; i < episodes; ++i) {
    SplitMix random(seeds + static_cast<uint64_t>(i));
    const World world = MakeWorld(messages, random);
    Known known{Row(messages, 0.0), Row(messages, 0.0), Row(messages, 0.0)};
    if (scores) {
      for (const Score& score : ScoreWorld(world, kAuc, kPropagated, random)) {
        known.wrong[score.message] = std::log1p(-score.value) - std::log1p(score.value);
      }
    }
    const std::vector<Rates> hypotheses =
        rates_known ? std::vector<Rates>{TrueRates(world)} : LevelGrid(messages);
    exact += Search(world, known, hypotheses, rollouts, random) == world.first_error;
  }
  std::printf("ceiling%s%s_T%d_%d %.1f percent\n", scores ? "_scores" : "",
              rates_known ? "_rates_known" : "", messages, rollouts, 100.0 * exact / episodes);
  std::fflush(stdout);
}

}  // namespace
}  // namespace assay::blame

int main(int argc, char** argv) {
  const int episodes = argc > 1 ? std::atoi(argv[1]) : 1000;
  const uint64_t seeds = argc > 2 ? std::strtoull(argv[2], nullptr, 0) : 0x5eed0000u;
  for (const bool scores : {true, false}) {
    for (const int rollouts : {12, 24, 48}) {
      for (const bool known : {false, true}) {
        assay::blame::Measure(64, rollouts, scores, known, seeds, episodes);
      }
    }
  }
}
