#include "server/credit/odd_bayes/pair_design.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

namespace assay::credit {
namespace {

// Choosing needs no more than single precision, and takes half the time in it.
constexpr double kJitter = 1e-6;
constexpr float kLeastVariance = 1e-6f;

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
    Eigen::MatrixXd kernel(m, m);
    Eigen::MatrixXd credit(n, m);
    for (int a = 0; a < m; ++a) {
      prior_.FillRow(pairs[a], pairs.subspan(a), kernel.col(a).data() + a);
      prior_.FillRow(pairs[a], candidates, row_.data());
      factor_.row(a) = row_.cast<float>();
      prior_.FillCredit(pairs[a], credit.col(a).data());
      kernel(a, a) *= 1 + kJitter;
      if (!so_far.noise.empty()) kernel(a, a) += so_far.noise[a] / scaled.scale;
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
    if (m == 0) return;
    const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>, Eigen::Lower> llt(kernel);
    const Eigen::MatrixXf lower = kernel.cast<float>();
    auto rows = factor_.topRows(m);
    lower.triangularView<Eigen::Lower>().solveInPlace(rows);
    const Eigen::MatrixXf half = llt.matrixL().solve(credit.transpose()).cast<float>();
    credit_.noalias() -= half.transpose() * rows;
    variance_ -= rows.colwise().squaredNorm().transpose();
    variance_ = variance_.cwiseMax(least_);
  }

  // How much each candidate would lower the summed variance of the credits.
  Eigen::VectorXf Reduction() const {
    // Agent by agent, as they lie in memory.
    Eigen::ArrayXf squares = Eigen::ArrayXf::Zero(credit_.cols());
    for (Eigen::Index i = 0; i < credit_.rows(); ++i) {
      squares += credit_.row(i).transpose().array().square();
    }
    return squares / (variance_.array() + noise_);
  }

  void Add(int pick) {
    prior_.FillRow(candidates_[pick], candidates_, row_.data());
    row_[pick] *= 1 + kJitter;
    auto row = factor_.row(depth_);
    row = row_.cast<float>();
    if (depth_ > 0) {
      const Eigen::VectorXf column = factor_.col(pick).head(depth_);
      row.noalias() -= column.transpose() * factor_.topRows(depth_);
    }
    const float deviation = std::sqrt(variance_[pick] + noise_);
    row /= deviation;
    const Eigen::VectorXf slope = credit_.col(pick) / deviation;
    credit_.noalias() -= slope * row;
    variance_ = (variance_ - row.transpose().cwiseAbs2()).cwiseMax(least_);
    ++depth_;
  }

 private:
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
  std::vector<bool> taken(size);
  std::vector<Coalition> picks;
  while (static_cast<int>(picks.size()) < count) {
    Eigen::VectorXf score = tie;
    float again = 0;
    for (std::size_t p = 0; p < priors.size(); ++p) {
      const Eigen::VectorXf reduction = states[p].Reduction();
      const auto repeat = noisy ? static_cast<float>(total.Reduction() / priors[p].scale) : 0.0f;
      float best = std::max(1e-30f, repeat);
      for (int c = 0; c < size; ++c) {
        if (!taken[c]) best = std::max(best, reduction[c]);
      }
      score += reduction / best;
      again += repeat / best;
    }
    int pick = -1;
    for (int c = 0; c < size; ++c) {
      if (!taken[c] && (pick < 0 || score[c] > score[pick])) pick = c;
    }
    if (noisy && (pick < 0 || again > score[pick])) {
      picks.push_back(so_far.pairs.front());
      total.Add();
      continue;
    }
    taken[pick] = true;
    picks.push_back(candidates[pick]);
    if (static_cast<int>(picks.size()) == count) break;
    for (Conditioned& state : states) state.Add(pick);
  }
  return picks;
}

}  // namespace assay::credit
