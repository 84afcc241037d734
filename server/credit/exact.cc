#include "server/credit/exact.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "absl/container/inlined_vector.h"
#include "server/credit/wide_vectors.h"

namespace assay::credit {
namespace {

// 2^10 doubles: values, weights and accumulator of a block together fit a 32 KiB first-level cache.
constexpr int kBlockBits = 10;

// Working memory; that of a small game needs no allocation.
using Scratch = absl::InlinedVector<double, 32>;

// The weight of each block entry in a block whose high bits hold p agents.
class BlockWeights {
 public:
  BlockWeights(absl::Span<const double> by_size, int low_bits, int high_bits)
      : block_(std::size_t{1} << low_bits), weights_(block_ * (high_bits + 1)) {
    for (int p = 0; p <= high_bits; ++p) {
      for (std::size_t k = 0; k < block_; ++k) {
        weights_[p * block_ + k] = by_size[p + std::popcount(k)];
      }
    }
  }
  const double* operator[](int p) const { return weights_.data() + p * block_; }

 private:
  std::size_t block_;
  Scratch weights_;
};

// Eight lanes: the order of the additions is fixed and yet the compiler may vectorise them.
constexpr std::size_t kLanes = 8;

double SumLanes(const double* lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

// For each agent the sum of the entries whose mask holds it; consumes the array. size = 2^bits.
// The upper half is the entries with the highest agent; folding it onto the lower half forgets that
// agent. Returns the sum of all entries.
ASSAY_WIDE_VECTORS double FoldContainsSums(double* entries, int bits, double* sums) {
  for (int bit = bits - 1; bit >= 0; --bit) {
    const std::size_t half = std::size_t{1} << bit;
    const double* upper = entries + half;
    if (half < kLanes) {
      double sum = 0;
      for (std::size_t k = 0; k < half; ++k) {
        sum += upper[k];
        entries[k] += upper[k];
      }
      sums[bit] = sum;
      continue;
    }
    double lanes[kLanes] = {};
    for (std::size_t k = 0; k < half; k += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        lanes[lane] += upper[k + lane];
        entries[k + lane] += upper[k + lane];
      }
    }
    sums[bit] = SumLanes(lanes);
  }
  return entries[0];
}

// entries of a block times their weights, added to the accumulator; returns their sum.
ASSAY_WIDE_VECTORS double AddWeighted(const double* values, const double* weights,
                                      std::size_t count, double* acc) {
  if (count < kLanes) {
    double sum = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const double term = values[k] * weights[k];
      acc[k] += term;
      sum += term;
    }
    return sum;
  }
  double lanes[kLanes] = {};
  for (std::size_t k = 0; k < count; k += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double term = values[k + lane] * weights[k + lane];
      acc[k + lane] += term;
      lanes[lane] += term;
    }
  }
  return SumLanes(lanes);
}

struct ContainsSums {
  std::vector<double> by_agent;  // sum over S with i of weight(|S|) v(S)
  double total = 0;              // sum over all S
};

ContainsSums WeightedContainsSums(absl::Span<const double> table, int n,
                                  absl::Span<const double> weight_by_size) {
  const int low_bits = std::min(n, kBlockBits);
  const int high_bits = n - low_bits;
  const std::size_t block = std::size_t{1} << low_bits;
  const BlockWeights weights(weight_by_size, low_bits, high_bits);
  Scratch low(block);
  Scratch high(std::size_t{1} << high_bits);
  for (std::size_t b = 0; b < high.size(); ++b) {
    high[b] = AddWeighted(table.data() + b * block, weights[std::popcount(b)], block, low.data());
  }
  ContainsSums sums;
  sums.by_agent.resize(n);
  sums.total = FoldContainsSums(low.data(), low_bits, sums.by_agent.data());
  FoldContainsSums(high.data(), high_bits, sums.by_agent.data() + low_bits);
  return sums;
}

// Each entry times its weight, to `terms` and added to the accumulator.
ASSAY_WIDE_VECTORS void AddTerms(const double* values, const double* weights, std::size_t count,
                                 double* terms, double* acc) {
  for (std::size_t k = 0; k < count; ++k) {
    terms[k] = values[k] * weights[k];
    acc[k] += terms[k];
  }
}

// Symmetric n x n matrix of sums over S with i and j, row-major, only i < j filled.
using PairSums = Scratch;

// Pair sums of the entries whose mask holds both agents, written at (offset + i, offset + j);
// consumes the array.
void FoldPairSums(absl::Span<double> entries, int bits, int offset, int n, PairSums& pairs) {
  Scratch upper(entries.size() / 2);
  Scratch sums(bits);
  for (int bit = bits - 1; bit >= 1; --bit) {
    const std::size_t half = std::size_t{1} << bit;
    std::copy_n(entries.begin() + half, half, upper.begin());
    for (std::size_t k = 0; k < half; ++k) entries[k] += entries[half + k];
    FoldContainsSums(upper.data(), bit, sums.data());
    for (int i = 0; i < bit; ++i) pairs[(offset + i) * n + offset + bit] = sums[i];
  }
}

PairSums WeightedPairSums(absl::Span<const double> table, int n,
                          absl::Span<const double> weight_by_size) {
  const int low_bits = std::min(n, kBlockBits);
  const int high_bits = n - low_bits;
  const std::size_t block = std::size_t{1} << low_bits;
  const std::size_t blocks = std::size_t{1} << high_bits;
  const BlockWeights weights(weight_by_size, low_bits, high_bits);
  Scratch low(block);
  Scratch scratch(block);
  Scratch block_sums(low_bits);
  // Column i < low_bits: the block's sum over entries with agent i. Column low_bits: its whole sum.
  absl::InlinedVector<Scratch, 8> by_block(low_bits + 1, Scratch(blocks));
  for (std::size_t b = 0; b < blocks; ++b) {
    const double* weight = weights[std::popcount(b)];
    const double* values = table.data() + b * block;
    AddTerms(values, weight, block, scratch.data(), low.data());
    by_block[low_bits][b] = FoldContainsSums(scratch.data(), low_bits, block_sums.data());
    for (int i = 0; i < low_bits; ++i) by_block[i][b] = block_sums[i];
  }
  PairSums pairs(static_cast<std::size_t>(n) * n);
  FoldPairSums(absl::MakeSpan(low), low_bits, 0, n, pairs);
  if (high_bits == 0) return pairs;
  Scratch sums(high_bits);
  for (int i = 0; i < low_bits; ++i) {
    FoldContainsSums(by_block[i].data(), high_bits, sums.data());
    for (int j = 0; j < high_bits; ++j) pairs[i * n + low_bits + j] = sums[j];
  }
  FoldPairSums(absl::MakeSpan(by_block[low_bits]), high_bits, low_bits, n, pairs);
  return pairs;
}

// p(k) = k! (n-k-2)! / (n-1)!, 0 outside 0..n-2: the weights of the pairwise Shapley interaction.
Scratch InteractionWeights(int n) {
  Scratch p(n - 1);
  p[0] = 1.0 / (n - 1);
  for (int k = 1; k <= n - 2; ++k) p[k] = p[k - 1] * k / (n - 1 - k);
  return p;
}

void CheckTable(absl::Span<const double> table, int n) {
  if (n < 1 || n > kMaxTableAgents || table.size() != std::size_t{1} << n) {
    std::fprintf(stderr, "a table of %zu values is no game of %d agents\n", table.size(), n);
    std::abort();
  }
}

}  // namespace

std::vector<double> ShapleyWeights(int n) {
  std::vector<double> w(n);
  w[0] = 1.0 / n;
  for (int s = 1; s < n; ++s) w[s] = w[s - 1] * s / (n - s);
  return w;
}

std::vector<double> ExactShapley(absl::Span<const double> table, int n) {
  CheckTable(table, n);
  const std::vector<double> w = ShapleyWeights(n);
  Scratch weight(n + 1);
  for (int s = 1; s <= n; ++s) weight[s] = w[s - 1] + (s < n ? w[s] : 0);
  std::vector<double> phi = WeightedContainsSums(table, n, weight).by_agent;
  // phi_i = contains_i - constant, and efficiency gives the constant without a second weighted sum.
  double sum = 0;
  for (double value : phi) sum += value;
  const double constant = (sum - (table.back() - table.front())) / n;
  for (double& value : phi) value -= constant;
  return phi;
}

std::vector<double> ShapleyVariance(absl::Span<const double> variances, int n) {
  CheckTable(variances, n);
  // c_S is w(s-1) where S holds i and -w(s) where it does not.
  const std::vector<double> w = ShapleyWeights(n);
  std::vector<double> with(n + 1);
  std::vector<double> without(n + 1);
  for (int s = 0; s < n; ++s) {
    with[s + 1] = w[s] * w[s];
    without[s] = w[s] * w[s];
  }
  std::vector<double> variance = WeightedContainsSums(variances, n, with).by_agent;
  const ContainsSums others = WeightedContainsSums(variances, n, without);
  for (int i = 0; i < n; ++i) {
    variance[i] = std::max(0.0, variance[i] + (others.total - others.by_agent[i]));
  }
  return variance;
}

// With a, b the memberships of i, j, the coefficient of v(S) is p(s) - (a+b) p1(s) + a b p2(s),
// where p1(s) = p(s) + p(s-1) and p2(s) = p1(s) + p1(s-1). So I_ij = F - E_i - E_j + D_ij with the
// sums F of p, E_i of p1 and D_ij of p2. Because (s-1) p2(s) = (n-2) p1(s) and s p1(s) = (n-1) p(s)
// but for the sizes at the edges, E and F follow from D: only one weighted stream has to be folded.
std::vector<PairInteraction> ExactInteractions(absl::Span<const double> table, int n) {
  CheckTable(table, n);
  std::vector<PairInteraction> result;
  if (n == 1) return result;
  if (n == 2) return {{0, 1, table[3] - table[2] - table[1] + table[0]}};
  const Scratch p_inside = InteractionWeights(n);
  const auto p = [&](int k) { return k < 0 || k > n - 2 ? 0.0 : p_inside[k]; };
  Scratch p1(n + 1);
  Scratch p2(n + 1);
  for (int s = 0; s <= n; ++s) {
    p1[s] = p(s) + p(s - 1);
    p2[s] = p(s) + 2 * p(s - 1) + p(s - 2);
  }
  // S without i, j never has p2: sizes 0 and 1 hold no pair.
  p2[0] = p2[1] = 0;
  const PairSums d = WeightedPairSums(table, n, p2);

  const std::size_t full = table.size() - 1;
  double all_but_one = 0;
  for (int j = 0; j < n; ++j) all_but_one += table[full ^ (std::size_t{1} << j)];
  const auto edge = [&](int s) { return p1[s] - (s - 1) * p2[s] / (n - 2); };
  Scratch e(n);
  double f = 0;
  for (int i = 0; i < n; ++i) {
    double pairs = 0;
    for (int j = 0; j < n; ++j) pairs += i < j ? d[i * n + j] : (j < i ? d[j * n + i] : 0);
    const std::size_t bit = std::size_t{1} << i;
    e[i] = pairs / (n - 2) + edge(1) * table[bit] +
           edge(n - 1) * (all_but_one - table[full ^ bit]) + edge(n) * table[full];
    f += e[i];
  }
  f = (f - (n - 1) * p1[n - 1] * all_but_one) / (n - 1) + p(0) * table[0];
  result.reserve(static_cast<std::size_t>(n) * (n - 1) / 2);
  for (int i = 0; i < n; ++i) {
    for (int j = i + 1; j < n; ++j) {
      result.push_back({i, j, f - e[i] - e[j] + d[i * n + j]});
    }
  }
  return result;
}

}  // namespace assay::credit
