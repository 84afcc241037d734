// What the samples are answered with, against proto/golden/. The JSON there is for reading: numbers
// may differ from it by 1e-12 of themselves, as libm rounds differently on another CPU, and nothing
// else may. One sample pins the bytes. A change that means to move an answer runs the test with
// ASSAY_UPDATE_GOLDEN=1 and shows the difference in review.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "google/protobuf/util/field_comparator.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/base/json.h"
#include "server/calls/batch_call.h"
#include "tests/paths.h"
#include "tests/unit/calls/recorder.h"

namespace assay::service {
namespace {

namespace fs = std::filesystem;

bool Update() { return std::getenv("ASSAY_UPDATE_GOLDEN") != nullptr; }

std::vector<v1::Episode> ReadSample(const std::string& name) {
  std::ifstream file(assay::testing::SourceFolder() / "tests/data/samples" / (name + ".jsonl"));
  std::vector<v1::Episode> episodes;
  for (std::string line; std::getline(file, line);) {
    const auto read = google::protobuf::util::JsonStringToMessage(line, &episodes.emplace_back());
    EXPECT_TRUE(read.ok()) << line;
  }
  EXPECT_FALSE(episodes.empty()) << name;
  // And one that is answered by an error.
  episodes.push_back(episodes.front());
  episodes.back().set_id("spoilt");
  episodes.back().mutable_messages(0)->set_agent_id("nobody");
  return episodes;
}

v1::AttributionOptions Audited(bool by_caller) {
  v1::AttributionOptions options;
  options.set_audit(v1::AUDIT_FULL);
  options.set_seed(7);
  if (by_caller) {
    options.mutable_caller()->add_supports(v1::QUESTION_KIND_COALITION);
    options.mutable_caller()->add_supports(v1::QUESTION_KIND_PREFIX);
  }
  return options;
}

std::string Call(const std::vector<v1::Episode>& episodes) {
  World world;
  auto request = std::make_shared<v1::ComputeSignalsRequest>();
  *request->mutable_options() = Audited(false);
  request->mutable_episodes()->Add(episodes.begin(), episodes.end());
  std::string bytes;
  BatchCall::Make(world.deps, world.Client(), request, 0,
                  [&bytes](absl::StatusOr<v1::ComputeSignalsResponse> answer) {
                    ASSERT_TRUE(answer.ok()) << answer.status();
                    bytes = answer->SerializeAsString();
                  })
      ->Start();
  world.executor.RunReady();
  return bytes;
}

std::string Stream(const std::vector<v1::Episode>& episodes, bool by_caller) {
  World world;
  Recorder recorder(&world);
  v1::StreamSignalsRequest request;
  *request.mutable_options() = Audited(by_caller);
  recorder.Send(request);
  for (const v1::Episode& episode : episodes) {
    *request.mutable_episode() = episode;
    recorder.Send(request);
  }
  recorder.HalfClose();
  EXPECT_TRUE(recorder.end.ok()) << recorder.end;
  return recorder.bytes;
}

fs::path GoldenPath(const std::string& name) {
  return assay::testing::SourceFolder() / "proto/golden" / name;
}

std::string ReadGolden(const std::string& name) {
  std::ifstream file(GoldenPath(name), std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Writes `text` where golden files are written anew.
bool Updated(const std::string& name, const std::string& text) {
  if (Update()) std::ofstream(GoldenPath(name), std::ios::binary) << text;
  return Update();
}

// The digest of all signals follows from the last bit of each number.
template <class Message>
void ExpectAlike(const std::string& json, const Message& today) {
  Message golden;
  const absl::Status read = FromJson(json, &golden);
  ASSERT_TRUE(read.ok()) << read;
  google::protobuf::util::MessageDifferencer differencer;
  std::string report;
  differencer.ReportDifferencesToString(&report);
  google::protobuf::util::DefaultFieldComparator numbers;
  numbers.set_float_comparison(google::protobuf::util::DefaultFieldComparator::APPROXIMATE);
  numbers.SetDefaultFractionAndMargin(1e-12, 1e-15);
  differencer.set_field_comparator(&numbers);
  for (const char* field : {"signals_sha256", "software_version"}) {
    differencer.IgnoreField(v1::AuditRecord::descriptor()->FindFieldByName(field));
  }
  EXPECT_TRUE(differencer.Compare(golden, today)) << report;
}

class WireGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(WireGolden, TheSameAnswersAsEver) {
  const std::string name = GetParam();
  v1::ComputeSignalsResponse response;
  ASSERT_TRUE(response.ParseFromString(Call(ReadSample(name))));
  if (Updated(name + ".json", ToJson(response, JsonStyle::kPretty))) return;
  ExpectAlike(ReadGolden(name + ".json"), response);
}

TEST_P(WireGolden, AStreamGivesTheBytesOfACall) {
  std::vector<v1::Episode> episodes = ReadSample(GetParam());
  episodes.pop_back();  // the spoilt one comes after its group, and on a stream begins another
  v1::ComputeSignalsResponse call;
  ASSERT_TRUE(call.ParseFromString(Call(episodes)));
  v1::ComputeSignalsResponse stream;
  for (const v1::StreamSignalsResponse& response : Messages(Stream(episodes, false))) {
    if (response.has_result()) *stream.add_results() = response.result();
    if (response.has_group()) *stream.add_groups() = response.group();
  }
  EXPECT_EQ(stream.results_size(), static_cast<int>(episodes.size()));
  google::protobuf::util::MessageDifferencer differencer;
  std::string report;
  differencer.ReportDifferencesToString(&report);
  // A stream answers as soon as it can, a call in the order of its episodes.
  differencer.TreatAsMap(call.GetDescriptor()->FindFieldByName("results"),
                         v1::EpisodeResult::descriptor()->FindFieldByName("episode_id"));
  EXPECT_TRUE(differencer.Compare(call, stream)) << report;
}

INSTANTIATE_TEST_SUITE_P(Samples, WireGolden,
                         ::testing::Values("coding_team", "debate", "lost_debate", "newcomer",
                                           "pipeline", "research_team"),
                         [](const auto& param) { return std::string(param.param); });

TEST(WireGolden, TheSameQuestionsToTheCaller) {
  const std::string name = "research_team.caller.jsonl";
  std::string text;
  std::vector<v1::StreamSignalsResponse> messages =
      Messages(Stream(ReadSample("research_team"), true));
  ASSERT_TRUE(messages.front().has_ready());  // what the server says of itself
  messages.erase(messages.begin());
  for (const auto& message : messages) absl::StrAppend(&text, ToJson(message), "\n");
  if (Updated(name, text)) return;
  const std::vector<std::string> lines = absl::StrSplit(ReadGolden(name), '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), messages.size());
  for (size_t k = 0; k < lines.size(); ++k) ExpectAlike(lines[k], messages[k]);
}

// The contract below the names of fields: a change that moves one bit of an answer has to say so.
TEST(WireGolden, TheSameBytesAsEver) {
  const std::string bytes = Call(ReadSample("newcomer"));
  if (Updated("newcomer.binpb", bytes)) return;
  EXPECT_TRUE(ReadGolden("newcomer.binpb") == bytes);
}

}  // namespace
}  // namespace assay::service
