#ifndef ASSAY_SERVER_CREDIT_QUANTILE_H_
#define ASSAY_SERVER_CREDIT_QUANTILE_H_

namespace assay::credit {

// The x for which a standard normal X has P(X <= x) = p, where 0 < p < 1. Accurate to 1e-12.
double NormalQuantile(double p);

// The same for an X that follows Student's t with `degrees` >= 1 degrees of freedom. O(degrees).
double StudentQuantile(double p, int degrees);

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_QUANTILE_H_
