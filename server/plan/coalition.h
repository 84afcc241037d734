// Sets of agents and of messages.
#ifndef ASSAY_SERVER_PLAN_COALITION_H_
#define ASSAY_SERVER_PLAN_COALITION_H_

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <utility>

namespace assay {

// A set of at most 64 agents: bit i stands for agent i.
using Coalition = std::uint64_t;

// A set of at most 256 players (agents or messages). Ordered as the unsigned number whose bit i is
// player i.
class PlayerSet {
 public:
  static constexpr int kMaxPlayers = 256;

  constexpr PlayerSet() = default;
  static constexpr PlayerSet FromMask(Coalition mask) {
    PlayerSet set;
    set.words_[0] = mask;
    return set;
  }
  // Players 0..n-1, 0 <= n <= 256.
  static constexpr PlayerSet All(int n) {
    PlayerSet set;
    for (int w = 0; w < kWords && n > 64 * w; ++w) {
      const int bits = n - 64 * w;
      set.words_[w] = bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
    }
    return set;
  }

  constexpr bool contains(int player) const { return (words_[player >> 6] >> (player & 63)) & 1; }
  constexpr void insert(int player) { words_[player >> 6] |= std::uint64_t{1} << (player & 63); }
  constexpr void erase(int player) { words_[player >> 6] &= ~(std::uint64_t{1} << (player & 63)); }
  constexpr bool empty() const { return *this == PlayerSet(); }
  constexpr int size() const {
    int count = 0;
    for (std::uint64_t word : words_) count += std::popcount(word);
    return count;
  }
  // The players 0..n-1 that are not in this set, which must hold no other players.
  constexpr PlayerSet Complement(int n) const { return All(n) ^ *this; }
  // Players 0..63 as a mask; exact where n <= 64.
  constexpr Coalition mask() const { return words_[0]; }

  friend constexpr PlayerSet operator|(PlayerSet a, const PlayerSet& b) {
    for (int w = 0; w < kWords; ++w) a.words_[w] |= b.words_[w];
    return a;
  }
  friend constexpr PlayerSet operator&(PlayerSet a, const PlayerSet& b) {
    for (int w = 0; w < kWords; ++w) a.words_[w] &= b.words_[w];
    return a;
  }
  friend constexpr PlayerSet operator^(PlayerSet a, const PlayerSet& b) {
    for (int w = 0; w < kWords; ++w) a.words_[w] ^= b.words_[w];
    return a;
  }
  // The lowest and the highest player that both sets hold; -1: none.
  friend constexpr int FirstCommon(const PlayerSet& a, const PlayerSet& b) {
    for (int w = 0; w < kWords; ++w) {
      const std::uint64_t word = a.words_[w] & b.words_[w];
      if (word != 0) return 64 * w + std::countr_zero(word);
    }
    return -1;
  }
  friend constexpr int LastCommon(const PlayerSet& a, const PlayerSet& b) {
    for (int w = kWords - 1; w >= 0; --w) {
      const std::uint64_t word = a.words_[w] & b.words_[w];
      if (word != 0) return 64 * w + 63 - std::countl_zero(word);
    }
    return -1;
  }
  friend constexpr bool operator==(const PlayerSet&, const PlayerSet&) = default;
  friend constexpr std::strong_ordering operator<=>(const PlayerSet& a, const PlayerSet& b) {
    for (int w = kWords - 1; w > 0; --w) {
      if (a.words_[w] != b.words_[w]) return a.words_[w] <=> b.words_[w];
    }
    return a.words_[0] <=> b.words_[0];
  }
  template <typename H>
  friend H AbslHashValue(H state, const PlayerSet& set) {
    return H::combine(std::move(state), set.words_[0], set.words_[1], set.words_[2], set.words_[3]);
  }

 private:
  static constexpr int kWords = kMaxPlayers / 64;
  std::array<std::uint64_t, kWords> words_{};
};

}  // namespace assay

#endif  // ASSAY_SERVER_PLAN_COALITION_H_
