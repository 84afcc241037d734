// Checks the fields of options one after the other and keeps the first error.
#ifndef ASSAY_SERVER_WIRE_OPTION_CHECKER_H_
#define ASSAY_SERVER_WIRE_OPTION_CHECKER_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/wire/errors.h"

namespace assay::service {

class OptionChecker {
 public:
  // Every path is reported behind `prefix`, such as "advantages.".
  explicit OptionChecker(std::string prefix = "") : prefix_(std::move(prefix)) {}

  void Fail(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }
  // `status` names a field inside of `path`.
  void FailIn(absl::string_view path, const absl::Status& status) {
    Fail({status.code(), absl::StrCat(path, status.message())});
  }
  std::string At(absl::string_view path) const { return absl::StrCat(prefix_, path); }
  void InRange(absl::string_view path, double value, double low, double high) {
    if (!(value >= low && value <= high)) Fail(OutOfBounds(At(path), value, low, high));
  }
  void NotNegative(absl::string_view path, double value) {
    if (!(value >= 0)) Fail(Invalid(At(path), "must not be negative"));
  }
  void Inside(absl::string_view path, double value, double low, double high) {
    if (!(value > low && value < high)) {
      Fail(Invalid(At(path), absl::StrCat("is ", value, ", must be in (", low, ", ", high, ")")));
    }
  }
  const absl::Status& status() const { return status_; }

 private:
  const std::string prefix_;
  absl::Status status_;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_OPTION_CHECKER_H_
