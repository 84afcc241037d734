#include "server/runtime/config_file.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay::runtime {
namespace {

using ::testing::HasSubstr;

std::string Fault(const std::string& json) {
  Config config;
  const absl::Status status = ParseConfig(json, &config);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(ConfigFile, Evaluators) {
  Config config;
  const absl::Status status = ParseConfig(R"({"evaluators": [
    {"name": "exec", "cacheBytes": "5", "remote": {"endpoints": ["a:1", "b:2"]}},
    {"name": "judge", "cacheBytes": "7", "judge": {"url": "http://127.0.0.1:8000/v1", "model": "m"}}]})",
                                          &config);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(config.evaluators.all().size(), 2u);
  EXPECT_EQ(config.evaluators.all().at("exec").cache_bytes, 5);
  EXPECT_EQ(config.evaluators.all().at("judge").cache_bytes, 7);
}

TEST(ConfigFile, FaultsNameEvaluatorAndField) {
  EXPECT_THAT(Fault("{"), HasSubstr("config: "));
  EXPECT_THAT(Fault(R"({"evaluator": []})"), HasSubstr("evaluator"));
  EXPECT_THAT(Fault(R"({"evaluators": [{"name": "x"}]})"), HasSubstr("\"x\": kind"));
  EXPECT_THAT(Fault(R"({"evaluators": [{"name": "vote", "remote": {"endpoints": ["a:1"]}}]})"),
              HasSubstr("\"vote\": the name of a built-in"));
  EXPECT_THAT(Fault(R"({"evaluators": [{"name": "x", "remote": {}}]})"),
              HasSubstr("\"x\": remote.endpoints"));
  EXPECT_THAT(
      Fault(
          R"({"evaluators": [{"name": "x", "timeout": "0s", "remote": {"endpoints": ["a:1"]}}]})"),
      HasSubstr("\"x\": timeout"));
  EXPECT_THAT(
      Fault(
          R"({"evaluators": [{"name": "x", "concurrency": -1, "remote": {"endpoints": ["a:1"]}}]})"),
      HasSubstr("\"x\": concurrency"));
  EXPECT_THAT(
      Fault(
          R"({"evaluators": [{"name": "x", "remote": {"endpoints": ["a:1"], "traits": {"supports": ["y"]}}}]})"),
      HasSubstr("no kind of question is y"));
  EXPECT_THAT(Fault(R"({"evaluators": [{"name": "x", "judge": {"verdict": "y"}}]})"),
              HasSubstr("judge.verdict"));
  Config config;
  EXPECT_THAT(std::string(ReadConfigFile("/nowhere/config.json", &config).message()),
              HasSubstr("/nowhere/config.json"));
}

}  // namespace
}  // namespace assay::runtime
