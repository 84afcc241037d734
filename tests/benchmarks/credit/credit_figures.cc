// The exact Shapley value against the floor of its cost, one read of the table; interactions
// against the Shapley value; memory at n = 26. Ratios of best times within one run.

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <vector>

#include "server/credit/exact.h"

namespace assay::benchmarks {
namespace {

using Table = std::vector<double>;

double Milliseconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

Table RandomTable(int n) {
  Table table(std::size_t{1} << n);
  std::uint64_t state = 1;
  for (double& value : table) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    value = static_cast<double>(state >> 11) * 0x1p-53;
  }
  return table;
}

// One read: eight sums, so that the additions do not wait for each other.
double Read(const Table& table) {
  double lanes[8] = {};
  for (std::size_t k = 0; k < table.size(); k += 8) {
    for (int lane = 0; lane < 8; ++lane) lanes[lane] += table[k + lane];
  }
  double sum = 0;
  for (double lane : lanes) sum += lane;
  return sum;
}

double PeakMegabytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

int Main() {
  const Table table = RandomTable(20);
  double read = 1e9;
  double shapley = 1e9;
  double interactions = 1e9;
  volatile double keep = 0;
  for (int round = 0; round < 40; ++round) {
    read = std::min(read, Milliseconds([&] { keep = Read(table); }));
    shapley = std::min(shapley, Milliseconds([&] { keep = credit::ExactShapley(table, 20)[0]; }));
    interactions = std::min(
        interactions, Milliseconds([&] { keep = credit::ExactInteractions(table, 20)[0].value; }));
  }
  std::printf("# n = 20: read %.3f ms, Shapley %.3f ms, interactions %.3f ms\n", read, shapley,
              interactions);
  std::printf("exact_n20_over_read %.3f times\n", shapley / read);
  std::printf("exact_interactions_over_shapley %.3f times\n", interactions / shapley);

  const Table large = RandomTable(26);
  const double before = PeakMegabytes();
  keep = credit::ExactShapley(large, 26)[0];
  keep = credit::ExactInteractions(large, 26)[0].value;
  std::printf("exact_n26_memory_over_table %.3f times\n", PeakMegabytes() / before);
  return 0;
}

}  // namespace
}  // namespace assay::benchmarks

int main() { return assay::benchmarks::Main(); }
