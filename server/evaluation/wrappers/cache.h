// Remembers answers by content, and asks each question once however many want to know.
#ifndef ASSAY_SERVER_EVALUATION_WRAPPERS_CACHE_H_
#define ASSAY_SERVER_EVALUATION_WRAPPERS_CACHE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "server/evaluation/evaluator.h"
#include "server/evaluation/question_observer.h"

namespace assay::evaluation {

// Keeps at most `max_bytes` of answers, by the SHA-256 digest of episode, evaluator, question,
// value range and seed, and drops the least recently used. A question that somebody is asking
// already is not asked again unless that batch is given up. Failures are not kept.
//
// An answer that is kept is the record of its samples and not a fresh sample. An attribution that
// asks a noisy evaluator the same question again gets a new answer, which is kept beside the first:
// no sample counts twice, and the same episode asked later gets the same sequence of answers.
std::shared_ptr<Evaluator> Cached(std::shared_ptr<Evaluator> inner, int64_t max_bytes,
                                  QuestionObservers observers);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_WRAPPERS_CACHE_H_
