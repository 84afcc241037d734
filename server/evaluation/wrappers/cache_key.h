// What makes two questions the same question.
#ifndef ASSAY_SERVER_EVALUATION_WRAPPERS_CACHE_KEY_H_
#define ASSAY_SERVER_EVALUATION_WRAPPERS_CACHE_KEY_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

using CacheKey = std::array<uint8_t, 32>;

// The part of all keys that questions of one episode to one evaluator share.
std::string KeyPrefix(const EpisodeContext& context, const std::string& episode_digest,
                      absl::string_view evaluator);

// `occurrence`: how often the same attribution asked the same before.
CacheKey KeyOf(const std::string& prefix, const signals::Question& question, int occurrence);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_WRAPPERS_CACHE_KEY_H_
