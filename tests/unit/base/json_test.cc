#include "server/base/json.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "assay/v1/signal_service.pb.h"
#include "server/base/json_reader.h"
#include "server/base/json_shape.h"
#include "server/base/json_writer.h"

namespace assay {
namespace {

bool Same(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

// What protobuf's own parser makes of it; nothing where it refuses.
template <class M>
std::optional<M> Theirs(const std::string& json) {
  M message;
  if (!CheckJsonShape(json, false).ok()) return std::nullopt;
  if (!google::protobuf::util::JsonStringToMessage(json, &message).ok()) return std::nullopt;
  return message;
}

std::string Print(const google::protobuf::Message& message, bool pretty, bool complete) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = pretty;
  options.always_print_primitive_fields = complete;
  std::string json;
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(message, &json, options).ok());
  return json;
}

// Values that programs and attackers write.
class Drawn {
 public:
  explicit Drawn(unsigned seed) : random_(seed) {}

  int Below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }

  std::string Text() {
    static const std::vector<std::string> kParts = {"",
                                                    "word ",
                                                    "\"",
                                                    "\\",
                                                    "\n\t\r\b\f",
                                                    "<script>",
                                                    std::string(1, '\0'),
                                                    "\x7f",
                                                    "\x1f",
                                                    "caf\xc3\xa9",
                                                    "\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\x9c",
                                                    "\xf0\x9f\x98\x80",
                                                    "{\"a\":[1,2]}"};
    std::string text;
    for (int n = Below(4); n >= 0; --n) text += kParts[static_cast<size_t>(Below(13))];
    return text;
  }

  double Number() {
    static const std::vector<double> kNumbers = {
        0,     7,      1,    -1,     0.1,     1.0 / 3,
        1e300, 5e-324, 1e21, 123456, -2.5e-7, std::numeric_limits<double>::max()};
    return kNumbers[static_cast<size_t>(Below(12))];
  }

  v1::Episode Episode() {
    v1::Episode episode;
    episode.set_id(Text());
    episode.mutable_task()->set_prompt(Text());
    for (int n = Below(3); n > 0; --n) episode.add_agents()->set_id(Text());
    for (int n = Below(4); n > 0; --n) {
      v1::Message& message = *episode.add_messages();
      message.set_agent_id(Text());
      message.set_content(Text());
      message.set_round(Below(3) - 1);
      if (Below(2) == 0) message.set_answer(Text());
      if (Below(2) == 0) message.set_process_score(Number());
      if (Below(3) == 0) message.set_redundancy(Number());
      if (Below(3) == 0) message.add_token_spans()->set_end(Below(1000));
      if (Below(3) == 0) message.set_repairs(Below(3));
    }
    if (Below(2) == 0) episode.mutable_outcome()->set_score(Number());
    if (Below(3) == 0) episode.mutable_group()->set_size(Below(9));
    return episode;
  }

  v1::EpisodeResult Result() {
    v1::EpisodeResult result;
    result.set_episode_id(Text());
    result.mutable_elapsed()->set_seconds(Below(3));
    result.mutable_elapsed()->set_nanos(Below(2) * 1000 * Below(1'000'000));
    if (Below(4) == 0) {
      result.mutable_error()->set_code(Below(20));
      result.mutable_error()->set_message(Text());
      return result;
    }
    v1::EpisodeSignals& signals = *result.mutable_signals();
    signals.set_score(Number());
    signals.mutable_effort()->set_method(static_cast<v1::Method>(Below(9)));
    signals.mutable_audit()->set_episode_sha256(Text());
    signals.mutable_audit()->mutable_options()->set_seed(std::numeric_limits<uint64_t>::max() -
                                                         static_cast<uint64_t>(Below(3)));
    for (int n = Below(3); n > 0; --n) {
      v1::MessageSignal& message = *signals.add_messages();
      message.set_index(n);
      message.set_reward(Number());
      message.set_label(static_cast<v1::Label>(Below(9)));
      if (Below(2) == 0) message.set_credit(Number());
    }
    signals.mutable_first_error()->add_credible_set(Below(9));
    v1::AskedQuestion& question = *signals.mutable_audit()->add_questions();
    question.add_table(Number());
    question.add_table(Number());
    return result;
  }

  // A text with a few bytes changed, taken out, doubled or taken from elsewhere in it.
  std::string Damaged(std::string text) {
    static const std::string kBytes = "{}[]\",:0123.eE-+nulltrue \\u\x01\xff'/";
    for (int n = Below(3); n >= 0 && !text.empty(); --n) {
      const auto at = static_cast<size_t>(Below(static_cast<int>(text.size())));
      const auto from = static_cast<size_t>(Below(static_cast<int>(text.size())));
      switch (Below(4)) {
        case 0:
          text[at] = kBytes[static_cast<size_t>(Below(static_cast<int>(kBytes.size())))];
          break;
        case 1:
          text.erase(at, 1 + static_cast<size_t>(Below(3)));
          break;
        case 2:
          text.insert(at, 1, kBytes[static_cast<size_t>(Below(static_cast<int>(kBytes.size())))]);
          break;
        default:
          text.insert(at, text.substr(from, static_cast<size_t>(Below(30))));
      }
    }
    return text;
  }

 private:
  std::mt19937 random_;
};

TEST(Json, IsWrittenAsProtobufReadsIt) {
  Drawn drawn(1);
  for (int n = 0; n < 2000; ++n) {
    const v1::EpisodeResult result = drawn.Result();
    std::string json;
    ASSERT_TRUE(AppendJson(result, &json));
    const auto theirs = Theirs<v1::EpisodeResult>(json);
    ASSERT_TRUE(theirs.has_value()) << json;
    EXPECT_TRUE(Same(*theirs, result)) << json;
    EXPECT_EQ(json, ToJson(result));
  }
}

TEST(Json, OfProtobufIsReadAsItWasWritten) {
  Drawn drawn(2);
  for (int n = 0; n < 2000; ++n) {
    const v1::Episode episode = drawn.Episode();
    for (const bool complete : {false, true}) {
      const std::string json = Print(episode, n % 2 == 0, complete);
      v1::Episode read;
      EXPECT_TRUE(ReadPlainJson(json, &read)) << "left to the slow parser: " << json;
      EXPECT_TRUE(Same(read, episode)) << json;
    }
  }
}

// The fast reader never says what the slow one does not: of damaged text both make the same, or
// both refuse it.
TEST(Json, OfDamagedTextIsReadAsProtobufReadsIt) {
  Drawn drawn(3);
  int read = 0;
  for (int n = 0; n < 30'000; ++n) {
    const std::string json = drawn.Damaged(Print(drawn.Episode(), false, n % 3 == 0));
    const auto theirs = Theirs<v1::Episode>(json);
    v1::Episode ours;
    const absl::Status status = FromJson(json, &ours);
    ASSERT_EQ(status.ok(), theirs.has_value()) << json << status;
    if (!status.ok()) continue;
    ++read;
    ASSERT_TRUE(Same(ours, *theirs)) << json;
  }
  EXPECT_GT(read, 2000);
}

TEST(Json, SaysTheSameInEveryForm) {
  const char* const kTexts[] = {
      R"({"id":"a","id":"b"})",
      R"({"messages":[{"round":1e0},{"round":"2"},{"round":2.5},{"round":99999999999}]})",
      R"({"messages":null,"outcome":null,"id":null})",
      R"({"task":{"referenceAnswer":"x","reference_answer":"y"}})",
      R"({"outcome":{"score":"NaN"}})",
      R"({"outcome":{"score":-0}})",
      R"({"outcome":{"score":-0.0}})",
      R"({"outcome":{"score":1e999}})",
      R"({"outcome":{"score":01}})",
      R"({"outcome":{"score":.5}})",
      R"({"outcome":{"score":1.}})",
      R"({"id":"\ud83d\ude00 \u00e9 \u0000"})",
      R"({"id":"\ud83d"})",
      R"({"id":"\ude00\ud83d"})",
      R"({"id":"\x"})",
      R"({'id':'a'})",
      R"({id:"a"})",
      R"({"id":"a",})",
      R"({"messages":[{},]})",
      R"({"id":"a"} x)",
      R"({"no_such":1})",
      R"({"messages":{}})",
      R"([])",
      "",
      "\n",
      "{\"id\":\"a\tb\"}",
      "{\"id\":\"\xc0\x80\"}",
  };
  for (const std::string json : kTexts) {
    const auto theirs = Theirs<v1::Episode>(json);
    v1::Episode ours;
    ours.set_id("from before");
    EXPECT_EQ(FromJson(json, &ours).ok(), theirs.has_value()) << json;
    if (theirs.has_value()) {
      EXPECT_TRUE(Same(ours, *theirs)) << json;
    } else {
      EXPECT_EQ(ours.id(), "") << "nothing stays of what could not be read: " << json;
    }
  }
}

// What ends a text, or is no text, at every place of blocks of sixteen bytes, beside bytes that
// differ from it in one bit.
TEST(Json, TextsEndWhereTheyEnd) {
  for (const std::string what :
       {"\"", "\\", "\\\"", "\\n", "\x1f", "\x01", "\t", "\xc3\xa9", "\x7f"}) {
    for (size_t size = 0; size < 35; ++size) {
      for (size_t at = 0; at <= size; ++at) {
        std::string text(size, "!#]\x7f "[size % 5]);
        text.insert(at, what);
        const std::string json = R"({"id":")" + text + R"(","task":{"prompt":"p"}})";
        const auto theirs = Theirs<v1::Episode>(json);
        v1::Episode ours;
        ASSERT_EQ(FromJson(json, &ours).ok(), theirs.has_value()) << json;
        if (theirs.has_value()) {
          ASSERT_TRUE(Same(ours, *theirs)) << json;
        }
      }
    }
  }
}

TEST(Json, TwiceIsTwiceWhateverTheValue) {
  for (const std::string json :
       {R"({"messages":[{"round":0,"round":1}]})", R"({"id":"","id":""})",
        R"({"messages":[],"messages":[]})", R"({"outcome":{"score":0,"score":0}})"}) {
    v1::Episode read;
    EXPECT_FALSE(ReadPlainJson(json, &read)) << "is protobuf's to judge: " << json;
  }
}

// A known number with the binary form of another type is an unknown field.
TEST(Json, FieldsOfAnotherTypeAreLeftToProtobuf) {
  v1::Episode episode;
  ASSERT_TRUE(episode.ParseFromString("\x08\x01\x10\x05"));
  std::string json;
  EXPECT_FALSE(AppendJson(episode, &json));
  EXPECT_EQ(ToJson(episode), "{}");
}

// Of strings the memory is their own: brackets and commas in them are text, whatever is escaped.
TEST(Json, MemoryCountsNoBracketsInStrings) {
  const auto counted = [](const std::string& json) {
    return JsonMemory(json) - static_cast<int64_t>(json.size());
  };
  EXPECT_EQ(counted(R"({"a":1})"), 400);
  EXPECT_EQ(counted(R"({"a":"{,[\\"})"), 400);
  EXPECT_EQ(counted(R"({"a":"\"{{\\\"[","b":"{"})"), 500);
  EXPECT_EQ(counted(R"(["\\",{}])"), 600);
  EXPECT_EQ(counted("['\"{',\"'\"]"), 200) << "either quotation mark";
  for (const char* open : {"\"", "\"{{", "\"{\\\\", "\"\\\"{", "\"{\\"}) {
    EXPECT_EQ(counted(open), 0) << "a string that has no end: " << open;
  }
}

TEST(Json, NumbersHaveTheDigitsThatTellThem) {
  v1::EpisodeSignals signals;
  signals.set_score(0.1 + 0.2);
  EXPECT_EQ(ToJson(signals), R"({"score":0.30000000000000004})");
  signals.set_score(0.5);
  signals.mutable_audit()->mutable_options()->set_seed(7);
  EXPECT_EQ(ToJson(signals), R"({"score":0.5,"audit":{"options":{"seed":"7"}}})");
  signals.Clear();
  signals.set_score(-0.0);
  EXPECT_EQ(ToJson(signals), R"({"score":-0.0})") << "protobuf's parser takes -0 for 0";
  v1::EpisodeSignals read;
  ASSERT_TRUE(FromJson(R"({"score":-0.0})", &read).ok());
  EXPECT_TRUE(Same(read, signals));
  signals.set_score(std::numeric_limits<double>::infinity());
  EXPECT_EQ(ToJson(signals), R"({"score":"Infinity"})");
}

TEST(Json, WhatOnlyProtobufWritesIsLeftToIt) {
  google::protobuf::Struct body;
  (*body.mutable_fields())["a"].set_number_value(1);
  std::string json;
  EXPECT_FALSE(AppendJson(body, &json));
  EXPECT_EQ(ToJson(body), R"({"a":1})");
  v1::EpisodeResult result;
  result.mutable_elapsed()->set_nanos(1'000'000'000);  // no duration
  json.clear();
  EXPECT_FALSE(AppendJson(result, &json));
  EXPECT_EQ(ToJson(result), "{}");
}

}  // namespace
}  // namespace assay
