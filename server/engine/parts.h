// The questions of one round, by who is asked.
#ifndef ASSAY_SERVER_ENGINE_PARTS_H_
#define ASSAY_SERVER_ENGINE_PARTS_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/evaluation/evaluator.h"
#include "server/signals/counterfactual.h"
#include "server/signals/episode.h"

namespace assay::engine {

inline constexpr int kTargets = 2;

// Indexed by signals::Target.
template <class T>
using ByTarget = std::array<T, kTargets>;

// The outcome of questions that ended with this status, as EngineObserver::OnQuestionsDone names
// it.
absl::string_view OutcomeName(const absl::Status& status);

// How many questions these are to the observer: a whole table counts as many as it has values.
int64_t CountQuestions(const std::vector<signals::Question>& questions,
                       const signals::Episode& episode);

// The questions of each target, in their order.
ByTarget<std::vector<signals::Question>> Split(const std::vector<signals::Question>& questions);

// The answers to the parts that Split makes of `questions`, in the order of `questions`.
evaluation::Answers Join(const std::vector<signals::Question>& questions,
                         ByTarget<evaluation::Answers> parts);

}  // namespace assay::engine

#endif  // ASSAY_SERVER_ENGINE_PARTS_H_
