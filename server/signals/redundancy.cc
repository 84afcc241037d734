#include "server/signals/redundancy.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/container/flat_hash_map.h"

namespace assay::signals {
namespace {

constexpr int kShingleWords = 5;
constexpr int32_t kNoRound = INT32_MAX;
constexpr uint32_t kNoMessage = (uint32_t{1} << 30) - 1;

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

// The hash of each shingle of `text`, in order.
void ShinglesOf(absl::string_view text, std::vector<uint64_t>& shingles) {
  shingles.clear();
  uint64_t window[kShingleWords] = {};
  uint64_t rolling = 0;
  size_t words = 0;
  size_t slot = 0;
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
    rolling = rolling * kRoll + word - window[slot] * kRollOut;
    window[slot] = word;
    slot = slot + 1 == kShingleWords ? 0 : slot + 1;
    if (++words >= kShingleWords) shingles.push_back(Mix(rolling));
  }
  if (words > 0 && words < kShingleWords) shingles.push_back(Mix(rolling + words));
}

// Who has said a shingle so far. Small: the table of them is what costs time.
struct Sayers {
  uint64_t agents = 0;              // bit i: agent i
  int32_t lowest_round = kNoRound;  // 0: a message of unknown round
  // The message that touched the entry last, and whether the shingle was seen before it: a message
  // that repeats itself is compared with what came before it, not with itself.
  uint32_t last : 30 = kNoMessage;
  uint32_t seen_before_last : 1 = 0;
  uint32_t context : 1 = 0;
};

// The keys are hashes already.
struct AsItIs {
  size_t operator()(uint64_t hash) const { return hash; }
};
using Said = absl::flat_hash_map<uint64_t, Sayers, AsItIs>;

bool Seen(const Sayers& sayers, const Message& message) {
  if (sayers.context != 0) return true;
  if (message.round == 0) return sayers.lowest_round != kNoRound;
  if (sayers.lowest_round < message.round) return true;
  return message.agent != kContext && ((sayers.agents >> message.agent) & 1) != 0;
}

void Say(const Message& message, Sayers& sayers) {
  if (message.agent == kContext) {
    sayers.context = 1;
    return;
  }
  sayers.agents |= uint64_t{1} << message.agent;
  if (message.round < sayers.lowest_round) sayers.lowest_round = message.round;
}

// How many of the shingles of message t were seen before it; says them.
int64_t CountSeen(const Message& message, uint32_t t, const std::vector<uint64_t>& shingles,
                  Said& said) {
  constexpr size_t kAhead = 8;  // look-ups under way at once: each is a cache miss
  int64_t seen = 0;
  for (size_t k = 0; k < shingles.size(); ++k) {
    if (k + kAhead < shingles.size()) said.prefetch(shingles[k + kAhead]);
    Sayers& sayers = said[shingles[k]];
    if (sayers.last != t) {
      sayers.seen_before_last = Seen(sayers, message) ? 1 : 0;
      sayers.last = t;
      Say(message, sayers);
    }
    seen += sayers.seen_before_last;
  }
  return seen;
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

  Said said;
  size_t bytes = 0;
  for (const Message& m : episode.messages) bytes += m.content.size();
  said.reserve(bytes / 8);
  std::vector<uint64_t> shingles;
  for (int t = 0; t < count; ++t) {
    const Message& m = episode.messages[t];
    ShinglesOf(m.content, shingles);
    const int64_t seen = CountSeen(m, static_cast<uint32_t>(t), shingles, said);
    if (m.agent != kContext && !m.redundancy.has_value() && !shingles.empty()) {
      rho[t] = static_cast<double>(seen) / static_cast<double>(shingles.size());
    }
  }
  return rho;
}

}  // namespace assay::signals
