#include "server/credit/quantile.h"

#include <cmath>
#include <numbers>

namespace assay::credit {
namespace {

double NormalCdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

// Abramowitz & Stegun 26.7.3 and 26.7.4: a finite series for whole degrees of freedom.
double StudentCdf(double t, int degrees) {
  const double theta = std::atan(t / std::sqrt(degrees));
  const double cos2 = std::cos(theta) * std::cos(theta);
  const bool odd = degrees % 2 == 1;
  double term = odd ? std::cos(theta) : 1;
  double series = degrees == 1 ? 0 : term;
  for (int k = odd ? 3 : 2; k < degrees; k += 2) {
    term *= cos2 * (k - 1) / k;
    series += term;
  }
  series *= std::sin(theta);
  const double central = odd ? 2 / std::numbers::pi * (theta + series) : series;
  return 0.5 + 0.5 * central;
}

// The root of cdf(x) = p for p > 1/2 by bisection to the last bit; the tail is bracketed by
// doubling.
template <typename Cdf>
double UpperQuantile(double p, const Cdf& cdf) {
  double high = 1;
  while (cdf(high) < p && high < 1e300) high *= 2;
  double low = 0;
  for (double middle = high / 2; low < middle && middle < high; middle = (low + high) / 2) {
    (cdf(middle) < p ? low : high) = middle;
  }
  return high;
}

}  // namespace

double NormalQuantile(double p) {
  if (p < 0.5) return -NormalQuantile(1 - p);
  return p == 0.5 ? 0 : UpperQuantile(p, NormalCdf);
}

double StudentQuantile(double p, int degrees) {
  if (p < 0.5) return -StudentQuantile(1 - p, degrees);
  return p == 0.5 ? 0 : UpperQuantile(p, [&](double t) { return StudentCdf(t, degrees); });
}

}  // namespace assay::credit
