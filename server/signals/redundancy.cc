#include "server/signals/redundancy.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/container/flat_hash_map.h"

namespace assay::signals {
namespace {

constexpr int kShingleWords = 5;
constexpr int32_t kNoRound = INT32_MAX;
constexpr uint32_t kNoMessage = (uint32_t{1} << 30) - 1;

// Fixed hashes: absl::Hash differs from process to process, and a collision must not make the
// result differ from replica to replica.
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

// Texts are read eight bytes at a time, the first one lowest: a word is seldom longer.
static_assert(std::endian::native == std::endian::little);
constexpr uint64_t Each(uint8_t byte) { return uint64_t{byte} * 0x0101010101010101; }

// Bit 7 of each byte that lies in low..high; both below 128.
constexpr uint64_t BytesWithin(uint64_t chunk, uint8_t low, uint8_t high) {
  const uint64_t ascii = chunk & Each(0x7f);
  return (ascii + Each(0x80 - low)) & ~(ascii + Each(0x7f - high)) & ~chunk & Each(0x80);
}
constexpr uint64_t Spaces(uint64_t chunk) {
  return BytesWithin(chunk, '\t', '\r') | BytesWithin(chunk, ' ', ' ');
}
constexpr uint64_t LowerCase(uint64_t chunk) { return chunk | BytesWithin(chunk, 'A', 'Z') >> 2; }
static_assert(Spaces(Each(' ')) == Each(0x80) && Spaces(Each(0x08)) == 0 &&
              Spaces(Each(0x8a)) == 0);
static_assert(LowerCase(Each('Z')) == Each('z'));
static_assert(LowerCase(Each('[')) == Each('['));

// The end of the text is white space.
uint64_t ChunkAt(absl::string_view text, size_t i) {
  uint64_t chunk = Each(' ');
  std::memcpy(&chunk, text.data() + i, std::min<size_t>(sizeof chunk, text.size() - i));
  return chunk;
}

// The hash of the word that begins at i, which moves to its end.
uint64_t WordAt(absl::string_view text, size_t& i) {
  uint64_t word = kWordSeed;
  for (;;) {
    const uint64_t chunk = ChunkAt(text, i);
    const uint64_t spaces = Spaces(chunk);
    if (spaces == 0) {
      word = Mix(word ^ LowerCase(chunk));
      i += sizeof chunk;
      continue;
    }
    // The highest byte is not in the word, and holds its length instead.
    const uint64_t length = std::countr_zero(spaces) / 8;
    const uint64_t kept = (uint64_t{1} << (8 * length)) - 1;
    i += length;
    return Mix(word ^ (LowerCase(chunk) & kept) ^ length << 56);
  }
}

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The hash of each shingle of `text`, in order; none where it has too few words for one.
void ShinglesOf(absl::string_view text, std::vector<uint64_t>& shingles) {
  shingles.clear();
  uint64_t window[kShingleWords] = {};
  uint64_t rolling = 0;
  int words = 0;
  size_t slot = 0;
  const size_t size = text.size();
  for (size_t i = 0;;) {
    while (i < size && IsSpace(text[i])) ++i;
    if (i == size) break;
    const uint64_t word = WordAt(text, i);
    rolling = rolling * kRoll + word - window[slot] * kRollOut;
    window[slot] = word;
    slot = slot + 1 == kShingleWords ? 0 : slot + 1;
    if (++words >= kShingleWords) shingles.push_back(Mix(rolling));
  }
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
  sayers.lowest_round = std::min(sayers.lowest_round, message.round);
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
