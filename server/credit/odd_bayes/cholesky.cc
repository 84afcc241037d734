#include "server/credit/odd_bayes/cholesky.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "server/credit/wide_vectors.h"

namespace assay::credit {
namespace {

// All three products below are made of tiles of 8 x 4 entries, matrices lying column by column.
constexpr int kRows = 8;
constexpr int kColumns = 4;
constexpr int kHalf = kRows / 2;
using Half = double __attribute__((vector_size(kHalf * sizeof(double)), aligned(8), may_alias));
#define ASSAY_INLINE inline __attribute__((always_inline))

struct Tile {
  Half upper[kColumns];
  Half lower[kColumns];
};

struct Matrix {
  double* entries;
  std::ptrdiff_t size;
  double* at(int row, int column) const { return entries + row + column * size; }
};

ASSAY_INLINE Tile Load(const Matrix& matrix, int row, int column) {
  Tile tile;
  for (int c = 0; c < kColumns; ++c) {
    const double* from = matrix.at(row, column + c);
    tile.upper[c] = *reinterpret_cast<const Half*>(from);
    tile.lower[c] = *reinterpret_cast<const Half*>(from + kHalf);
  }
  return tile;
}

ASSAY_INLINE void Store(const Tile& tile, const Matrix& matrix, int row, int column) {
  for (int c = 0; c < kColumns; ++c) {
    double* to = matrix.at(row, column + c);
    *reinterpret_cast<Half*>(to) = tile.upper[c];
    *reinterpret_cast<Half*>(to + kHalf) = tile.lower[c];
  }
}

// tile -= left[row.., k] right[column.., k]^T for k from `begin` up to `end`, one after the other.
ASSAY_INLINE void Subtract(const Matrix& left, int row, const Matrix& right, int column, int begin,
                           int end, Tile& tile) {
  const double* a = left.at(row, begin);
  const double* b = right.at(column, begin);
  for (int k = begin; k < end; ++k, a += left.size, b += right.size) {
    const Half upper = *reinterpret_cast<const Half*>(a);
    const Half lower = *reinterpret_cast<const Half*>(a + kHalf);
    for (int c = 0; c < kColumns; ++c) {
      tile.upper[c] -= upper * b[c];
      tile.lower[c] -= lower * b[c];
    }
  }
}

// The triangle of a factor on its diagonal, to divide tiles by from the right.
struct Triangle {
  double below[kColumns][kColumns];
  double inverse[kColumns];  // of the diagonal
};

ASSAY_INLINE void Divide(const Triangle& triangle, Tile& tile) {
  for (int c = 0; c < kColumns; ++c) {
    tile.upper[c] *= triangle.inverse[c];
    tile.lower[c] *= triangle.inverse[c];
    for (int d = c + 1; d < kColumns; ++d) {
      tile.upper[d] -= tile.upper[c] * triangle.below[d][c];
      tile.lower[d] -= tile.lower[c] * triangle.below[d][c];
    }
  }
}

// That of a factor which is there.
ASSAY_INLINE Triangle TriangleOf(const Matrix& factor, int j) {
  Triangle triangle;
  for (int c = 0; c < kColumns; ++c) {
    triangle.inverse[c] = 1 / *factor.at(j + c, j + c);
    for (int d = c + 1; d < kColumns; ++d) triangle.below[d][c] = *factor.at(j + d, j + c);
  }
  return triangle;
}

// Of the block of the matrix that is left; false where it is not positive definite.
ASSAY_INLINE bool FactoriseTriangle(const Matrix& matrix, int j, Triangle& triangle) {
  double block[kColumns][kColumns];
  for (int c = 0; c < kColumns; ++c) {
    for (int d = c; d < kColumns; ++d) block[d][c] = *matrix.at(j + d, j + c);
  }
  for (int c = 0; c < kColumns; ++c) {
    if (!(block[c][c] > 0)) return false;
    triangle.inverse[c] = 1 / std::sqrt(block[c][c]);
    for (int d = c + 1; d < kColumns; ++d) triangle.below[d][c] = block[d][c] * triangle.inverse[c];
    for (int d = c + 1; d < kColumns; ++d) {
      for (int e = d; e < kColumns; ++e) {
        block[e][d] -= triangle.below[e][c] * triangle.below[d][c];
      }
    }
  }
  return true;
}

ASSAY_INLINE int TileRow(int row) { return row / kRows * kRows; }

// Column by column of tiles, from what is left of each.
ASSAY_WIDE_VECTORS bool FactoriseTiles(const Matrix& matrix) {
  const int size = static_cast<int>(matrix.size);
  for (int j = 0; j < size; j += kColumns) {
    const int first = TileRow(j);
    for (int i = first; i < size; i += kRows) {
      Tile tile = Load(matrix, i, j);
      Subtract(matrix, i, matrix, j, 0, j, tile);
      Store(tile, matrix, i, j);
    }
    Triangle triangle;
    if (!FactoriseTriangle(matrix, j, triangle)) return false;
    for (int i = first; i < size; i += kRows) {
      Tile tile = Load(matrix, i, j);
      Divide(triangle, tile);
      Store(tile, matrix, i, j);
    }
    for (int c = 0; c < kColumns; ++c)
      std::fill(matrix.at(first, j + c), matrix.at(j + c, j + c), 0);
  }
  return true;
}

// The transposed inverse, column by column of tiles.
ASSAY_WIDE_VECTORS void InvertTiles(const Matrix& factor, const Matrix& inverse) {
  const int size = static_cast<int>(factor.size);
  for (int j = 0; j < size; j += kColumns) {
    const Triangle triangle = TriangleOf(factor, j);
    for (int i = 0; i <= j; i += kRows) {
      Tile tile = {};
      if (i + kRows > j) {
        for (int c = 0; c < kColumns; ++c) (i == j ? tile.upper : tile.lower)[c][c] = 1;
      }
      Subtract(inverse, i, factor, j, i, j, tile);
      Divide(triangle, tile);
      Store(tile, inverse, i, j);
    }
  }
}

// The lower triangle of A A^T for an upper triangle A.
ASSAY_WIDE_VECTORS void SquareTiles(const Matrix& upper, const Matrix& square) {
  const int size = static_cast<int>(upper.size);
  for (int j = 0; j < size; j += kColumns) {
    for (int i = TileRow(j); i < size; i += kRows) {
      Tile tile = {};
      Subtract(upper, i, upper, j, i, size, tile);
      for (int c = 0; c < kColumns; ++c) {
        tile.upper[c] = -tile.upper[c];
        tile.lower[c] = -tile.lower[c];
      }
      Store(tile, square, i, j);
    }
  }
}

// x = L^-1 x for m rows of L.
ASSAY_WIDE_VECTORS void Substitute(const double* factor, int size, int m, double* x) {
  for (int k = 0; k < m; ++k) {
    const double* column = factor + std::ptrdiff_t{k} * size;
    x[k] /= column[k];
    for (int i = k + 1; i < m; ++i) x[i] -= column[i] * x[k];
  }
}

static_assert(kRows == 2 * kColumns && kHalf == kColumns);

Matrix View(Eigen::MatrixXd& matrix) { return {matrix.data(), matrix.rows()}; }

}  // namespace

Cholesky::Cholesky(int m)
    : m_(m), size_((m + kRows - 1) / kRows * kRows), factor_(Eigen::MatrixXd::Zero(size_, size_)) {
  factor_.diagonal().setOnes();
}

bool Cholesky::Factorise() { return FactoriseTiles(View(factor_)); }

double Cholesky::LogDeterminant() const {
  double sum = 0;
  for (int a = 0; a < m_; ++a) sum += std::log(factor_(a, a));
  return sum;
}

Eigen::VectorXd Cholesky::Whiten(const Eigen::VectorXd& y) const {
  Eigen::VectorXd x = y;
  Substitute(factor_.data(), size_, m_, x.data());
  return x;
}

Eigen::MatrixXd Cholesky::WhitenAll(const Eigen::Ref<const Eigen::MatrixXd>& b) const {
  return factor_.topLeftCorner(m_, m_).triangularView<Eigen::Lower>().solve(b);
}

void Cholesky::Invert() {
  inverse_.resize(size_, size_);
  InvertTiles(View(factor_), View(inverse_));
}

Eigen::VectorXd Cholesky::Unwhiten(const Eigen::VectorXd& x) const {
  return inverse_.topLeftCorner(m_, m_).triangularView<Eigen::Upper>() * x;
}

Eigen::VectorXd Cholesky::Precision() const {
  Eigen::VectorXd precision = Eigen::VectorXd::Zero(m_);
  for (int k = 0; k < m_; ++k) precision.head(k + 1) += inverse_.col(k).head(k + 1).cwiseAbs2();
  return precision;
}

void Cholesky::InverseTo(Eigen::MatrixXd& inverse) {
  inverse.resize(size_, size_);
  SquareTiles(View(inverse_), View(inverse));
}

}  // namespace assay::credit
