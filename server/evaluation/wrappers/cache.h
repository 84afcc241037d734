// Remembers answers by content, and asks each question once however many want to know.
#ifndef ASSAY_SERVER_EVALUATION_WRAPPERS_CACHE_H_
#define ASSAY_SERVER_EVALUATION_WRAPPERS_CACHE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "server/evaluation/evaluator.h"
#include "server/evaluation/question_observer.h"

namespace assay::evaluation {

// SHA-256 of the episode's content (32 bytes): of the wire form where the context brings that,
// else of everything that is in `episode`. O(size of the episode).
std::string EpisodeDigest(const EpisodeContext& context);

// Answers by SHA-256 of episode, evaluator, question, value range and seed; at most `max_bytes` of
// them, the least recently used go first. The same question on its way already is waited for, and
// asked again only where the one who asked gave up. Failures are not remembered.
//
// An answer that is remembered is the record of its samples, not a fresh sample: one attribution
// that asks a noisy evaluator the same again gets a new answer, remembered beside the first, so
// that no sample ever counts twice, and the same episode asked later gets the same sequence.
// `observer` may be null.
std::shared_ptr<Evaluator> Cached(std::shared_ptr<Evaluator> inner, int64_t max_bytes,
                                  Observer* observer);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_WRAPPERS_CACHE_H_
