#include "server/runtime/config_file.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay::runtime {
namespace {

using ::testing::ElementsAre;
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
    {"name": "exec", "timeout": "1.5s", "concurrency": 8, "batchSize": 2, "maxAttempts": 1, "cacheBytes": "0",
     "breakerFailures": 0,
     "remote": {"endpoints": ["a:1", "b:2"], "tls": {"caFile": "ca.pem"},
                "traits": {"supports": ["prefix", "coalition"], "deterministic": true}}},
    {"name": "judge", "judge": {"url": "http://127.0.0.1:8000/v1", "model": "m", "verdict": "json",
                                "apiKeyEnv": "KEY", "stepByStep": true}}]})",
                                          &config);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(config.remotes.size(), 1u);
  const evaluation::RemoteOptions& remote = config.remotes[0];
  EXPECT_THAT(remote.endpoints, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(remote.tls->ca_file, "ca.pem");
  EXPECT_EQ(remote.traits->supports, signals::Bit(signals::QuestionKind::kCoalition) |
                                         signals::Bit(signals::QuestionKind::kPrefix));
  EXPECT_TRUE(remote.traits->deterministic);
  EXPECT_FALSE(remote.traits->free);
  EXPECT_EQ(remote.policy.timeout, absl::Milliseconds(1500));
  EXPECT_EQ(remote.policy.bounds.max_calls, 8);
  EXPECT_EQ(remote.policy.bounds.batch_size, 2);
  EXPECT_EQ(remote.policy.retry.max_attempts, 1);
  EXPECT_EQ(remote.policy.cache_bytes, 0);
  EXPECT_EQ(remote.policy.breaker.failures, 0);
  ASSERT_EQ(config.judges.size(), 1u);
  EXPECT_EQ(config.judges[0].verdict, evaluation::JudgeOptions::Verdict::kJson);
  EXPECT_EQ(config.judges[0].policy.bounds.batch_size, 1);
  EXPECT_EQ(config.judges[0].api_key_env, "KEY");
  EXPECT_TRUE(config.judges[0].step_by_step);
}

TEST(ConfigFile, FaultsNameEvaluatorAndField) {
  EXPECT_THAT(Fault("{"), HasSubstr("config: "));
  EXPECT_THAT(Fault(R"({"evaluator": []})"), HasSubstr("evaluator"));
  EXPECT_THAT(Fault(R"({"evaluators": [{"name": "x"}]})"), HasSubstr("\"x\": kind"));
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
