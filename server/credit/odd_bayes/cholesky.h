#ifndef ASSAY_SERVER_CREDIT_ODD_BAYES_CHOLESKY_H_
#define ASSAY_SERVER_CREDIT_ODD_BAYES_CHOLESKY_H_

#include <Eigen/Core>

namespace assay::credit {

// The factor of a covariance and what follows from it, many times for one size. Its matrices are
// padded to full tiles, and each entry is a sum in one order on every machine.
class Cholesky {
 public:
  // Of an m x m matrix.
  explicit Cholesky(int m);

  // Entries a..m-1 of column a are to be written before Factorise, which overwrites them: the
  // matrix is symmetric.
  double* column(int a) { return factor_.col(a).data(); }

  // K = L L^T, L lower triangular. False: the matrix is not positive definite, and nothing else is
  // to be asked. O(m^3 / 3) operations.
  bool Factorise();
  auto lower() const { return factor_.topLeftCorner(m_, m_); }  // L, with zeros above
  // The logarithm of the determinant of L.
  double LogDeterminant() const;
  // L^-1 y. O(m^2).
  Eigen::VectorXd Whiten(const Eigen::VectorXd& y) const;
  // L^-1 B for a matrix B of m rows.
  Eigen::MatrixXd WhitenAll(const Eigen::Ref<const Eigen::MatrixXd>& b) const;

  // Makes L^-T, for what follows. O(m^3 / 3).
  void Invert();
  // L^-T x.
  Eigen::VectorXd Unwhiten(const Eigen::VectorXd& x) const;
  // The diagonal of K^-1.
  Eigen::VectorXd Precision() const;
  // The lower triangle of K^-1, its upper one of no meaning: `inverse` becomes a square of at least
  // m rows. O(m^3 / 3).
  void InverseTo(Eigen::MatrixXd& inverse);

 private:
  int m_;
  int size_;                 // m and the padding, in which the matrix is that of identity
  Eigen::MatrixXd factor_;   // lower
  Eigen::MatrixXd inverse_;  // upper
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_ODD_BAYES_CHOLESKY_H_
