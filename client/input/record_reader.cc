#include "client/input/record_reader.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/input/json_misfit.h"
#include "server/base/utf8.h"

namespace assay::command {
namespace {

constexpr size_t kMaxDocumentBytes = size_t{512} << 20;
constexpr absl::string_view kSpace("\0 \t\r\n\v\f", 7);

absl::string_view Trimmed(absl::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == absl::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// Why a line is no text; empty where it is.
std::string NoText(absl::string_view line) {
  absl::string_view rest = line;
  while (!rest.empty()) {
    const size_t size = CharacterAt(rest);
    const size_t at = line.size() - rest.size() + 1;
    if (size == 0) {
      return absl::StrFormat(
          "byte 0x%02x at %d is not UTF-8; write the file again as UTF-8 (iconv -f ENCODING -t "
          "UTF-8)",
          static_cast<unsigned char>(rest.front()), at);
    }
    if (rest.front() == '\0') return absl::StrFormat("byte 0x00 at %d is no text", at);
    rest.remove_prefix(size);
  }
  return "";
}

// Follows brackets and strings.
class Brackets {
 public:
  void Take(char c) {
    if (in_string_) {
      in_string_ = escaped_ || c != '"';
      escaped_ = !escaped_ && c == '\\';
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '[' || c == '{') {
      ++depth_;
    } else if (c == ']' || c == '}') {
      --depth_;
    }
  }
  int depth() const { return depth_; }
  bool in_string() const { return in_string_; }

 private:
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

// Whether a text stops between the brackets of a value. Strings of JSON do not go over lines.
bool IsBeginning(absl::string_view text) {
  Brackets brackets;
  for (const char c : text) brackets.Take(c);
  return brackets.depth() > 0 && !brackets.in_string();
}

// The elements of a list, which must be JSON.
std::vector<absl::string_view> Elements(absl::string_view list) {
  std::vector<absl::string_view> elements;
  Brackets brackets;
  size_t begin = 1;
  for (size_t i = 0; i < list.size(); ++i) {
    const bool separates =
        brackets.depth() == 1 && !brackets.in_string() && (list[i] == ',' || list[i] == ']');
    brackets.Take(list[i]);
    if (!separates) continue;
    const absl::string_view element = Trimmed(list.substr(begin, i - begin));
    if (!element.empty()) elements.push_back(element);
    begin = i + 1;
  }
  return elements;
}

struct Value {
  absl::string_view json;
  size_t begin;
};

// The values that a text holds one after the other; false where it is no JSON.
bool Split(absl::string_view text, std::vector<Value>* values) {
  size_t begin = text.find_first_not_of(kSpace);
  while (begin != absl::string_view::npos) {
    Brackets brackets;
    size_t end = begin;
    do {
      if (end == text.size()) return false;
      brackets.Take(text[end++]);
    } while (brackets.depth() > 0);
    values->push_back({text.substr(begin, end - begin), begin});
    if (!NotJson(values->back().json).empty()) return false;
    begin = text.find_first_not_of(kSpace, end);
  }
  return true;
}

}  // namespace

std::string RecordReader::Place(int64_t line) const { return absl::StrCat(name_, ":", line); }

absl::Status RecordReader::status() const {
  if (!status_.ok()) return status_;
  absl::Status read = lines_.status();
  if (read.ok()) return read;
  return {read.code(), absl::StrCat(Place(lines_.line_number() + 1), ": ", read.message())};
}

bool RecordReader::Next(Record* record) {
  while (records_.empty()) {
    Line line;
    if (!lines_.Next(&line.text)) return false;
    line.number = lines_.line_number();
    const bool first = !std::exchange(begun_, true);
    if (first && IsBeginning(line.text)) {
      TakeDocument(std::move(line));
    } else {
      TakeLine(line);
    }
  }
  *record = std::move(records_.front());
  records_.pop_front();
  return true;
}

void RecordReader::TakeLine(const Line& line) {
  const absl::string_view json = Trimmed(line.text);
  std::string fault = NoText(line.text);
  if (fault.empty()) fault = NotJson(json);
  if (fault.empty()) return TakeValue(json, line.number);
  records_.push_back({std::string(json), Place(line.number), std::move(fault)});
}

void RecordReader::TakeValue(absl::string_view json, int64_t line) {
  if (json[0] != '[') {
    records_.push_back({std::string(json), Place(line), ""});
    return;
  }
  int number = 0;
  for (const absl::string_view element : Elements(json)) {
    records_.push_back({std::string(element), absl::StrCat(Place(line), "#", ++number), ""});
  }
}

void RecordReader::TakeDocument(Line first) {
  std::vector<Line> lines;
  std::string text = first.text + "\n";
  std::vector<size_t> begins = {0};  // of each line in the text
  lines.push_back(std::move(first));
  Line line;
  while (lines_.Next(&line.text)) {
    line.number = lines_.line_number();
    begins.push_back(text.size());
    absl::StrAppend(&text, line.text, "\n");
    lines.push_back(line);
    if (text.size() <= kMaxDocumentBytes) continue;
    status_ = absl::OutOfRangeError(
        absl::StrCat(Place(lines.front().number), ": longer than ", kMaxDocumentBytes, " bytes"));
    return;
  }
  if (!lines_.status().ok()) return;
  std::vector<Value> values;
  if (IsUtf8(text) && Split(text, &values)) {
    for (const Value& value : values) {
      const auto after = std::upper_bound(begins.begin(), begins.end(), value.begin);
      TakeValue(value.json, lines[static_cast<size_t>(after - begins.begin()) - 1].number);
    }
    return;
  }
  const bool by_line = std::any_of(lines.begin() + 1, lines.end(), [](const Line& l) {
    return l.text.size() > 3 && l.text[0] == '{' && NotJson(Trimmed(l.text)).empty();
  });
  if (!by_line) lines.resize(1);
  for (const Line& each : lines) TakeLine(each);
}

}  // namespace assay::command
