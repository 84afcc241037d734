#include "server/credit/pair_design.h"

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
  Conditioned(const OddPrior& prior, absl::Span<const Coalition> so_far, int more,
              const std::vector<Coalition>& candidates)
      : prior_(prior),
        candidates_(candidates),
        depth_(static_cast<int>(so_far.size())),
        row_(candidates.size()) {
    const int n = prior.n();
    const int m = depth_;
    const int count = static_cast<int>(candidates.size());
    factor_.resize(m + more, count);
    Eigen::MatrixXd kernel(m, m);
    Eigen::MatrixXd credit(n, m);
    for (int a = 0; a < m; ++a) {
      prior.FillRow(so_far[a], so_far.subspan(a), kernel.col(a).data() + a);
      prior.FillRow(so_far[a], candidates, row_.data());
      factor_.row(a) = row_.cast<float>();
      prior.FillCredit(so_far[a], credit.col(a).data());
      kernel(a, a) *= 1 + kJitter;
    }
    Eigen::MatrixXd by_candidate(n, count);
    variance_.resize(count);
    for (int c = 0; c < count; ++c) {
      double variance = 0;
      prior.FillCredit(candidates[c], by_candidate.col(c).data());
      prior.FillRow(candidates[c], absl::MakeConstSpan(&candidates[c], 1), &variance);
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
    return credit_.colwise().squaredNorm().transpose().cwiseQuotient(variance_);
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
    const float deviation = std::sqrt(variance_[pick]);
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
  Eigen::RowVectorXd row_;
  RowMatrix factor_;  // row k: covariance of the k-th pair of the design, given those before, with
                      // every candidate
  RowMatrix credit_;  // n x candidates: cov(phi_i, o_c | design)
  Eigen::VectorXf variance_;  // var(o_c | design)
  float least_ = 0;
};

}  // namespace

std::vector<Coalition> ExtendDesign(absl::Span<const Coalition> so_far, int count,
                                    absl::Span<const OddPrior* const> priors,
                                    const std::vector<Coalition>& candidates,
                                    const Random& random) {
  count = std::min(count, static_cast<int>(candidates.size()));
  if (count == 0) return {};
  std::vector<Conditioned> states;
  states.reserve(priors.size());
  for (const OddPrior* prior : priors) states.emplace_back(*prior, so_far, count, candidates);
  Eigen::VectorXf tie(candidates.size());
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    tie[c] = 1e-5f * static_cast<float>(random.Unit(c));
  }
  std::vector<bool> taken(candidates.size());
  std::vector<Coalition> picks;
  while (static_cast<int>(picks.size()) < count) {
    Eigen::VectorXf score = tie;
    for (const Conditioned& state : states) {
      const Eigen::VectorXf reduction = state.Reduction();
      float best = 1e-30f;
      for (std::size_t c = 0; c < candidates.size(); ++c) {
        if (!taken[c]) best = std::max(best, reduction[c]);
      }
      score += reduction / best;
    }
    int pick = -1;
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      if (!taken[c] && (pick < 0 || score[c] > score[pick])) pick = static_cast<int>(c);
    }
    taken[pick] = true;
    picks.push_back(candidates[pick]);
    if (static_cast<int>(picks.size()) == count) break;
    for (Conditioned& state : states) state.Add(pick);
  }
  return picks;
}

}  // namespace assay::credit
