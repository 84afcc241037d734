#include "server/telemetry/log.h"

#include <gtest/gtest.h>

#include <limits>
#include <sstream>

#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"

namespace assay::telemetry {
namespace {

class Lines {
 public:
  Log log{std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_))};

  // Every line must be a JSON object.
  std::vector<google::protobuf::Struct> Read() const {
    std::vector<google::protobuf::Struct> lines;
    std::istringstream in(text_.str());
    for (std::string line; std::getline(in, line);) {
      EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(line, &lines.emplace_back()).ok())
          << line;
    }
    return lines;
  }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
};

TEST(Log, EveryLineIsJsonWhateverTheText) {
  Lines lines;
  const std::string nasty = "\"}\n\\ \x01 %v {} \xC3\xA9";
  lines.log.Write(Level::kWarning, nasty,
                  {{"text", absl::string_view(nasty)},
                   {"nan", std::numeric_limits<double>::quiet_NaN()},
                   {"count", int64_t{-7}}});
  const auto read = lines.Read();
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].fields().at("event").string_value(), nasty);
  EXPECT_EQ(read[0].fields().at("text").string_value(), nasty);
  EXPECT_EQ(read[0].fields().at("count").number_value(), -7);
  EXPECT_EQ(read[0].fields().at("nan").kind_case(), google::protobuf::Value::kNullValue);
  EXPECT_EQ(read[0].fields().at("level").string_value(), "warning");
}

TEST(ServiceLog, OneLineAFailedEpisodeAndNoneForTheRest) {
  Lines lines;
  ServiceLog log(&lines.log);
  v1::EpisodeResult good;
  good.mutable_signals();
  log.OnEpisode(good, 1, absl::Seconds(1), {3, "abc"});
  EXPECT_TRUE(lines.text().empty());
  v1::EpisodeResult bad;
  bad.set_episode_id("e7");
  bad.mutable_error()->set_code(3);
  bad.mutable_error()->add_violations()->set_field("messages[3].process_score");
  log.OnEpisode(bad, 1, absl::Milliseconds(1500), {3, "abc"});
  const auto read = lines.Read();
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].fields().at("episode").string_value(), "e7");
  EXPECT_EQ(read[0].fields().at("code").string_value(), "invalid_argument");
  EXPECT_EQ(read[0].fields().at("field").string_value(), "messages[3].process_score");
  EXPECT_EQ(read[0].fields().at("stream").number_value(), 3);
  EXPECT_EQ(read[0].fields().at("trace_id").string_value(), "abc");
  EXPECT_EQ(read[0].fields().at("seconds").number_value(), 1.5);
}

TEST(ServiceLog, OneLineAStream) {
  Lines lines;
  ServiceLog log(&lines.log);
  log.OnStreamOpen();
  service::StreamSummary summary;
  summary.peer = "ipv4:127.0.0.1:1";
  summary.trace_id = "0af7651916cd43dd8448eb211c80319c";
  summary.episodes = 5;
  log.OnStreamClosed(summary);
  const auto read = lines.Read();
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].fields().at("episodes").number_value(), 5);
  EXPECT_EQ(read[0].fields().at("trace_id").string_value(), summary.trace_id);
  EXPECT_EQ(read[0].fields().at("code").string_value(), "ok");
}

}  // namespace
}  // namespace assay::telemetry
