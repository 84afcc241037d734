#ifndef ASSAY_SERVER_BLAME_TEXT_TEXT_READER_H_
#define ASSAY_SERVER_BLAME_TEXT_TEXT_READER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/blame/text/lexicon.h"

namespace assay::blame {

// An episode as its reader sees it.
struct TextMessage {
  absl::string_view agent;  // the name that it is known by; context may have one too (a tool)
  absl::string_view content;
  bool is_context = false;
  // Of context: a tool's or the environment's output, and not what a person said. Where nobody says
  // so, the reader guesses by the look of the text.
  bool is_output = false;
  // Messages of one round were written without reading each other; 0: not known.
  int round = 0;
};

struct TextEpisode {
  absl::string_view task;
  std::vector<TextMessage> messages;
};

// Bytes of a message that are read.
inline constexpr size_t kReadBytes = 20000;

struct ScannedText {
  std::vector<int> words;  // distinct content words, in order of appearance
  int content_words = 0;   // with repetitions
  MarkerCounts counts{};
};

// Whether a text has enough content words to say anything; "TERMINATE" and "Continue." do not.
bool SaysAnything(const ScannedText& text);

// Reads texts into one vocabulary: content words become dense numbers. O(bytes).
class TextReader {
 public:
  ScannedText Read(absl::string_view text);

  int words() const { return static_cast<int>(ids_.size()); }
  bool is_number(int word) const { return is_number_[word]; }

 private:
  absl::flat_hash_map<uint64_t, int> ids_;
  std::vector<int> last_read_;
  std::vector<bool> is_number_;
  int stamp_ = 0;
};

// The parts of a closing message that look like the answer: **bold**, "quoted", boxed{...}, and
// what follows "final answer".
std::string AnswerParts(absl::string_view text);

// Whether the author is a program that runs code and prints, whatever role the log gives it.
bool IsTerminal(const TextMessage& message);

// Whether a tool or the environment printed the message: the episode says so, its author is a
// terminal, or it is context that looks like output.
bool IsOutput(const TextMessage& message);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_TEXT_TEXT_READER_H_
