// The key under which the cache keeps an answer: two questions are the same where their keys are.
#ifndef ASSAY_SERVER_EVALUATION_WRAPPERS_CACHE_KEY_H_
#define ASSAY_SERVER_EVALUATION_WRAPPERS_CACHE_KEY_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

// Identifies what an evaluator may see of the episode: the SHA-256 digest (32 bytes) of its whole
// wire form, so that no field can be forgotten. Of a group: of its id and the digests of its
// members. A context without a wire form, which no call has, is known by the id of its episode
// alone. O(size of the episode).
std::string EpisodeDigest(const EpisodeContext& context);

using CacheKey = std::array<uint8_t, 32>;

// The part of all keys that questions of one episode to one evaluator share.
std::string KeyPrefix(const EpisodeContext& context, const std::string& episode_digest,
                      absl::string_view evaluator);

// Hashes the wire form of the question about `context`. `occurrence` is how often the same
// attribution asked the same question before.
CacheKey KeyOf(const std::string& prefix, const EpisodeContext& context,
               const signals::Question& question, int occurrence);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_WRAPPERS_CACHE_KEY_H_
