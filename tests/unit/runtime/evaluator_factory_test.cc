#include "server/runtime/evaluator_factory.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/json.h"
#include "server/runtime/server_config.pb.h"

namespace assay::runtime {
namespace {

using ::testing::ElementsAre;

EvaluatorConfig Parse(const char* json) {
  EvaluatorConfig config;
  const absl::Status parsed = FromJson(json, &config);
  EXPECT_TRUE(parsed.ok()) << parsed;
  return config;
}

TEST(EvaluatorFactory, Remote) {
  const auto remote = RemoteFromConfig(Parse(R"(
    {"name": "exec", "timeout": "1.5s", "concurrency": 8, "batchSize": 2, "maxAttempts": 1, "cacheBytes": "0",
     "breakerFailures": 0,
     "remote": {"endpoints": ["a:1", "b:2"], "tls": {"caFile": "ca.pem"},
                "traits": {"supports": ["prefix", "coalition"], "deterministic": true}}})"));
  ASSERT_TRUE(remote.ok()) << remote.status();
  EXPECT_EQ(remote->name, "exec");
  EXPECT_THAT(remote->endpoints, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(remote->tls->ca_file, "ca.pem");
  EXPECT_EQ(remote->traits->supports, signals::Bit(signals::QuestionKind::kCoalition) |
                                          signals::Bit(signals::QuestionKind::kPrefix));
  EXPECT_TRUE(remote->traits->deterministic);
  EXPECT_FALSE(remote->traits->free);
  EXPECT_EQ(remote->policy.timeout, absl::Milliseconds(1500));
  EXPECT_EQ(remote->policy.bounds.max_calls, 8);
  EXPECT_EQ(remote->policy.bounds.batch_size, 2);
  EXPECT_EQ(remote->policy.retry.max_attempts, 1);
  EXPECT_EQ(remote->policy.cache_bytes, 0);
  EXPECT_EQ(remote->policy.breaker.failures, 0);
}

TEST(EvaluatorFactory, Judge) {
  const auto judge = JudgeFromConfig(Parse(R"(
    {"name": "judge", "judge": {"url": "http://127.0.0.1:8000/v1", "model": "m", "verdict": "json",
                                "apiKeyEnv": "KEY", "stepByStep": true}})"));
  ASSERT_TRUE(judge.ok()) << judge.status();
  EXPECT_EQ(judge->verdict, evaluation::JudgeOptions::Verdict::kJson);
  EXPECT_EQ(judge->policy.bounds.batch_size, 1);
  EXPECT_EQ(judge->api_key_env, "KEY");
  EXPECT_TRUE(judge->step_by_step);
}

TEST(EvaluatorFactory, MakesWhatWasConfigured) {
  const auto named = EvaluatorFromConfig(Parse(
      R"({"name": "judge", "cacheBytes": "9", "judge": {"url": "http://127.0.0.1:1/v1", "model": "m"}})"));
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(named->name, "judge");
  EXPECT_EQ(named->cache_bytes, 9);
  const auto bad = EvaluatorFromConfig(Parse(R"({"name": "judge", "judge": {"model": "m"}})"));
  ASSERT_TRUE(bad.ok()) << bad.status();
  const absl::Status made = bad->make(nullptr, {}).status();
  EXPECT_EQ(made.code(), absl::StatusCode::kInvalidArgument) << made;
}

}  // namespace
}  // namespace assay::runtime
