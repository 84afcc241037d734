#include "server/blame/text/lexicon.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"

namespace assay::blame {
namespace {

struct MarkerWords {
  Marker marker;
  absl::string_view words;
};

// "stem*" stands for all words that begin so; two words joined by _ are a phrase.
constexpr MarkerWords kMarkerWords[] = {
    {kFailed,
     "traceback exception* error errors failed 404 timeout timed_out not_found "
     "execution_failed exitcode_1"},
    {kExitBad, "exitcode_1"},
    {kExitGood, "exitcode_0"},
    {kNegation,
     "unfortunately unable cannot can_t couldn_t could_not did_not didn_t no_result "
     "no_results not_available not_possible does_not doesn_t without_success incorrect "
     "wrong mistake"},
    {kAmends,
     "sorry apolog* oops i_see you_re correct corrected correction fix fixed retry "
     "try_again revis* reevaluat* re_evaluate s_try s_adjust s_correct s_refine"},
    {kAssumes,
     "assum* hypothetical* example simulat* placeholder mock manual manually likely "
     "plausib* possible possibly probably should_be based_on estimate* approximate*"},
    {kVerifies, "verif* confirm* validate validated double_check accurate correct"},
    {kConcludes, "therefore thus conclu* final_answer the_answer result_is in_summary terminate"},
    {kCode, "def import print"},
    {kClicks, "i_clicked i_typed i_scrolled i_pressed i_navigated i_hovered"},
};

constexpr absl::string_view kStopWords =
    "the a an of to in and or is are be for on with that this it as by from at we you i your our "
    "will can not have has was were which if then there these those into also should would may "
    "about all any each their its been using use used";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool IsLetter(char c) { return Lower(c) >= 'a' && Lower(c) <= 'z'; }

// A trie over letters and digits: one step a byte, no hashing of words that nobody asked about.
class Lexicon {
 public:
  Lexicon() : nodes_(1) {
    for (const MarkerWords& list : kMarkerWords) {
      for (absl::string_view word : absl::StrSplit(list.words, ' ', absl::SkipEmpty())) {
        Add(word, list.marker);
      }
    }
    for (absl::string_view word : absl::StrSplit(kStopWords, ' ')) Node(word).entry.is_stop = true;
  }

  static const Lexicon& Get() {
    static const Lexicon* const lexicon = new Lexicon;
    return *lexicon;
  }

  // A walk down the trie, a byte at a time.
  class Walk {
   public:
    explicit Walk(const Lexicon& lexicon) : lexicon_(lexicon) {}

    void Step(char lower) {
      if (node_ < 0) return;
      node_ = lexicon_.nodes_[node_].next[Slot(lower)];
      if (node_ <= 0) {
        node_ = -1;
        return;
      }
      stems_ |= lexicon_.nodes_[node_].stems;
    }

    WordEntry Entry() const {
      WordEntry entry = node_ > 0 ? lexicon_.nodes_[node_].entry : WordEntry{};
      entry.markers |= stems_;
      return entry;
    }

   private:
    const Lexicon& lexicon_;
    int node_ = 0;
    uint32_t stems_ = 0;
  };

  uint32_t PhraseMarkers(int16_t first, int16_t second) const {
    const auto found = phrases_.find({first, second});
    return found == phrases_.end() ? 0 : found->second;
  }

 private:
  struct TrieNode {
    std::array<int16_t, 36> next{};  // 0: none
    WordEntry entry;
    uint32_t stems = 0;
  };

  static int Slot(char lower) { return IsDigit(lower) ? 26 + (lower - '0') : lower - 'a'; }

  TrieNode& Node(absl::string_view word) {
    int16_t node = 0;
    for (const char c : word) {
      if (nodes_[node].next[Slot(c)] == 0) {
        nodes_[node].next[Slot(c)] = static_cast<int16_t>(nodes_.size());
        nodes_.emplace_back();
      }
      node = nodes_[node].next[Slot(c)];
    }
    return nodes_[node];
  }

  int16_t Number(int16_t& slot) {
    if (slot == 0) slot = ++phrase_words_;
    return slot;
  }

  void Add(absl::string_view word, Marker marker) {
    const uint32_t bit = 1u << marker;
    const std::vector<absl::string_view> parts = absl::StrSplit(word, '_');
    if (parts.size() == 2) {
      const int16_t first = Number(Node(parts[0]).entry.phrase_first);
      const int16_t second = Number(Node(parts[1]).entry.phrase_second);
      phrases_[{first, second}] |= bit;
    } else if (word.back() == '*') {
      Node(word.substr(0, word.size() - 1)).stems |= bit;
    } else {
      Node(word).entry.markers |= bit;
    }
  }

  std::vector<TrieNode> nodes_;
  std::map<std::pair<int16_t, int16_t>, uint32_t> phrases_;
  int16_t phrase_words_ = 0;
};

void Count(uint32_t markers, MarkerCounts& counts) {
  for (; markers != 0; markers &= markers - 1) ++counts[__builtin_ctz(markers)];
}

// FNV-1a.
constexpr uint64_t kHashSeed = 14695981039346656037u;
uint64_t HashStep(uint64_t hash, char c) {
  return (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
}

}  // namespace

bool WordScanner::Next() {
  while (at_ < text_.size()) {
    if (IsLetter(text_[at_])) {
      ReadWord();
      return true;
    }
    if (IsDigit(text_[at_])) {
      ReadNumber();
      return true;
    }
    if (text_.substr(at_, 3) == "```") {
      ++counts_[kCode];
      at_ += 2;
    }
    ++at_;
  }
  return false;
}

void WordScanner::ReadWord() {
  const size_t begin = at_;
  Lexicon::Walk walk(Lexicon::Get());
  hash_ = kHashSeed;
  for (; at_ < text_.size() && IsLetter(text_[at_]); ++at_) {
    const char lower = Lower(text_[at_]);
    walk.Step(lower);
    hash_ = HashStep(hash_, lower);
  }
  const absl::string_view word = text_.substr(begin, at_ - begin);
  const WordEntry entry = walk.Entry();
  is_number_ = false;
  is_content_ = word.size() > 2 && !entry.is_stop;
  Count(entry.markers, counts_);
  CountPhrase(entry);
  if (word == "TERMINATE") ++counts_[kTerminates];
  if ((word == "http" || word == "https") && text_.substr(at_, 3) == "://") ++counts_[kLink];
}

void WordScanner::ReadNumber() {
  Lexicon::Walk walk(Lexicon::Get());
  hash_ = kHashSeed;
  bool whole = true;
  const auto fraction_follows = [&] {
    return whole && text_[at_] == '.' && at_ + 1 < text_.size() && IsDigit(text_[at_ + 1]);
  };
  for (; at_ < text_.size() && (IsDigit(text_[at_]) || fraction_follows()); ++at_) {
    if (text_[at_] == '.') whole = false;
    if (whole) walk.Step(text_[at_]);
    hash_ = HashStep(hash_, text_[at_]);
  }
  is_number_ = true;
  is_content_ = true;
  const WordEntry entry = whole ? walk.Entry() : WordEntry{};
  Count(entry.markers, counts_);
  CountPhrase(entry);
}

void WordScanner::CountPhrase(const WordEntry& entry) {
  if (previous_first_ != 0 && entry.phrase_second != 0) {
    Count(Lexicon::Get().PhraseMarkers(previous_first_, entry.phrase_second), counts_);
  }
  previous_first_ = entry.phrase_first;
}

}  // namespace assay::blame
