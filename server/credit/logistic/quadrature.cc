#include "server/credit/logistic/quadrature.h"

#include <Eigen/Eigenvalues>
#include <cmath>

namespace assay::credit {

Quadrature GaussLegendre(int count) {
  Eigen::VectorXd diagonal = Eigen::VectorXd::Zero(count);
  Eigen::VectorXd beside(count - 1);
  for (int k = 1; k < count; ++k) beside[k - 1] = k / std::sqrt(4.0 * k * k - 1);
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
  solver.computeFromTridiagonal(diagonal, beside);
  Quadrature quadrature;
  for (int k = 0; k < count; ++k) {
    const double first = solver.eigenvectors()(0, k);
    quadrature.nodes.push_back((solver.eigenvalues()[k] + 1) / 2);
    quadrature.weights.push_back(first * first);
  }
  return quadrature;
}

}  // namespace assay::credit
