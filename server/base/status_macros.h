// Passing an error on to the caller in one line.
#ifndef ASSAY_SERVER_BASE_STATUS_MACROS_H_
#define ASSAY_SERVER_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function with the status that `expression` gives, unless it is OK.
#define ASSAY_RETURN_IF_ERROR(expression)                               \
  do {                                                                  \
    if (absl::Status assay_status = (expression); !assay_status.ok()) { \
      return assay_status;                                              \
    }                                                                   \
  } while (false)

// `target` = the value of `expression`, an absl::StatusOr; returns from the enclosing function with
// its status where it has none. `target` may be a declaration: ASSAY_ASSIGN_OR_RETURN(auto x, F());
#define ASSAY_ASSIGN_OR_RETURN(target, expression) \
  ASSAY_ASSIGN_OR_RETURN_(ASSAY_CONCAT_(assay_status_or_, __LINE__), target, expression)
// A declaration cannot stand in parentheses: NOLINTBEGIN(bugprone-macro-parentheses)
#define ASSAY_ASSIGN_OR_RETURN_(status_or, target, expression) \
  auto status_or = (expression);                               \
  if (!status_or.ok()) return std::move(status_or).status();   \
  target = *std::move(status_or)
// NOLINTEND(bugprone-macro-parentheses)
#define ASSAY_CONCAT_(a, b) ASSAY_CONCAT_INNER_(a, b)
#define ASSAY_CONCAT_INNER_(a, b) a##b

#endif  // ASSAY_SERVER_BASE_STATUS_MACROS_H_
