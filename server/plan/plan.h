// A computation that needs answers from outside, as a conversation:
//
//   while (!plan.done()) plan.tell(the answers to plan.ask());
//   absl::StatusOr<Result> result = plan.finish();
//
// Estimators, the search for the first error, the attribution of an episode and the recombination
// of a group are plans. Whoever drives one knows about threads, deadlines and retries; the plan
// knows none of these. A plan is deterministic: its result depends on what it was made from and on
// the answers alone, never on who answered, when, or in which order.
#ifndef ASSAY_SERVER_PLAN_PLAN_H_
#define ASSAY_SERVER_PLAN_PLAN_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/plan/question.h"

namespace assay {

// Not thread safe.
template <class R, class Q = Question, class A = Answer>
class Plan {
 public:
  using Result = R;

  virtual ~Plan() = default;

  // Whether nothing is left to ask.
  virtual bool done() const = 0;

  // The next questions: at least one unless done(), and the same until tell(). They are independent
  // of each other, so that they may be answered in any order and in parallel.
  virtual const std::vector<Q>& ask() const = 0;

  // Takes one answer for each question of ask(), in that order. INVALID_ARGUMENT: there is another
  // number of answers, or an answer is impossible: not finite, or out of range.
  // FAILED_PRECONDITION: nothing was asked.
  virtual absl::Status tell(absl::Span<const A> answers) = 0;

  // The result. Before done() it is a partial result where the plan has one, else an error.
  virtual absl::StatusOr<R> finish() = 0;
};

// What tell() says of so many answers to so many questions.
inline absl::Status CheckCount(size_t answers, size_t questions) {
  if (questions == 0) return absl::FailedPreconditionError("nothing was asked");
  if (answers == questions) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("answers: ", answers, " for ", questions, " questions"));
}

}  // namespace assay

#endif  // ASSAY_SERVER_PLAN_PLAN_H_
