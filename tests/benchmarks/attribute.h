// An attribution with an evaluator that answers at once, for benchmarks: whatever fails aborts.
#ifndef ASSAY_TESTS_BENCHMARKS_ATTRIBUTE_H_
#define ASSAY_TESTS_BENCHMARKS_ATTRIBUTE_H_

#include <cstdlib>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "server/evaluation/evaluator.h"
#include "server/signals/attribution.h"

namespace assay::benchmarks {

inline signals::Signals Attribute(const std::shared_ptr<const evaluation::EpisodeContext>& context,
                                  const signals::Options& options,
                                  const signals::EvaluatorTraits& traits,
                                  const evaluation::LocalEvaluator& evaluator) {
  const auto replay = evaluator.Prepare(context);
  signals::Attribution plan(context->episode, options, traits, {}, (*replay)->grades());
  std::vector<signals::Answer> answers;
  while (!plan.done()) {
    answers.assign(plan.ask().size(), {});
    if (!(*replay)->Answer(plan.ask(), absl::MakeSpan(answers)).ok()) std::abort();
    if (!plan.tell(answers).ok()) std::abort();
  }
  return *plan.finish();
}

}  // namespace assay::benchmarks

#endif  // ASSAY_TESTS_BENCHMARKS_ATTRIBUTE_H_
