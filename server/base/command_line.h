// What a program takes on its command line, as one table, which is parsed, checked, explained and
// completed from.
#ifndef ASSAY_SERVER_BASE_COMMAND_LINE_H_
#define ASSAY_SERVER_BASE_COMMAND_LINE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace assay {

struct Flag {
  absl::string_view name;  // without dashes
  // What its value is: LOW..HIGH is a whole number, A|B one of these words, DURATION a time such as
  // 30s, and all else (FILE) names a text; empty: the flag takes no value.
  absl::string_view takes;
  absl::string_view fallback;  // the value where the flag is not given
  absl::string_view help;
  char letter = '\0';  // of -o, which is then the same flag
};

struct FlagGroup {
  absl::string_view title;  // empty: the flags of the command itself
  absl::Span<const Flag> flags;
};

// How a program, or one command of it, is called.
struct CommandSyntax {
  absl::string_view name;       // such as "signals"
  absl::string_view summary;    // one line
  absl::string_view arguments;  // such as "[FILE...]"; empty: it takes flags only
  size_t max_arguments = 0;
  absl::string_view about;  // whole lines
  absl::Span<const FlagGroup> groups;
};

// The words of one call.
class Arguments {
 public:
  // `words` are those after the command's name. A flag may be written with _ in place of -, and its
  // value follows = or is the next word. After a word -- nothing is a flag. Where a flag is given
  // several times its last value counts. INVALID_ARGUMENT: there is no such flag, a value is
  // missing or not what the flag takes, or there are too many words.
  static absl::StatusOr<Arguments> Parse(const CommandSyntax& syntax,
                                         absl::Span<const absl::string_view> words);

  // Whether a flag was given.
  bool Given(absl::string_view flag) const;
  // The value of a flag, or its fallback where it was not given. `flag` must be in the table and
  // take a value of this type.
  std::string Text(absl::string_view flag) const;
  int64_t Number(absl::string_view flag) const;
  absl::Duration Duration(absl::string_view flag) const;
  // The value of a flag that takes several things with commas between them, taken apart.
  std::vector<std::string> List(absl::string_view flag) const;
  // All values of a flag that may be given several times, in order.
  std::vector<std::string> All(absl::string_view flag) const;

  // The words that are neither flags nor values of flags.
  const std::vector<std::string>& names() const { return names_; }

 private:
  const CommandSyntax* syntax_ = nullptr;
  std::map<std::string, std::vector<std::string>, std::less<>> given_;
  std::vector<std::string> names_;
};

// What --help prints. `call`: the words before the flags, such as "assay signals".
std::string HelpText(absl::string_view call, const CommandSyntax& syntax);

// The one of `words` that was probably meant: the one fewest letters away, at most two; empty where
// none is.
std::string Closest(absl::string_view word, absl::Span<const absl::string_view> words);

// ". Did you mean WORD?", or nothing where `meant` is empty.
std::string DidYouMean(absl::string_view meant);

// What may stand in place of the unfinished last word of `words`, one a line for a shell: flags,
// and of a flag whose value is a choice its values, without what stands before the =. A shell
// offers files where there is none.
std::vector<std::string> Completions(const CommandSyntax& syntax,
                                     absl::Span<const absl::string_view> words);

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_COMMAND_LINE_H_
