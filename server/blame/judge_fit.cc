#include "server/blame/judge_fit.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"

namespace assay::blame {
namespace {

constexpr double kLeastLikelihood = 1e-9;
constexpr int kSweeps = 6;
constexpr int kGoldenSteps = 14;
constexpr double kSettled = 1e-5;  // gain of a sweep, nats an episode
constexpr double kGolden = 0.6180339887498949;
// Where the search for the largest likelihood begins: between the neighbours of the best of these.
constexpr double kWeights[] = {0, 0.25, 0.5, 1, 1.5, 2, 3, 5};
constexpr double kBases[] = {0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95};
constexpr double kShares[] = {0.02, 0.2, 0.4, 0.6, 0.8, 0.98};

struct Gain {
  double sum = 0, error = 0;  // of the differences of two log likelihoods, over all episodes
};

Gain GainOf(const std::vector<double>& with, const std::vector<double>& without) {
  const auto count = static_cast<double>(with.size());
  double sum = 0, squares = 0;
  for (size_t e = 0; e < with.size(); ++e) {
    const double gain = with[e] - without[e];
    sum += gain;
    squares += gain * gain;
  }
  return {sum, std::sqrt(std::fmax(0.0, squares - sum * sum / count))};
}

class Fit {
 public:
  Fit(absl::Span<const JudgedEpisode> episodes, const Parameters& start)
      : episodes_(episodes), parameters_(start) {
    parameters_.shared_level = 0;
    for (size_t e = 0; e < episodes.size(); ++e) {
      for (const Opinion& opinion : episodes[e].opinions) {
        Said& said = said_[opinion.judge];
        said.sum += opinion.value;
        ++said.count;
        said.episodes += said.last != static_cast<int>(e);
        said.last = static_cast<int>(e);
      }
    }
    for (const auto& [name, said] : said_) judges_.push_back({name, 1, 0.5, said.episodes});
  }

  JudgeFit Run() {
    Climb();
    while (DropOne()) Climb();
    const std::vector<double> with = LogLikelihoods();
    const std::vector<JudgeReliability> learned = std::exchange(judges_, {});
    for (const JudgeReliability& judge : learned) judges_.push_back({judge.judge, 0, 0.5, 0});
    const Gain gain = GainOf(with, LogLikelihoods());
    judges_ = learned;
    const auto count = static_cast<double>(episodes_.size());
    return {judges_, parameters_.propagated_share, gain.sum / count, gain.error / count};
  }

  size_t judges() const { return judges_.size(); }

 private:
  struct Said {
    double sum = 0, count = 0;
    int episodes = 0, last = -1;
  };

  // log P(first = label), one an episode. `muted`: a judge who says the same of every message, its
  // mean; empty where none is.
  std::vector<double> LogLikelihoods(const JudgeReliability* muted = nullptr) const {
    std::vector<double> out;
    out.reserve(episodes_.size());
    for (const JudgedEpisode& episode : episodes_) {
      Evidence evidence = episode.evidence;
      evidence.annotations.clear();
      evidence.scores.clear();
      for (const Opinion& opinion : episode.opinions) {
        const bool mean = muted != nullptr && muted->judge == opinion.judge;
        const Said& said = said_.at(opinion.judge);
        AddScore(judges_, opinion.judge, opinion.message,
                 mean ? said.sum / said.count : opinion.value, evidence.scores);
      }
      const double first = ComputePosterior(evidence, parameters_).first[episode.first_error];
      out.push_back(std::log(std::fmax(first, kLeastLikelihood)));
    }
    return out;
  }

  double LogLikelihood() const {
    const std::vector<double> all = LogLikelihoods();
    return std::accumulate(all.begin(), all.end(), 0.0);
  }

  // Sets `number` where the likelihood is largest: the best of `grid`, then golden section between
  // its neighbours. Returns the likelihood, which is at least `current`, that of now.
  double Maximise(double& number, absl::Span<const double> grid, double current) {
    const auto at = [&](double x) {
      number = x;
      return LogLikelihood();
    };
    double best = number, most = current;
    size_t place = 0;
    double most_of_grid = 0;
    for (size_t i = 0; i < grid.size(); ++i) {
      const double found = at(grid[i]);
      if (i == 0 || found > most_of_grid) {
        most_of_grid = found;
        place = i;
      }
    }
    double low = grid[place > 0 ? place - 1 : 0], high = grid[std::min(place + 1, grid.size() - 1)];
    const auto keep = [&](double x, double found) {
      if (found > most) {
        most = found;
        best = x;
      }
    };
    keep(grid[place], most_of_grid);
    double a = high - kGolden * (high - low), b = low + kGolden * (high - low);
    double at_a = at(a), at_b = at(b);
    for (int step = 0; step < kGoldenSteps; ++step) {
      if (at_a >= at_b) {
        high = b;
        b = a;
        at_b = at_a;
        a = high - kGolden * (high - low);
        at_a = at(a);
      } else {
        low = a;
        a = b;
        at_a = at_b;
        b = low + kGolden * (high - low);
        at_b = at(b);
      }
    }
    keep(a, at_a);
    keep(b, at_b);
    number = best;
    return most;
  }

  // Coordinate ascent over weights that are not 0, their base rates, and w.
  void Climb() {
    double current = LogLikelihood();
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      const double before = current;
      for (JudgeReliability& judge : judges_) {
        if (judge.weight <= 0) continue;
        current = Maximise(judge.weight, kWeights, current);
        current = Maximise(judge.base_rate, kBases, current);
      }
      current = Maximise(parameters_.propagated_share, kShares, current);
      if (current - before < kSettled * static_cast<double>(episodes_.size())) return;
    }
  }

  // The judge whose scores tell least more than their mean does, where that is no more than the
  // standard error.
  bool DropOne() {
    const std::vector<double> with = LogLikelihoods();
    JudgeReliability* worst = nullptr;
    double least = 0;
    for (JudgeReliability& judge : judges_) {
      if (judge.weight <= 0) continue;
      const Gain gain = GainOf(with, LogLikelihoods(&judge));
      if (gain.sum > gain.error || (worst != nullptr && gain.sum >= least)) continue;
      worst = &judge;
      least = gain.sum;
    }
    if (worst == nullptr) return false;
    worst->weight = 0;
    worst->base_rate = 0.5;
    return true;
  }

  const absl::Span<const JudgedEpisode> episodes_;
  Parameters parameters_;
  std::map<std::string, Said> said_;
  std::vector<JudgeReliability> judges_;
};

absl::Status Invalid(size_t episode, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("episodes[", episode, "].", why));
}

absl::Status Validate(const JudgedEpisode& episode, size_t number) {
  if (absl::Status valid = Validate(episode.evidence); !valid.ok()) {
    return Invalid(number, absl::StrCat("evidence.", valid.message()));
  }
  const auto is_agents = [&](int t) {
    return t >= 0 && t < static_cast<int>(episode.evidence.authors.size()) &&
           episode.evidence.authors[t] >= 0;
  };
  if (!is_agents(episode.first_error)) {
    return Invalid(number, "first_error: not a message of an agent");
  }
  for (size_t i = 0; i < episode.opinions.size(); ++i) {
    const Opinion& opinion = episode.opinions[i];
    if (!is_agents(opinion.message) || !(opinion.value >= -1 && opinion.value <= 1)) {
      return Invalid(number, absl::StrCat("opinions[", i, "]: not in [-1, 1], or of no agent"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<JudgeFit> FitJudges(absl::Span<const JudgedEpisode> episodes,
                                   const Parameters& start) {
  if (episodes.empty()) return absl::InvalidArgumentError("episodes: none");
  if (absl::Status valid = Validate(start); !valid.ok()) return valid;
  for (size_t e = 0; e < episodes.size(); ++e) {
    if (absl::Status valid = Validate(episodes[e], e); !valid.ok()) return valid;
  }
  Fit fit(episodes, start);
  if (fit.judges() > kMaxKnownJudges) {
    return absl::InvalidArgumentError(absl::StrCat("judges: more than ", kMaxKnownJudges));
  }
  return fit.Run();
}

}  // namespace assay::blame
