#include "server/blame/text/text_reader.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace assay::blame {
namespace {

constexpr int kFewWords = 3;

// JSON, markup, logs and tables; people write words.
bool LooksPrinted(absl::string_view text) {
  const absl::string_view body = absl::StripLeadingAsciiWhitespace(text);
  if (body.empty()) return false;
  constexpr absl::string_view kOpenings = "{[<\"|>$#";
  if (absl::StrContains(kOpenings, body.front())) return true;
  for (const absl::string_view word :
       {"exitcode:", "error", "traceback", "observation", "output:"}) {
    if (absl::StartsWithIgnoreCase(body, word)) return true;
  }
  return false;
}

}  // namespace

bool SaysAnything(const ScannedText& text) { return text.content_words >= kFewWords; }

ScannedText TextReader::Read(absl::string_view text) {
  ScannedText out;
  ++stamp_;
  WordScanner scanner(text.substr(0, kReadBytes));
  while (scanner.Next()) {
    if (!scanner.is_content()) continue;
    ++out.content_words;
    const int id = ids_.try_emplace(scanner.hash(), words()).first->second;
    if (id == static_cast<int>(last_read_.size())) {
      last_read_.push_back(0);
      is_number_.push_back(scanner.is_number());
    }
    if (last_read_[id] == stamp_) continue;
    last_read_[id] = stamp_;
    out.words.push_back(id);
  }
  out.counts = scanner.counts();
  return out;
}

std::string AnswerParts(absl::string_view text) {
  std::string parts;
  const auto add = [&](absl::string_view part) { parts.append(part.data(), part.size()) += ' '; };
  const auto between = [&](absl::string_view open, absl::string_view close, size_t longest) {
    size_t at = 0;
    while ((at = text.find(open, at)) != absl::string_view::npos) {
      const size_t begin = at + open.size();
      const size_t end = text.find(close, begin);
      if (end == absl::string_view::npos) return;
      const bool fits = end > begin && end - begin <= longest;
      if (fits) add(text.substr(begin, end - begin));
      at = fits ? end + close.size() : begin;
    }
  };
  between("**", "**", kReadBytes);
  between("\"", "\"", 80);
  between("boxed{", "}", kReadBytes);
  for (const absl::string_view phrase : {"final answer", "Final answer", "FINAL ANSWER"}) {
    size_t at = 0;
    while ((at = text.find(phrase, at)) != absl::string_view::npos) {
      at += phrase.size();
      add(text.substr(at, 80));
    }
  }
  return parts;
}

bool IsTerminal(const TextMessage& message) {
  return absl::StrContains(absl::AsciiStrToLower(message.agent), "terminal") ||
         absl::StartsWith(message.content, "exitcode:");
}

bool IsOutput(const TextMessage& message) {
  return message.is_output || IsTerminal(message) ||
         (message.is_context && LooksPrinted(message.content));
}

}  // namespace assay::blame
