// Every estimator on every game at every budget: squared error beside the best public estimator of
// anchors.csv.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "tests/benchmarks/estimators/anchors.h"
#include "tests/benchmarks/estimators/games.h"
#include "tests/benchmarks/estimators/plot.h"
#include "tests/benchmarks/estimators/trial.h"

ABSL_FLAG(std::string, bench, "../shared/bench", "folder with games/ and anchors.csv");
ABSL_FLAG(std::string, output, "", "folder for estimators.csv and estimators.svg; empty: none");
ABSL_FLAG(int, seeds, 30, "trials a cell");
ABSL_FLAG(int, games, 0, "use this many generated games a family instead of the folder's");
ABSL_FLAG(int, first_game, 1, "seed of the first generated game");
ABSL_FLAG(std::vector<std::string>, n, std::vector<std::string>({"8", "10", "12"}), "agents");
ABSL_FLAG(
    std::vector<std::string>, budgets, std::vector<std::string>({"2", "4", "8", "16", "32", "64"}),
    "questions an agent; cells without an anchor are left out where the folder's games are used");
ABSL_FLAG(
    std::vector<std::string>, methods, std::vector<std::string>({"odd_bayes"}),
    "odd_bayes, antithetic, leverage, permutation, kernel, auto; the first is the one compared");
ABSL_FLAG(std::vector<std::string>, families, std::vector<std::string>(), "empty: all");
ABSL_FLAG(int, samples, 0, "Bernoulli samples a question; 0: exact answers");
ABSL_FLAG(bool, cells, true, "print a line for each cell");

namespace assay::benchmarks {
namespace {

credit::Method ParseMethod(const std::string& name) {
  using credit::Method;
  for (Method method : {Method::kAuto, Method::kExact, Method::kOddBayes, Method::kAntithetic,
                        Method::kLeverage, Method::kPermutation, Method::kKernel}) {
    if (credit::MethodName(method) == absl::string_view(name)) return method;
  }
  std::fprintf(stderr, "no such method: %s\n", name.c_str());
  std::exit(1);
}

struct Cell {
  std::string family;
  int n = 0;
  int budget = 0;
  std::string method;
  double error = 0;  // mean over trials of the mean squared error over agents
  double milliseconds = 0;
  double coverage = 0;
  double width_ratio =
      0;  // half-width over what a calibrated normal interval of these errors would have
  Anchor anchor = {};
};

// A breach of what every estimator promises ends the program: the figures would not be worth
// reading.
void CheckPromises(const Trial& trial, const Cell& cell) {
  const bool repeats = trial.questions > trial.distinct && absl::GetFlag(FLAGS_samples) == 0;
  const std::int64_t samples =
      std::int64_t{cell.budget} * std::max(1, absl::GetFlag(FLAGS_samples));
  if (trial.distinct > cell.budget || trial.samples > samples || repeats ||
      trial.efficiency_error > 1e-12) {
    std::fprintf(stderr, "%s n=%d %s at %d: %lld questions, %lld distinct, efficiency off by %g\n",
                 cell.family.c_str(), cell.n, cell.method.c_str(), cell.budget,
                 static_cast<long long>(trial.questions), static_cast<long long>(trial.distinct),
                 trial.efficiency_error);
    std::exit(1);
  }
}

void RunCell(const std::vector<TableGame>& games, int seeds, Cell& cell) {
  double half_width = 0;
  int trials = 0;
  for (const TableGame& game : games) {
    const Game known = WithTruth(game);
    for (int seed = 0; seed < seeds; ++seed) {
      const Trial trial = RunTrial(known, {.method = ParseMethod(cell.method),
                                           .budget = cell.budget,
                                           .seed = static_cast<std::uint64_t>(seed),
                                           .samples = absl::GetFlag(FLAGS_samples)});
      CheckPromises(trial, cell);
      cell.error += trial.squared_error;
      cell.milliseconds += trial.milliseconds;
      cell.coverage += trial.covered;
      for (int i = 0; i < game.n; ++i) {
        half_width += (trial.estimate.high[i] - trial.estimate.low[i]) / 2 / game.n;
      }
      ++trials;
    }
  }
  cell.error /= trials;
  cell.milliseconds /= trials;
  cell.coverage /= trials;
  cell.width_ratio = half_width / trials / (1.96 * std::sqrt(cell.error) + 1e-300);
}

std::vector<TableGame> Games(const std::string& family, int n) {
  const int generated = absl::GetFlag(FLAGS_games);
  if (generated == 0) return {LoadGame(absl::GetFlag(FLAGS_bench), family, n)};
  std::vector<TableGame> games;
  for (int k = 0; k < generated; ++k) {
    games.push_back(GenerateGame(family, n, absl::GetFlag(FLAGS_first_game) + k));
  }
  return games;
}

std::vector<std::string> Families() {
  std::vector<std::string> chosen = absl::GetFlag(FLAGS_families);
  if (!chosen.empty()) return chosen;
  if (absl::GetFlag(FLAGS_games) > 0) return GeneratedFamilies();
  return {"harsanyi", "ml", "noisyor", "pipeline", "soum", "voting"};
}

std::vector<int> Numbers(const std::vector<std::string>& texts) {
  std::vector<int> numbers;
  for (const std::string& text : texts) numbers.push_back(std::atoi(text.c_str()));
  return numbers;
}

struct Tally {
  int cells = 0;
  int wins = 0;
  double log_gain = 0;
  void Add(double gain) {
    ++cells;
    wins += gain > 1;
    log_gain += std::log(std::clamp(gain, 1e-6, 1e6));
  }
  double win_share() const { return cells > 0 ? static_cast<double>(wins) / cells : 0; }
  double gain() const { return cells > 0 ? std::exp(log_gain / cells) : 0; }
};

// Against the best anchor of each cell, or against the second method where there is no anchor.
void Summarise(const std::vector<Cell>& cells) {
  const std::vector<std::string> methods = absl::GetFlag(FLAGS_methods);
  std::map<int, Tally> by_level;
  Tally from_four;
  Tally at_two;
  std::map<CellKey, double> second;
  for (const Cell& cell : cells) {
    if (methods.size() > 1 && cell.method == methods[1]) {
      second[{cell.n, cell.budget, cell.family}] = cell.error;
    }
  }
  double coverage = 0;
  std::map<std::string, std::pair<double, int>> by_family;
  double width = 0;
  int count = 0;
  for (const Cell& cell : cells) {
    if (cell.method != methods[0]) continue;
    coverage += cell.coverage;
    width += cell.width_ratio;
    ++count;
    by_family[cell.family].first += cell.coverage;
    ++by_family[cell.family].second;
    const auto other = second.find({cell.n, cell.budget, cell.family});
    // The anchors had exact answers.
    const bool anchored = std::isfinite(cell.anchor.error) && absl::GetFlag(FLAGS_samples) == 0;
    const double rival = anchored ? cell.anchor.error : other != second.end() ? other->second : NAN;
    if (!std::isfinite(rival)) continue;
    const double gain = rival / (cell.error + 1e-300);
    by_level[cell.budget / cell.n].Add(gain);
    (cell.budget >= 4 * cell.n ? from_four : at_two).Add(gain);
  }
  for (const auto& [level, tally] : by_level) {
    std::printf("# %2dn: %d of %d cells won, gain %.2f\n", level, tally.wins, tally.cells,
                tally.gain());
  }
  double worst = 1;
  for (const auto& [family, sum] : by_family) worst = std::min(worst, sum.first / sum.second);
  std::printf("# coverage %.3f, worst family %.3f, half-width over needed %.2f\n", coverage / count,
              worst, width / count);
  std::printf("estimators_win_share_2n %.4f share\n", at_two.win_share());
  std::printf("estimators_win_share %.4f share\n", from_four.win_share());
  std::printf("estimators_gain %.4f times\n", from_four.gain());
}

void Write(const std::string& folder, const std::vector<Cell>& cells) {
  std::ofstream csv(folder + "/estimators.csv");
  csv << "n,game,budget,method,mse,best_anchor,anchor_mse,coverage,width_ratio,ms\n";
  std::vector<PlotPoint> points;
  for (const Cell& cell : cells) {
    csv << cell.n << ',' << cell.family << ',' << cell.budget << ',' << cell.method << ','
        << cell.error << ',' << cell.anchor.method << ',' << cell.anchor.error << ','
        << cell.coverage << ',' << cell.width_ratio << ',' << cell.milliseconds << '\n';
    points.push_back({cell.family, cell.n, cell.budget, cell.method, cell.error});
    if (std::isfinite(cell.anchor.error)) {
      points.push_back({cell.family, cell.n, cell.budget, "best of 17 public", cell.anchor.error});
    }
  }
  WritePlot(folder + "/estimators.svg", points);
}

int Main() {
  const std::string bench = absl::GetFlag(FLAGS_bench);
  const bool generated = absl::GetFlag(FLAGS_games) > 0;
  const std::map<CellKey, Anchor> anchors =
      generated ? std::map<CellKey, Anchor>() : LoadAnchors(bench + "/anchors.csv");
  if (!generated && anchors.empty()) {
    std::printf("skipped: no anchors.csv in %s\n", bench.c_str());
    return 0;
  }
  std::vector<Cell> cells;
  for (int n : Numbers(absl::GetFlag(FLAGS_n))) {
    for (const std::string& family : Families()) {
      const std::vector<TableGame> games = Games(family, n);
      for (int level : Numbers(absl::GetFlag(FLAGS_budgets))) {
        const auto anchor = anchors.find({n, level * n, family});
        if (!generated && anchor == anchors.end()) continue;
        if (level * n >= 1 << n) continue;
        for (const std::string& method : absl::GetFlag(FLAGS_methods)) {
          Cell cell{.family = family, .n = n, .budget = level * n, .method = method};
          if (anchor != anchors.end()) cell.anchor = anchor->second;
          RunCell(games, absl::GetFlag(FLAGS_seeds), cell);
          if (absl::GetFlag(FLAGS_cells)) {
            std::printf(
                "%-9s n=%-2d %4d %-12s mse %.3e anchor %.3e (%s) gain %6.2f coverage %.3f width "
                "%.2f  %.2f ms\n",
                family.c_str(), n, cell.budget, method.c_str(), cell.error, cell.anchor.error,
                cell.anchor.method.c_str(), cell.anchor.error / cell.error, cell.coverage,
                cell.width_ratio, cell.milliseconds);
            std::fflush(stdout);
          }
          cells.push_back(std::move(cell));
        }
      }
    }
  }
  Summarise(cells);
  const std::string output = absl::GetFlag(FLAGS_output);
  if (!output.empty()) Write(output, cells);
  return 0;
}

}  // namespace
}  // namespace assay::benchmarks

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return assay::benchmarks::Main();
}
