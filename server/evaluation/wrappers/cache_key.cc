#include "server/evaluation/wrappers/cache_key.h"

#include <openssl/sha.h>

#include <bit>
#include <cstring>
#include <optional>
#include <type_traits>

#include "server/evaluation/wrappers/cache.h"

namespace assay::evaluation {
namespace {

// Every part is written with its length or its type's size, so that no two different contents give
// the same bytes.
class Writer {
 public:
  template <typename Number>
  requires std::is_arithmetic_v<Number>
  void Put(Number number) {
    char bytes[sizeof(Number)];
    std::memcpy(bytes, &number, sizeof(Number));
    bytes_.append(bytes, sizeof(Number));
  }
  void Put(absl::string_view text) {
    Put(static_cast<uint64_t>(text.size()));
    bytes_.append(text.data(), text.size());
  }
  template <typename Value>
  void Put(const std::optional<Value>& value) {
    Put(value.has_value());
    if (value.has_value()) Put(*value);
  }
  void Put(const signals::Rollouts& rollouts) {
    Put(rollouts.successes);
    Put(rollouts.trials);
  }
  void Put(const signals::Message& message) {
    Put(message.agent);
    Put(message.round);
    Put(message.content);
    Put(message.answer);
    Put(message.process_score);
    Put(message.prefix_value);
    Put(message.rollouts);
    Put(message.redundancy);
    Put(message.repairs);
    Put(message.first_error);
    Put(message.token_count);
    Put(static_cast<uint64_t>(message.alternatives.size()));
    for (const auto& alternative : message.alternatives) {
      Put(alternative.content);
      Put(alternative.value);
    }
    Put(static_cast<uint64_t>(message.judge_scores.size()));
    for (const signals::JudgeScore& score : message.judge_scores) {
      Put(score.judge);
      Put(score.score);
    }
  }
  void Put(const signals::Episode& episode) {
    Put(episode.id);
    Put(episode.prompt);
    Put(episode.reference_answer);
    Put(static_cast<uint64_t>(episode.agents.size()));
    for (const signals::Agent& agent : episode.agents) {
      Put(agent.id);
      Put(agent.role);
      Put(agent.policy);
    }
    Put(static_cast<uint64_t>(episode.messages.size()));
    for (const signals::Message& message : episode.messages) Put(message);
    Put(episode.score);
    Put(episode.truncated);
    Put(static_cast<uint64_t>(episode.table.size()));
    for (const double value : episode.table) Put(value);
  }
  void Put(const credit::PlayerSet& set) {
    std::array<uint64_t, credit::PlayerSet::kMaxPlayers / 64> words{};
    for (int i = 0; i < credit::PlayerSet::kMaxPlayers; ++i) {
      if (set.contains(i)) words[i / 64] |= uint64_t{1} << (i % 64);
    }
    for (const uint64_t word : words) Put(word);
  }

  CacheKey Digest() const {
    CacheKey digest;
    SHA256(reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size(), digest.data());
    return digest;
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace

std::string EpisodeDigest(const EpisodeContext& context) {
  if (!context.digest.empty()) return context.digest;
  Writer writer;
  writer.Put(context.episode);
  for (const auto& member : context.members) writer.Put(absl::string_view(EpisodeDigest(*member)));
  const CacheKey digest = writer.Digest();
  return std::string(digest.begin(), digest.end());
}

std::string KeyPrefix(const EpisodeContext& context, const std::string& episode_digest,
                      absl::string_view evaluator) {
  Writer writer;
  writer.Put(absl::string_view(episode_digest));
  writer.Put(evaluator);
  writer.Put(context.seed);
  writer.Put(context.range.low);
  writer.Put(context.range.high);
  return writer.Take();
}

CacheKey KeyOf(const std::string& prefix, const signals::Question& question, int occurrence) {
  Writer writer;
  writer.Put(absl::string_view(prefix));
  writer.Put(static_cast<int32_t>(question.kind));
  writer.Put(question.samples);
  writer.Put(question.index);
  writer.Put(question.coalition);
  if (question.kind == signals::QuestionKind::kMessages) writer.Put(question.subset);
  for (const int32_t member : question.team) writer.Put(member);
  writer.Put(occurrence);
  return writer.Digest();
}

}  // namespace assay::evaluation
