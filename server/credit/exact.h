#ifndef ASSAY_SERVER_CREDIT_EXACT_H_
#define ASSAY_SERVER_CREDIT_EXACT_H_

#include <vector>

#include "absl/types/span.h"

// Exact values of a cooperative game given as a table: table[mask] = v(mask), 2^n entries, 1 <= n
// <= kMaxTableAgents. All are linear in the table and in its unit. One pass over the table, blocked
// to stay in the first-level cache: O(2^n) additions, extra memory of at most 2^(n-10) * 12
// numbers.
namespace assay::credit {

inline constexpr int kMaxTableAgents = 30;

// The pairwise Shapley interaction of agents first < second (Grabisch & Roubens 1999): negative
// where they stand in for each other, positive where they complete each other.
struct PairInteraction {
  int first = 0;
  int second = 0;
  double value = 0;
};

// Shapley value of each agent: phi_i = sum over S without i of |S|! (n-|S|-1)! / n! (v(S+i) - v(S))
// (Shapley 1953). sum phi_i = v(N) - v(empty) to rounding.
std::vector<double> ExactShapley(absl::Span<const double> table, int n);

// I_ij = sum over S without i, j of |S|! (n-|S|-2)! / (n-1)! (v(S+ij) - v(S+i) - v(S+j) + v(S)) for
// all pairs i < j, in lexicographic order: n (n-1) / 2 of them.
std::vector<PairInteraction> ExactInteractions(absl::Span<const double> table, int n);

// Variance of each Shapley value where v(S) has the independent error variances[S] >= 0: sum over S
// of c_S^2 variances[S], c_S the weight of v(S) in phi_i. The same cost as ExactShapley, twice.
std::vector<double> ShapleyVariance(absl::Span<const double> variances, int n);

// The weight of coalitions of size s that do not hold agent i in phi_i: s! (n-1-s)! / n!, for s =
// 0..n-1.
std::vector<double> ShapleyWeights(int n);

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_EXACT_H_
