#include "server/evaluation/wrappers/cache_key.h"

#include <algorithm>
#include <bit>
#include <type_traits>

#include "assay/v1/episode.pb.h"
#include "assay/v1/evaluator_service.pb.h"
#include "server/base/sha256.h"
#include "server/wire/questions/digest.h"
#include "server/wire/questions/questions.h"

namespace assay::evaluation {
namespace {

// Numbers have a fixed size and texts begin with their length, so that different parts never give
// the same bytes.
template <typename Number>
requires std::is_arithmetic_v<Number>
void Append(Number number, std::string* bytes) {
  bytes->append(reinterpret_cast<const char*>(&number), sizeof(number));
}
void Append(absl::string_view text, std::string* bytes) {
  Append(static_cast<uint64_t>(text.size()), bytes);
  bytes->append(text.data(), text.size());
}

}  // namespace

std::string EpisodeDigest(const EpisodeContext& context) {
  if (context.message != nullptr) return MessageDigest(*context.message);
  std::string bytes;
  Append(context.episode.id, &bytes);
  for (const auto& member : context.members) Append(EpisodeDigest(*member), &bytes);
  return Sha256(bytes);
}

std::string KeyPrefix(const EpisodeContext& context, const std::string& episode_digest,
                      absl::string_view evaluator) {
  std::string bytes;
  Append(absl::string_view(episode_digest), &bytes);
  Append(evaluator, &bytes);
  Append(context.seed, &bytes);
  Append(context.range.low, &bytes);
  Append(context.range.high, &bytes);
  return bytes;
}

CacheKey KeyOf(const std::string& prefix, const EpisodeContext& context,
               const signals::Question& question, int occurrence) {
  v1::Question wire;
  QuestionToWire(question, context, wire.mutable_counterfactual());
  wire.set_samples(question.samples);
  std::string bytes;
  Append(absl::string_view(prefix), &bytes);
  Append(absl::string_view(MessageDigest(wire)), &bytes);
  Append(occurrence, &bytes);
  const std::string digest = Sha256(bytes);
  CacheKey key;
  std::copy(digest.begin(), digest.end(), key.begin());
  return key;
}

}  // namespace assay::evaluation
