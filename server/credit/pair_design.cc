#include "server/credit/pair_design.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

namespace assay::credit {
namespace {

constexpr double kJitter = 1e-7;
constexpr double kLeastVariance = 1e-12;

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// One prior conditioned on a growing design, as seen from all candidates.
class Conditioned {
 public:
  Conditioned(const OddPrior& prior, absl::Span<const Coalition> so_far, int more,
              const std::vector<Coalition>& candidates)
      : prior_(prior), candidates_(candidates), depth_(static_cast<int>(so_far.size())) {
    const int n = prior.n();
    const int m = depth_;
    const int count = static_cast<int>(candidates.size());
    factor_.resize(m + more, count);
    Eigen::MatrixXd kernel(m, m);
    Eigen::MatrixXd credit(n, m);
    for (int a = 0; a < m; ++a) {
      prior.FillRow(so_far[a], so_far.subspan(a), kernel.col(a).data() + a);
      prior.FillRow(so_far[a], candidates, factor_.row(a).data());
      prior.FillCredit(so_far[a], credit.col(a).data());
      kernel(a, a) += kJitter;
    }
    Eigen::MatrixXd by_candidate(n, count);
    variance_.resize(count);
    for (int c = 0; c < count; ++c) {
      prior.FillCredit(candidates[c], by_candidate.col(c).data());
      prior.FillRow(candidates[c], absl::MakeConstSpan(&candidates[c], 1), &variance_[c]);
    }
    variance_.array() += kJitter;
    credit_ = by_candidate;
    if (m == 0) return;
    const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>, Eigen::Lower> llt(kernel);
    auto rows = factor_.topRows(m);
    llt.matrixL().solveInPlace(rows);
    const Eigen::MatrixXd half = llt.matrixL().solve(credit.transpose());
    credit_.noalias() -= half.transpose() * rows;
    variance_ -= rows.colwise().squaredNorm().transpose();
    variance_ = variance_.cwiseMax(kLeastVariance);
  }

  // How much each candidate would lower the summed variance of the credits.
  Eigen::VectorXd Reduction() const {
    return credit_.colwise().squaredNorm().transpose().cwiseQuotient(variance_);
  }

  void Add(int pick) {
    auto row = factor_.row(depth_);
    prior_.FillRow(candidates_[pick], candidates_, row.data());
    row(pick) += kJitter;
    if (depth_ > 0) {
      const Eigen::VectorXd column = factor_.col(pick).head(depth_);
      row.noalias() -= column.transpose() * factor_.topRows(depth_);
    }
    row /= std::sqrt(variance_[pick]);
    const Eigen::VectorXd slope = credit_.col(pick) / std::sqrt(variance_[pick]);
    credit_.noalias() -= slope * row;
    variance_ = (variance_ - row.transpose().cwiseAbs2()).cwiseMax(kLeastVariance);
    ++depth_;
  }

 private:
  const OddPrior& prior_;
  const std::vector<Coalition>& candidates_;
  int depth_;
  RowMatrix factor_;  // row k: covariance of the k-th pair of the design, given those before, with every candidate
  RowMatrix credit_;  // n x candidates: cov(phi_i, o_c | design)
  Eigen::VectorXd variance_;  // var(o_c | design)
};

}  // namespace

std::vector<Coalition> ExtendDesign(absl::Span<const Coalition> so_far, int count,
                                    absl::Span<const OddPrior* const> priors,
                                    const std::vector<Coalition>& candidates,
                                    const Random& random) {
  count = std::min(count, static_cast<int>(candidates.size()));
  std::vector<Conditioned> states;
  states.reserve(priors.size());
  for (const OddPrior* prior : priors) states.emplace_back(*prior, so_far, count, candidates);
  Eigen::VectorXd tie(candidates.size());
  for (std::size_t c = 0; c < candidates.size(); ++c) tie[c] = 1e-9 * random.Unit(c);
  std::vector<bool> taken(candidates.size());
  std::vector<Coalition> picks;
  while (static_cast<int>(picks.size()) < count) {
    Eigen::VectorXd score = tie;
    for (const Conditioned& state : states) {
      const Eigen::VectorXd reduction = state.Reduction();
      double best = 1e-300;
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
