#include "server/credit/odd_bayes/pair_design.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "server/credit/odd_bayes/cholesky.h"
#include "server/credit/wide_vectors.h"

namespace assay::credit {
namespace {

// Choosing needs no more than single precision, and takes half the time in it.
constexpr double kJitter = 1e-6;
constexpr float kLeastVariance = 1e-6f;
constexpr float kTaken = -std::numeric_limits<float>::infinity();  // the score of a pair

// out[c] -= sum of factors[k] rows[k][c] for `depth` rows of `count` entries: one sum while they
// are few, then one of every so many.
ASSAY_WIDE_VECTORS void SubtractRows(const float* factors, const float* rows, Eigen::Index depth,
                                     Eigen::Index count, float* out) {
  constexpr Eigen::Index kEntries = 32;  // stay in registers
  const Eigen::Index step = depth < 128 ? depth : 16;
  for (Eigen::Index first = 0; first < depth; first += step) {
    const Eigen::Index last = std::min(first + step, depth);
    Eigen::Index c = 0;
    for (; c + kEntries <= count; c += kEntries) {
      float sums[kEntries] = {};
      for (Eigen::Index k = first; k < last; ++k) {
        for (Eigen::Index e = 0; e < kEntries; ++e) sums[e] += factors[k] * rows[k * count + c + e];
      }
      for (Eigen::Index e = 0; e < kEntries; ++e) out[c + e] -= sums[e];
    }
    for (; c < count; ++c) {
      float sum = 0;
      for (Eigen::Index k = first; k < last; ++k) sum += factors[k] * rows[k * count + c];
      out[c] -= sum;
    }
  }
}

// credit[i][c] -= slope[i] row[c], and the sum of its squares over all i.
ASSAY_WIDE_VECTORS void TakeCredit(const float* __restrict slope, const float* __restrict row,
                                   Eigen::Index agents, Eigen::Index count,
                                   float* __restrict credit, float* __restrict squares) {
  for (Eigen::Index c = 0; c < count; ++c) squares[c] = 0;
  for (Eigen::Index i = 0; i < agents; ++i) {
    float* __restrict own = credit + i * count;
    for (Eigen::Index c = 0; c < count; ++c) {
      own[c] -= slope[i] * row[c];
      squares[c] += own[c] * own[c];
    }
  }
}

using RowMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// One prior conditioned on a growing design, as seen from all candidates.
class Conditioned {
 public:
  Conditioned(const ScaledPrior& scaled, const DesignSoFar& so_far, int more,
              const std::vector<Coalition>& candidates)
      : prior_(*scaled.prior),
        candidates_(candidates),
        depth_(static_cast<int>(so_far.pairs.size())),
        noise_(static_cast<float>(so_far.fresh_noise / scaled.scale)),
        row_(candidates.size()) {
    const int n = prior_.n();
    const absl::Span<const Coalition> pairs = so_far.pairs;
    const int m = depth_;
    const int count = static_cast<int>(candidates.size());
    factor_.resize(m + more, count);
    Cholesky kernel(m);
    Eigen::MatrixXd credit(n, m);
    for (int a = 0; a < m; ++a) {
      double* column = kernel.column(a);
      prior_.FillRow(pairs[a], pairs.subspan(a), column + a);
      prior_.FillRow(pairs[a], candidates, row_.data());
      factor_.row(a) = row_.cast<float>();
      prior_.FillCredit(pairs[a], credit.col(a).data());
      column[a] *= 1 + kJitter;
      if (!so_far.noise.empty()) column[a] += so_far.noise[a] / scaled.scale;
    }
    Eigen::MatrixXd by_candidate(n, count);
    variance_.resize(count);
    for (int c = 0; c < count; ++c) {
      double variance = 0;
      prior_.FillCredit(candidates[c], by_candidate.col(c).data());
      prior_.FillRow(candidates[c], absl::MakeConstSpan(&candidates[c], 1), &variance);
      variance_[c] = static_cast<float>(variance * (1 + kJitter));
    }
    credit_ = by_candidate.cast<float>();
    least_ = kLeastVariance * variance_.maxCoeff();
    if (m > 0) Condition(kernel, credit);
    const Eigen::VectorXf nothing = Eigen::VectorXf::Zero(std::max(n, count));
    Reduce(nothing, nothing);
  }

  // How much each candidate would lower the summed variance of the credits; 0: it was added.
  const Eigen::ArrayXf& reduction() const { return reduction_; }

  void Add(int pick) {
    prior_.FillRow(candidates_[pick], candidates_, row_.data());
    row_[pick] *= 1 + kJitter;
    auto row = factor_.row(depth_);
    row = row_.cast<float>();
    SubtractRows(Eigen::VectorXf(factor_.col(pick).head(depth_)).data(), factor_.data(), depth_,
                 factor_.cols(), row.data());
    const float deviation = std::sqrt(variance_[pick] + noise_);
    row /= deviation;
    variance_ = (variance_ - row.transpose().cwiseAbs2()).cwiseMax(least_);
    Reduce(credit_.col(pick) / deviation, row.transpose());
    variance_[pick] = std::numeric_limits<float>::infinity();
    reduction_[pick] = 0;
    ++depth_;
  }

 private:
  // On the pairs of the design so far.
  void Condition(Cholesky& kernel, const Eigen::MatrixXd& credit) {
    kernel.Factorise();  // the jitter sees to it that it can be
    const Eigen::MatrixXf lower = kernel.lower().cast<float>();
    auto rows = factor_.topRows(depth_);
    lower.triangularView<Eigen::Lower>().solveInPlace(rows);
    const Eigen::MatrixXf half = kernel.WhitenAll(credit.transpose()).cast<float>();
    credit_.noalias() -= half.transpose() * rows;
    variance_ -= rows.colwise().squaredNorm().transpose();
    variance_ = variance_.cwiseMax(least_);
  }

  void Reduce(const Eigen::VectorXf& slope, const Eigen::VectorXf& row) {
    reduction_.resize(credit_.cols());
    TakeCredit(slope.data(), row.data(), credit_.rows(), credit_.cols(), credit_.data(),
               reduction_.data());
    reduction_ /= variance_.array() + noise_;
  }

  const OddPrior& prior_;
  const std::vector<Coalition>& candidates_;
  int depth_;
  float noise_;
  Eigen::RowVectorXd row_;
  RowMatrix factor_;  // row k: covariance of the k-th pair of the design, given those before, with
                      // every candidate
  RowMatrix credit_;  // n x candidates: cov(phi_i, o_c | design)
  Eigen::VectorXf variance_;  // var(o_c | design)
  float least_ = 0;
  Eigen::ArrayXf reduction_;
};

// The other way to lower the variance of the credits: (empty, everyone) once more. An error of its
// mean is shared by all agents.
class Total {
 public:
  Total(const DesignSoFar& so_far, int n)
      : variance_(so_far.total_variance / n), asks_(so_far.total_asks) {}

  double Reduction() const { return kTrust * variance_ / (asks_ + 1); }
  void Add() {
    variance_ *= asks_ / (asks_ + 1);
    ++asks_;
  }

 private:
  // A new pair also tells more of the game's structure, which no fit counts on.
  static constexpr double kTrust = 0.5;

  double variance_;
  double asks_;
};

}  // namespace

std::vector<Coalition> ExtendDesign(const DesignSoFar& so_far, int count,
                                    absl::Span<const ScaledPrior> priors,
                                    const std::vector<Coalition>& candidates,
                                    const Random& random) {
  const bool noisy = !so_far.noise.empty();
  const int size = static_cast<int>(candidates.size());
  if (!noisy) count = std::min(count, size);
  std::vector<Conditioned> states;
  states.reserve(priors.size());
  for (const ScaledPrior& prior : priors) states.emplace_back(prior, so_far, count, candidates);
  Total total(so_far, priors[0].prior->n());
  Eigen::VectorXf tie(size);
  for (int c = 0; c < size; ++c) tie[c] = 1e-5f * static_cast<float>(random.Unit(c));
  std::vector<Coalition> picks;
  while (static_cast<int>(picks.size()) < count) {
    Eigen::VectorXf score = tie;
    float again = 0;
    for (std::size_t p = 0; p < priors.size(); ++p) {
      const Eigen::ArrayXf& reduction = states[p].reduction();
      const auto repeat = noisy ? static_cast<float>(total.Reduction() / priors[p].scale) : 0.0f;
      float best = std::max(1e-30f, repeat);
      for (int c = 0; c < size; ++c) best = std::max(best, reduction[c]);
      score.array() += reduction / best;
      again += repeat / best;
    }
    int pick = -1;
    for (int c = 0; c < size; ++c) {
      if (tie[c] != kTaken && (pick < 0 || score[c] > score[pick])) pick = c;
    }
    if (noisy && (pick < 0 || again > score[pick])) {
      picks.push_back(so_far.pairs.front());
      total.Add();
      continue;
    }
    tie[pick] = kTaken;
    picks.push_back(candidates[pick]);
    if (static_cast<int>(picks.size()) == count) break;
    for (Conditioned& state : states) state.Add(pick);
  }
  return picks;
}

}  // namespace assay::credit
