#include "client/input/record_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "assay/v1/episode.pb.h"
#include "client/input/json_misfit.h"

namespace assay::command {
namespace {

using ::testing::ElementsAre;

// PLACE JSON, or PLACE !FAULT, of each record; then !STATUS where the file cannot be read to its
// end.
std::vector<std::string> Read(const std::string& bytes) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::tmpfile(), &std::fclose);
  std::fwrite(bytes.data(), 1, bytes.size(), file.get());
  std::rewind(file.get());
  RecordReader reader(fileno(file.get()), "f");
  std::vector<std::string> found;
  Record record;
  while (reader.Next(&record)) {
    found.push_back(absl::StrCat(record.place, record.fault.empty() ? " " : " !",
                                 record.fault.empty() ? record.json : record.fault));
  }
  if (!reader.status().ok()) found.push_back(absl::StrCat("!", reader.status().message()));
  return found;
}

TEST(RecordReader, ReadsOneValueALineAndElementsOfLists) {
  EXPECT_THAT(Read("{\"a\":1}\r\n\n[{\"b\":[1,\"],\"]}, 2]\n[]"),
              ElementsAre("f:1 {\"a\":1}", "f:3#1 {\"b\":[1,\"],\"]}", "f:3#2 2"));
}

TEST(RecordReader, ReadsValuesOverSeveralLines) {
  EXPECT_THAT(Read("{\n \"a\": \"}\"\n}\n{\"b\": 2}\n"),
              ElementsAre("f:1 {\n \"a\": \"}\"\n}", "f:4 {\"b\": 2}"));
  EXPECT_THAT(Read("[\n{\"a\": 1},\n{\"b\": 2}\n]"),
              ElementsAre("f:1#1 {\"a\": 1}", "f:1#2 {\"b\": 2}"));
}

TEST(RecordReader, GoesOnBehindALineThatIsNoJson) {
  EXPECT_THAT(Read("{'a': 1}\n{\"b\": 2}\n{\"c\": \"cut"),
              ElementsAre("f:1 !not JSON", "f:2 {\"b\": 2}", "f:3 !not JSON: it ends too early"));
  // The first line is cut off between brackets, as values over several lines are.
  EXPECT_THAT(Read("{\"a\": [\n{\"b\": 2}\n"),
              ElementsAre("f:1 !not JSON: it ends too early", "f:2 {\"b\": 2}"));
  EXPECT_THAT(Read("{\n  \"a\": oops\n}\n"), ElementsAre("f:1 !not JSON: it ends too early"));
}

TEST(RecordReader, ReadsOtherEncodings) {
  const std::string little(
      "\xff\xfe{\0\"\0\xe4\0\"\0:\0"
      "1\0}\0\n\0",
      18);
  EXPECT_THAT(Read(little), ElementsAre("f:1 {\"\xc3\xa4\":1}"));
  EXPECT_THAT(Read(little.substr(2)), ElementsAre("f:1 {\"\xc3\xa4\":1}"));
  EXPECT_THAT(Read("\xef\xbb\xbf{\"a\":1}"), ElementsAre("f:1 {\"a\":1}"));
  EXPECT_THAT(Read(little + "\xd8"),
              ElementsAre("f:1 {\"\xc3\xa4\":1}", "!f:2: not UTF-16LE: it is cut off"));
  EXPECT_THAT(Read("{\"a\":\"\xe4\"}\n{}\n"),
              ElementsAre(::testing::StartsWith("f:1 !byte 0xe4 at 7 is not UTF-8"), "f:2 {}"));
  EXPECT_THAT(Read("{\"a\":\"\\ud800\"}"), ElementsAre("f:1 !not JSON: half of a surrogate pair"));
}

TEST(RecordReader, RefusesArchives) {
  EXPECT_THAT(Read("PK\x03\x04..."),
              ElementsAre("!f:1: a zip archive, which assay-rl reads and assay does not"));
}

std::string EpisodeMisfit(const char* json) { return Misfit(json, *v1::Episode::descriptor()); }

TEST(Misfit, NamesTheFirstPlaceInTheOrderOfTheText) {
  EXPECT_EQ(
      EpisodeMisfit("{\"id\": \"a\", \"messages\": [{\"agentId\": \"x\", \"round\": \"2\"}]}"), "");
  EXPECT_EQ(EpisodeMisfit("{\"id\": null, \"outcome\": {\"score\": 1e0}}"), "");
  EXPECT_EQ(EpisodeMisfit("[]"), "an object expected, got a list");
  EXPECT_EQ(EpisodeMisfit("{\"idd\": 1, \"id\": 2}"), "idd: no such field. Did you mean id?");
  EXPECT_EQ(EpisodeMisfit("{\"id\": 2, \"idd\": 1}"), "id: a text expected, got a number");
  EXPECT_EQ(EpisodeMisfit("{\"messages\": [{}, {\"content\": []}]}"),
            "messages[1].content: a text expected, got a list");
  EXPECT_EQ(EpisodeMisfit("{\"messages\": {}}"), "messages: a list expected, got an object");
  EXPECT_EQ(EpisodeMisfit("{\"messages\": [null]}"), "messages[0]: an object expected, got null");
  EXPECT_EQ(EpisodeMisfit("{\"messages\": [{\"agentId\": \"\", \"agent_id\": \"\"}]}"),
            "messages[0].agent_id: is there twice");
  EXPECT_EQ(EpisodeMisfit("{\"outcome\": {\"score\": true}}"),
            "outcome.score: a number expected, got a boolean");
  EXPECT_EQ(EpisodeMisfit("{\"messages\": [{\"round\": 1.5}]}"),
            "messages[0].round: a whole number expected");
  EXPECT_EQ(EpisodeMisfit("{\"messages\": [{\"round\": 3000000000}]}"),
            "messages[0].round: out of range");
}

}  // namespace
}  // namespace assay::command
