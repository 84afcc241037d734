// What an OpenAI-compatible chat completion says, as grades in [0, 1].
#ifndef ASSAY_SERVER_EVALUATION_JUDGE_JUDGE_VERDICT_H_
#define ASSAY_SERVER_EVALUATION_JUDGE_JUDGE_VERDICT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace assay::evaluation {

// The expected grade: sum of p(d) d / 9 over the digits among the alternatives of the verdict
// token, p renormalised over them, as in G-Eval (Liu et al. 2023). The verdict token is the first
// one whose digits hold at least a fifth of its probability.
// NOT_FOUND: the server offers no log-probabilities, or no token is a verdict. INTERNAL: the answer
// is no chat completion.
absl::StatusOr<double> ExpectedGrade(const std::string& completion);

// From content {"grade": d}, d in 0..9. INTERNAL: it is anything else.
absl::StatusOr<double> JsonGrade(const std::string& completion);

// From content {"grades": [...]} with exactly `count` grades. INTERNAL: it is anything else.
absl::StatusOr<std::vector<double>> JsonGrades(const std::string& completion, int count);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_JUDGE_JUDGE_VERDICT_H_
