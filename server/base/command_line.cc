#include "server/base/command_line.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace assay {
namespace {

constexpr size_t kFlagColumns = 34;
constexpr size_t kLongestWord = 32;  // that is compared with others

const Flag* Find(const CommandSyntax& syntax, absl::string_view name) {
  for (const FlagGroup& group : syntax.groups) {
    for (const Flag& flag : group.flags) {
      if (flag.name == name) return &flag;
    }
  }
  return nullptr;
}

const Flag* Find(const CommandSyntax& syntax, char letter) {
  for (const FlagGroup& group : syntax.groups) {
    for (const Flag& flag : group.flags) {
      if (flag.letter == letter && letter != '\0') return &flag;
    }
  }
  return nullptr;
}

bool IsFlag(absl::string_view word) { return word.size() > 1 && word[0] == '-'; }

std::vector<absl::string_view> Choices(const Flag& flag) {
  if (!absl::StrContains(flag.takes, '|')) return {};
  return absl::StrSplit(flag.takes, '|');
}

bool Range(const Flag& flag, int64_t* low, int64_t* high) {
  const std::pair<absl::string_view, absl::string_view> ends =
      absl::StrSplit(flag.takes, absl::MaxSplits("..", 1));
  return absl::SimpleAtoi(ends.first, low) && absl::SimpleAtoi(ends.second, high);
}

// What the flag takes, in words.
std::string Wanted(const Flag& flag) {
  if (flag.takes.empty()) return "no value";
  int64_t low = 0;
  int64_t high = 0;
  if (Range(flag, &low, &high)) {
    return absl::StrCat("a whole number from ", low, " to ", high);
  }
  if (flag.takes == "DURATION") return "a duration, such as 30s";
  const std::vector<absl::string_view> choices = Choices(flag);
  if (choices.empty()) return std::string(flag.takes);
  return absl::StrCat(absl::StrJoin(choices.begin(), choices.end() - 1, ", "), " or ",
                      choices.back());
}

bool Fits(const Flag& flag, absl::string_view value) {
  int64_t low = 0;
  int64_t high = 0;
  if (Range(flag, &low, &high)) {
    int64_t number = 0;
    return absl::SimpleAtoi(value, &number) && low <= number && number <= high;
  }
  if (flag.takes == "DURATION") {
    absl::Duration duration;
    return absl::ParseDuration(std::string(value), &duration) && duration >= absl::ZeroDuration();
  }
  const std::vector<absl::string_view> choices = Choices(flag);
  return choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end();
}

absl::Status NoSuchFlag(const CommandSyntax& syntax, absl::string_view written) {
  std::vector<absl::string_view> names;
  for (const FlagGroup& group : syntax.groups) {
    for (const Flag& flag : group.flags) names.push_back(flag.name);
  }
  std::string meant;
  if (absl::ConsumePrefix(&written, "--")) {
    meant = Closest(written, names);
    if (!meant.empty()) meant = absl::StrCat("--", meant);
    return absl::InvalidArgumentError(
        absl::StrCat(syntax.name, " has no flag --", written, DidYouMean(meant)));
  }
  return absl::InvalidArgumentError(absl::StrCat(syntax.name, " has no flag ", written));
}

// A flag as a person or a script writes it.
struct Written {
  const Flag* flag = nullptr;
  bool has_value = false;
  absl::string_view value;
};

absl::StatusOr<Written> Read(const CommandSyntax& syntax, absl::string_view word) {
  Written written;
  if (absl::StartsWith(word, "--")) {
    const size_t equals = word.find('=');
    written.has_value = equals != absl::string_view::npos;
    if (written.has_value) written.value = word.substr(equals + 1);
    const std::string name = absl::StrReplaceAll(word.substr(0, equals), {{"_", "-"}});
    written.flag = Find(syntax, absl::string_view(name).substr(2));
    if (written.flag == nullptr) return NoSuchFlag(syntax, name);
  } else {
    written.flag = Find(syntax, word[1]);
    if (written.flag == nullptr) return NoSuchFlag(syntax, word.substr(0, 2));
    written.has_value = word.size() > 2;
    written.value = word.substr(2);
  }
  return written;
}

std::string Left(const Flag& flag) {
  std::string left = "  ";
  if (flag.letter != '\0') absl::StrAppend(&left, "-", std::string(1, flag.letter), ", ");
  absl::StrAppend(&left, "--", flag.name);
  if (!flag.takes.empty()) absl::StrAppend(&left, "=", flag.takes);
  return left;
}

}  // namespace

absl::StatusOr<Arguments> Arguments::Parse(const CommandSyntax& syntax,
                                           absl::Span<const absl::string_view> words) {
  Arguments arguments;
  arguments.syntax_ = &syntax;
  bool flags_may_follow = true;
  for (size_t i = 0; i < words.size(); ++i) {
    if (flags_may_follow && words[i] == "--") {
      flags_may_follow = false;
      continue;
    }
    if (!flags_may_follow || !IsFlag(words[i])) {
      if (arguments.names_.size() == syntax.max_arguments) {
        return absl::InvalidArgumentError(absl::StrCat("unexpected: ", words[i]));
      }
      arguments.names_.emplace_back(words[i]);
      continue;
    }
    absl::StatusOr<Written> written = Read(syntax, words[i]);
    if (!written.ok()) return written.status();
    const Flag& flag = *written->flag;
    if (!written->has_value && !flag.takes.empty() && i + 1 < words.size() &&
        !IsFlag(words[i + 1])) {
      written->has_value = true;
      written->value = words[++i];
    }
    if (written->has_value == flag.takes.empty() || !Fits(flag, written->value)) {
      return absl::InvalidArgumentError(absl::StrCat("--", flag.name, " takes ", Wanted(flag)));
    }
    arguments.given_[std::string(flag.name)].emplace_back(written->value);
  }
  return arguments;
}

bool Arguments::Given(absl::string_view flag) const { return given_.find(flag) != given_.end(); }

std::string Arguments::Text(absl::string_view flag) const {
  const auto found = given_.find(flag);
  if (found != given_.end()) return found->second.back();
  const Flag* const known = Find(*syntax_, flag);
  return known == nullptr ? "" : std::string(known->fallback);
}

int64_t Arguments::Number(absl::string_view flag) const {
  int64_t number = 0;
  return absl::SimpleAtoi(Text(flag), &number) ? number : 0;
}

absl::Duration Arguments::Duration(absl::string_view flag) const {
  absl::Duration duration;
  return absl::ParseDuration(Text(flag), &duration) ? duration : absl::ZeroDuration();
}

std::vector<std::string> Arguments::List(absl::string_view flag) const {
  return absl::StrSplit(Text(flag), ',', absl::SkipWhitespace());
}

std::vector<std::string> Arguments::All(absl::string_view flag) const {
  const auto found = given_.find(flag);
  return found == given_.end() ? std::vector<std::string>() : found->second;
}

std::string HelpText(absl::string_view call, const CommandSyntax& syntax) {
  std::string text = absl::StrCat("usage: ", call, syntax.groups.empty() ? "" : " [FLAGS]");
  if (!syntax.arguments.empty()) absl::StrAppend(&text, " ", syntax.arguments);
  absl::StrAppend(&text, "\n\n", syntax.about);
  for (const FlagGroup& group : syntax.groups) {
    absl::StrAppend(&text, "\n", group.title, group.title.empty() ? "" : ":\n");
    for (const Flag& flag : group.flags) {
      std::string left = Left(flag);
      left.resize(std::max(kFlagColumns, left.size() + 2), ' ');
      absl::StrAppend(&text, left, flag.help);
      if (!flag.fallback.empty()) absl::StrAppend(&text, "; default ", flag.fallback);
      absl::StrAppend(&text, "\n");
    }
  }
  return text;
}

// By letters to insert, delete or replace (Levenshtein).
std::string Closest(absl::string_view word, absl::Span<const absl::string_view> words) {
  size_t nearest = 3;
  std::string found;
  if (word.size() > kLongestWord) return found;
  for (const absl::string_view other : words) {
    std::vector<size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 1; i <= word.size(); ++i) {
      size_t diagonal = row[0];
      row[0] = i;
      for (size_t j = 1; j <= other.size(); ++j) {
        const size_t replaced = diagonal + (word[i - 1] == other[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
      }
    }
    if (row.back() >= nearest || row.back() >= other.size()) continue;
    nearest = row.back();
    found = std::string(other);
  }
  return found;
}

std::string DidYouMean(absl::string_view meant) {
  return meant.empty() ? "" : absl::StrCat(". Did you mean ", meant, "?");
}

std::vector<std::string> Completions(const CommandSyntax& syntax,
                                     absl::Span<const absl::string_view> words) {
  std::vector<std::string> found;
  if (words.empty()) return found;
  absl::string_view word = words.back();
  const bool behind_equals = absl::StartsWith(word, "--") && absl::StrContains(word, '=');
  const absl::string_view before = words.size() > 1 ? words[words.size() - 2] : "";
  const absl::string_view owner = behind_equals ? word : before;
  if (behind_equals || (IsFlag(owner) && !IsFlag(word))) {
    if (const absl::StatusOr<Written> written = Read(syntax, owner); written.ok()) {
      if (behind_equals) word = written->value;
      if (behind_equals || !written->has_value) {
        for (const absl::string_view choice : Choices(*written->flag)) {
          if (absl::StartsWith(choice, word)) found.emplace_back(choice);
        }
      }
    }
    return found;
  }
  if (!absl::StartsWith(word, "-")) return found;
  for (const FlagGroup& group : syntax.groups) {
    for (const Flag& flag : group.flags) {
      const std::string name = absl::StrCat("--", flag.name, flag.takes.empty() ? "" : "=");
      if (absl::StartsWith(name, word)) found.push_back(name);
    }
  }
  return found;
}

}  // namespace assay
