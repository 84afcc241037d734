#ifndef ASSAY_SERVER_BLAME_TEXT_LEXICON_H_
#define ASSAY_SERVER_BLAME_TEXT_LEXICON_H_

#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace assay::blame {

// What the words of a message say about it, whatever the task.
enum Marker : int {
  kFailed,     // errors, exceptions, things not found
  kExitBad,    // exitcode: 1
  kExitGood,   // exitcode: 0
  kNegation,   // unable, could not, no results
  kAmends,     // sorry, fixed, try again
  kAssumes,    // assume, hypothetical, placeholder, probably
  kVerifies,   // verified, confirm, accurate
  kConcludes,  // therefore, final answer
  kTerminates,
  kCode,
  kLink,
  kClicks,  // acts on a page
  kMarkers
};

using MarkerCounts = std::array<int, kMarkers>;

// What the lexicon knows of one lower-case word.
struct WordEntry {
  uint32_t markers = 0;      // bit m: the word alone counts for marker m
  int16_t phrase_first = 0;  // not 0: the word opens phrases, this is its number
  int16_t phrase_second = 0;
  bool is_stop = false;
};

// A scan of a text: words [A-Za-z]+ and numbers \d+(\.\d+)? in order, and the markers they count
// for. O(bytes); no allocation.
class WordScanner {
 public:
  explicit WordScanner(absl::string_view text) : text_(text) {}

  // False at the end of the text.
  bool Next();

  uint64_t hash() const { return hash_; }  // of the word in lower case
  bool is_number() const { return is_number_; }
  // Carries meaning: no stop word, and longer than two letters or a whole number.
  bool is_content() const { return is_content_; }
  const MarkerCounts& counts() const { return counts_; }  // of all words so far

 private:
  void ReadWord();
  void ReadNumber();
  void CountPhrase(const WordEntry& entry);

  absl::string_view text_;
  size_t at_ = 0;
  uint64_t hash_ = 0;
  bool is_number_ = false;
  bool is_content_ = false;
  int16_t previous_first_ = 0;  // phrase_first of the word before
  MarkerCounts counts_{};
};

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_TEXT_LEXICON_H_
