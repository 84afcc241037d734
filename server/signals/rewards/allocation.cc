#include "server/signals/rewards/allocation.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "server/credit/projection.h"

namespace assay::signals {
namespace {

struct Columns {
  using Column = absl::InlinedVector<double, 8>;
  Column x, w, low, high;
  double sum_low = 0;
  double sum_high = 0;
};

Columns Transpose(const std::vector<Claim>& claims) {
  Columns columns;
  for (Columns::Column* c : {&columns.x, &columns.w, &columns.low, &columns.high}) {
    c->reserve(claims.size());
  }
  for (const Claim& claim : claims) {
    columns.x.push_back(claim.raw_reward);
    columns.w.push_back(claim.weight);
    columns.low.push_back(claim.low);
    columns.high.push_back(claim.high);
    columns.sum_low += claim.low;
    columns.sum_high += claim.high;
  }
  return columns;
}

}  // namespace

absl::StatusOr<Allocation> Allocate(std::vector<Claim>& claims, double credit, double bound,
                                    WhenInfeasible fallback) {
  if (claims.empty()) return Allocation{.rewards = {}, .unallocated = credit};
  Columns columns = Transpose(claims);
  const bool too_low = credit < columns.sum_low;
  const bool too_high = credit > columns.sum_high;
  Allocation allocation;
  double placed = credit;
  if (too_low || too_high) {
    if (fallback == WhenInfeasible::kRelaxSigns) {
      allocation.signs_relaxed = true;
      for (Claim& claim : claims) (too_low ? claim.low : claim.high) = too_low ? -bound : bound;
      columns = Transpose(claims);
    }
    placed = std::clamp(credit, columns.sum_low, columns.sum_high);
  }
  absl::StatusOr<credit::Projection> projection =
      credit::Project(columns.x, columns.w, columns.low, columns.high, placed);
  if (!projection.ok()) return projection.status();
  allocation.rewards = std::move(projection->values);
  allocation.unallocated = credit - placed;
  return allocation;
}

}  // namespace assay::signals
