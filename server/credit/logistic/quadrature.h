#ifndef ASSAY_SERVER_CREDIT_LOGISTIC_QUADRATURE_H_
#define ASSAY_SERVER_CREDIT_LOGISTIC_QUADRATURE_H_

#include <vector>

namespace assay::credit {

struct Quadrature {
  std::vector<double> nodes;  // ascending
  std::vector<double> weights;
};

// Gauss-Legendre on [0, 1] (Golub & Welsch 1969): exact for polynomials of degree 2 count - 1.
// count
// >= 1.
Quadrature GaussLegendre(int count);

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_LOGISTIC_QUADRATURE_H_
