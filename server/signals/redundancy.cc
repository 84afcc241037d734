#include "server/signals/redundancy.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/container/flat_hash_map.h"

namespace assay::signals {
namespace {

constexpr int kShingleWords = 5;
constexpr int kNeverInARound = INT32_MAX;

// Fixed hashes: absl::Hash differs from process to process, and a collision must not make the
// result differ from replica to replica.
constexpr uint64_t kWordPrime = 0x100000001b3;  // FNV-1a
constexpr uint64_t kWordSeed = 0xcbf29ce484222325;
constexpr uint64_t kRoll = 0x9e3779b97f4a7c15;  // odd: multiplication permutes 64-bit numbers

constexpr uint64_t Power(uint64_t base, int exponent) {
  uint64_t result = 1;
  for (int i = 0; i < exponent; ++i) result *= base;
  return result;
}
constexpr uint64_t kRollOut = Power(kRoll, kShingleWords);

constexpr uint64_t Mix(uint64_t h) {
  h ^= h >> 32;
  h *= 0xd6e8feb86659fd93;
  return h ^ (h >> 32);
}

constexpr std::array<uint8_t, 256> MakeFold() {
  std::array<uint8_t, 256> fold{};
  for (int c = 0; c < 256; ++c) fold[c] = static_cast<uint8_t>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  for (unsigned char c : {' ', '\t', '\n', '\v', '\f', '\r'}) fold[c] = 0;
  fold[0] = 1;  // a NUL byte is a letter like any other, only white space folds to 0
  return fold;
}
constexpr std::array<uint8_t, 256> kFold = MakeFold();

// Calls visit(hash) for each shingle of `text`, in order.
template <typename Visit>
void ForEachShingle(absl::string_view text, Visit visit) {
  uint64_t window[kShingleWords] = {};
  uint64_t rolling = 0;
  size_t words = 0;
  const size_t size = text.size();
  for (size_t i = 0; i < size;) {
    while (i < size && kFold[static_cast<uint8_t>(text[i])] == 0) ++i;
    if (i == size) break;
    uint64_t word = kWordSeed;
    for (; i < size; ++i) {
      const uint8_t c = kFold[static_cast<uint8_t>(text[i])];
      if (c == 0) break;
      word = (word ^ c) * kWordPrime;
    }
    uint64_t& slot = window[words % kShingleWords];
    rolling = rolling * kRoll + word - slot * kRollOut;
    slot = word;
    if (++words >= kShingleWords) visit(Mix(rolling));
  }
  if (words > 0 && words < kShingleWords) visit(Mix(rolling + words));
}

// Who has said a shingle so far.
struct Sayers {
  uint64_t agents = 0;                // bit i: agent i
  int lowest_round = kNeverInARound;  // 0: a message of unknown round
  bool context = false;
  // The message that touched the entry last, and whether the shingle was seen before it: a message
  // that repeats itself is compared with what came before it, not with itself.
  int last = -1;
  bool seen_before_last = false;
};

bool Seen(const Sayers& sayers, const Message& message) {
  if (sayers.context) return true;
  if (message.round == 0) return sayers.lowest_round != kNeverInARound;
  if (sayers.lowest_round < message.round) return true;
  return message.agent != kContext && ((sayers.agents >> message.agent) & 1) != 0;
}

void Say(const Message& message, Sayers& sayers) {
  if (message.agent == kContext) {
    sayers.context = true;
    return;
  }
  sayers.agents |= uint64_t{1} << message.agent;
  if (message.round < sayers.lowest_round) sayers.lowest_round = message.round;
}

bool AnyToCompute(const Episode& episode) {
  for (const Message& m : episode.messages) {
    if (m.agent != kContext && !m.redundancy.has_value()) return true;
  }
  return false;
}

}  // namespace

std::vector<double> Redundancies(const Episode& episode, bool compute) {
  const int count = static_cast<int>(episode.messages.size());
  std::vector<double> rho(count, 0.0);
  for (int t = 0; t < count; ++t) {
    const Message& m = episode.messages[t];
    if (m.agent != kContext && m.redundancy.has_value()) rho[t] = *m.redundancy;
  }
  if (!compute || !AnyToCompute(episode)) return rho;

  absl::flat_hash_map<uint64_t, Sayers> said;
  size_t bytes = 0;
  for (const Message& m : episode.messages) bytes += m.content.size();
  said.reserve(bytes / 8);
  for (int t = 0; t < count; ++t) {
    const Message& m = episode.messages[t];
    int64_t shingles = 0;
    int64_t seen = 0;
    ForEachShingle(m.content, [&](uint64_t hash) {
      Sayers& sayers = said[hash];
      if (sayers.last != t) {
        sayers.seen_before_last = Seen(sayers, m);
        sayers.last = t;
        Say(m, sayers);
      }
      ++shingles;
      seen += sayers.seen_before_last ? 1 : 0;
    });
    if (m.agent != kContext && !m.redundancy.has_value() && shingles > 0) {
      rho[t] = static_cast<double>(seen) / static_cast<double>(shingles);
    }
  }
  return rho;
}

}  // namespace assay::signals
