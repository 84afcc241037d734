#include "server/credit/odd_bayes/cholesky.h"

#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace assay::credit {
namespace {

Eigen::MatrixXd Drawn(int rows, int columns, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  return Eigen::MatrixXd::NullaryExpr(rows, columns, [&] { return normal(random); });
}

// Only the lower triangle is written.
void Write(const Eigen::MatrixXd& from, Cholesky& to) {
  for (int a = 0; a < from.cols(); ++a) {
    for (int b = a; b < from.rows(); ++b) to.column(a)[b] = from(b, a);
  }
}

// Of every size around the tiles, each object twice: nothing of the first matrix is left.
TEST(Cholesky, SolvesAndInverts) {
  std::mt19937_64 random(1);
  for (int m = 1; m <= 41; ++m) {
    Cholesky factor(m);
    for (int round = 0; round < 2; ++round) {
      const Eigen::MatrixXd root = Drawn(m, m, random);
      const Eigen::MatrixXd matrix = root * root.transpose() + Eigen::MatrixXd::Identity(m, m);
      Write(matrix, factor);
      ASSERT_TRUE(factor.Factorise()) << m;
      const Eigen::MatrixXd lower = factor.lower();
      EXPECT_LT((lower * lower.transpose() - matrix).norm(), 1e-11 * matrix.norm()) << m;
      EXPECT_TRUE(lower.isLowerTriangular(0)) << m;
      EXPECT_NEAR(factor.LogDeterminant(), 0.5 * std::log(matrix.determinant()), 1e-9) << m;

      const Eigen::MatrixXd b = Drawn(m, 3, random);
      const Eigen::MatrixXd white = factor.WhitenAll(b);
      EXPECT_LT((lower * white - b).norm(), 1e-9) << m;
      EXPECT_LT((factor.Whiten(b.col(1)) - white.col(1)).norm(), 1e-9) << m;

      factor.Invert();
      EXPECT_LT((matrix * factor.Unwhiten(white.col(2)) - b.col(2)).norm(), 1e-8) << m;
      const Eigen::MatrixXd expected = matrix.inverse();
      EXPECT_LT((factor.Precision() - expected.diagonal()).norm(), 1e-9) << m;
      Eigen::MatrixXd inverse;
      factor.InverseTo(inverse);
      for (int a = 0; a < m; ++a) {
        for (int c = 0; c <= a; ++c) ASSERT_NEAR(inverse(a, c), expected(a, c), 1e-9) << m;
      }
    }
  }
}

TEST(Cholesky, RefusesWhatIsNotPositiveDefinite) {
  for (const int m : {1, 4, 9, 20}) {
    Eigen::MatrixXd matrix = Eigen::MatrixXd::Identity(m, m);
    matrix(m - 1, m - 1) = 0;
    Cholesky factor(m);
    Write(matrix, factor);
    EXPECT_FALSE(factor.Factorise()) << m;
    matrix(m - 1, m - 1) = std::nan("");
    Write(matrix, factor);
    EXPECT_FALSE(factor.Factorise()) << m;
    Write(Eigen::MatrixXd::Identity(m, m), factor);
    EXPECT_TRUE(factor.Factorise()) << m;
  }
}

}  // namespace
}  // namespace assay::credit
