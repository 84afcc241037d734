// The defaults that options.proto states are those that ResolveOptions fills in: each is stated
// once for people, in the comment of its field, and decided once, in resolve_options.cc.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"
#include "server/wire/resolve_options.h"
#include "tests/paths.h"

namespace assay::service {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// "Default VALUE." of each field, by the full name of the field, as options.proto has them.
std::map<std::string, std::string> StatedDefaults() {
  std::ifstream file(testing::SourceFolder() / "proto/assay/v1/options.proto");
  EXPECT_TRUE(file.good());
  const std::regex message_line(R"(^message (\w+) \{)");
  const std::regex field_line(R"(^\s+(?:optional |repeated )?[\w.]+ (\w+) = \d+;)");
  // Numbers with a unit, lists of numbers, ranges and names of enums; not what depends on others.
  const std::regex stated(
      R"(Default (?:\(0\) )?(\[[^\]]*\]|[A-Z]\w+|[\d.,e-]*\d(?:(?:, | and )[\d.e-]*\d)*(?: MiB| min)?)(?=\.(?: |$)|[,:;] |$))");
  std::map<std::string, std::string> defaults;
  std::string type;
  std::string comment;
  for (std::string line; std::getline(file, line);) {
    std::smatch match;
    if (std::regex_search(line, match, message_line)) {
      type = match[1];
      comment.clear();
    } else if (std::regex_search(line, match, field_line)) {
      const std::string name = absl::StrCat("assay.v1.", type, ".", match[1].str());
      if (std::regex_search(comment, match, stated)) defaults[name] = match[1];
      comment.clear();
    } else if (const auto begin = line.find("//"); begin != std::string::npos) {
      absl::StrAppend(&comment, comment.empty() ? "" : " ",
                      std::string(absl::StripAsciiWhitespace(line.substr(begin + 2))));
    } else {
      comment.clear();
    }
  }
  return defaults;
}

double Number(std::string text) {
  double unit = 1;
  if (const auto at = text.find(" MiB"); at != std::string::npos) {
    unit = 1 << 20;
    text.resize(at);
  } else if (const auto minutes = text.find(" min"); minutes != std::string::npos) {
    unit = 60;
    text.resize(minutes);
  }
  text.erase(std::remove(text.begin(), text.end(), ','), text.end());
  double number = 0;
  EXPECT_TRUE(absl::SimpleAtod(text, &number)) << text;
  return number * unit;
}

std::vector<double> Numbers(const std::string& text) {
  std::vector<double> numbers;
  for (const absl::string_view part : absl::StrSplit(text, ", ")) {
    numbers.push_back(Number(std::string(part)));
  }
  return numbers;
}

double NumberIn(const Message& message, const FieldDescriptor* field) {
  const auto* const reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection->GetDouble(message, field);
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection->GetInt32(message, field);
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<double>(reflection->GetInt64(message, field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return static_cast<double>(reflection->GetUInt64(message, field));
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      google::protobuf::Duration duration;
      EXPECT_EQ(field->message_type()->full_name(), duration.GetDescriptor()->full_name());
      duration.CopyFrom(reflection->GetMessage(message, field));
      return static_cast<double>(duration.seconds()) + 1e-9 * duration.nanos();
    }
    default:
      ADD_FAILURE() << field->full_name() << " is no number";
      return 0;
  }
}

// Compares the fields of `message`, and of all messages inside, with what is stated of them.
void Compare(const Message& message, std::map<std::string, std::string>* stated) {
  const auto* const reflection = message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* const field = message.GetDescriptor()->field(i);
    const auto found = stated->find(field->full_name());
    if (found == stated->end()) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field->is_repeated() &&
          reflection->HasField(message, field)) {
        Compare(reflection->GetMessage(message, field), stated);
      }
      continue;
    }
    const std::string& value = found->second;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      EXPECT_EQ(reflection->GetEnum(message, field)->name(), value) << field->full_name();
    } else if (value[0] == '[') {
      const Message& range = reflection->GetMessage(message, field);
      const auto* const low = range.GetDescriptor()->FindFieldByName("low");
      const auto* const high = range.GetDescriptor()->FindFieldByName("high");
      EXPECT_EQ(absl::StrCat("[", NumberIn(range, low), ", ", NumberIn(range, high), "]"), value);
    } else if (field->is_repeated()) {
      const std::vector<double> numbers = Numbers(value);
      ASSERT_EQ(reflection->FieldSize(message, field), static_cast<int>(numbers.size()))
          << field->full_name();
      for (size_t k = 0; k < numbers.size(); ++k) {
        EXPECT_EQ(reflection->GetRepeatedDouble(message, field, static_cast<int>(k)), numbers[k])
            << field->full_name();
      }
    } else {
      EXPECT_EQ(NumberIn(message, field), Number(value)) << field->full_name();
    }
    stated->erase(found);
  }
}

TEST(OptionDefaults, AreThoseThatTheProtoStates) {
  std::map<std::string, std::string> stated = StatedDefaults();
  EXPECT_GT(stated.size(), 20u);
  v1::AttributionOptions sent;
  sent.mutable_vote();
  const auto resolved = ResolveOptions(sent, Limits(), Catalog(), std::nullopt);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  Compare(resolved->wire, &stated);
  stated.erase("assay.v1.CallerEvaluator.batch_size");  // needs a stream
  for (const auto& [field, value] : stated) {
    ADD_FAILURE() << field << ": the default " << value << " is stated and was not resolved";
  }
}

}  // namespace
}  // namespace assay::service
