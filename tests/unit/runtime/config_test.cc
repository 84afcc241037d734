#include "server/runtime/config.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "server/runtime/config_file.h"

namespace assay::runtime {
namespace {

TEST(Config, DefaultsAreGoodAndStayOnLoopback) {
  const Config config;
  EXPECT_TRUE(CheckConfig(config).ok()) << CheckConfig(config);
  EXPECT_TRUE(IsLoopback(config.listen));
  EXPECT_TRUE(IsLoopback(config.metrics));
}

TEST(Config, PlaintextBeyondLoopbackMustBeMeant) {
  for (const char* address : {"0.0.0.0:50051", "[::]:50051", "10.0.0.1:1", "example.com:1"}) {
    Config config;
    config.listen = address;
    EXPECT_EQ(CheckConfig(config).code(), absl::StatusCode::kInvalidArgument) << address;
    config.insecure = true;
    EXPECT_TRUE(CheckConfig(config).ok()) << address;
    Config http;
    http.http = address;
    EXPECT_FALSE(CheckConfig(http).ok()) << address;
  }
}

TEST(Config, EveryPortCanBeAUnixSocket) {
  Config config;
  config.listen = "unix:/run/assay/socket";
  config.ops = "unix:ops";
  EXPECT_TRUE(CheckConfig(config).ok()) << CheckConfig(config);  // plaintext, but on this machine
  EXPECT_TRUE(IsLoopback(config.listen));
  for (const std::string& address : {std::string("unix:"), "unix:" + std::string(108, 'x')}) {
    Config wrong;
    wrong.listen = address;
    EXPECT_EQ(CheckConfig(wrong).code(), absl::StatusCode::kInvalidArgument) << address;
  }
  Config metrics;
  metrics.metrics = "unix:/run/assay/metrics";
  metrics.http = "unix:/run/assay/http";
  EXPECT_TRUE(CheckConfig(metrics).ok()) << CheckConfig(metrics);
}

TEST(Config, FileSetsWhatItSaysAndNothingElse) {
  Config config;
  const absl::Status parsed = ParseConfig(R"({
    "listen": "127.0.0.1:0", "metrics": "none", "workers": 3, "grace": "5s",
    "limits": {"maxEpisodesInFlight": 7, "maxStreamAge": "3600s"}})",
                                          &config);
  ASSERT_TRUE(parsed.ok()) << parsed;
  EXPECT_TRUE(CheckConfig(config).ok()) << CheckConfig(config);
  EXPECT_EQ(config.metrics, "");
  EXPECT_EQ(config.workers, 3);
  EXPECT_EQ(config.grace, absl::Seconds(5));
  EXPECT_EQ(config.session.max_episodes_in_flight, 7);
  EXPECT_EQ(config.session.max_bytes_in_flight, Config().session.max_bytes_in_flight);
  EXPECT_EQ(config.session.max_age, absl::Hours(1));
}

TEST(Config, MistakesAreErrors) {
  for (const char* json : {"", "[]", R"({"lissten": "x:1"})", R"({"workers": "many"})",
                           R"({"evaluators": [{"name": "e"}]})",
                           R"({"priors": [{"name": "p", "file": "/does/not/exist"}]})"}) {
    Config config;
    EXPECT_FALSE(ParseConfig(json, &config).ok()) << json;
  }
  Config config;
  EXPECT_FALSE(ReadConfigFile("/does/not/exist", &config).ok());
}

TEST(Config, WhatHasNoEffectIsSaid) {
  EXPECT_TRUE(IdleSettings(Config()).empty());
  const std::pair<const char*, const char*> files[] = {
      {R"({"insecure": true})", "insecure: "},
      {R"({"insecure": true, "http": "127.0.0.1:0"})", "insecure: "},
      {R"({"limits": {"maxEpisodesInFlight": 9, "maxEpisodes": "8"}})",
       "limits.max_episodes_in_flight: "},
      {R"({"limits": {"maxStarted": 500}})", "limits.max_started: "},
      {R"({"limits": {"maxStreams": 5, "maxStreamsPerCaller": 6}})",
       "limits.max_streams_per_caller: "},
      {R"({"limits": {"maxEpisodes": "500", "maxEpisodesPerCaller": "501"}})",
       "limits.max_episodes_per_caller: "},
      {R"({"limits": {"maxBytesPerCaller": "9999999999"}})", "limits.max_bytes_per_caller: "},
  };
  for (const auto& [json, setting] : files) {
    Config config;
    ASSERT_TRUE(ParseConfig(json, &config).ok()) << json;
    ASSERT_TRUE(CheckConfig(config).ok()) << json << CheckConfig(config);
    const std::vector<std::string> idle = IdleSettings(config);
    ASSERT_EQ(idle.size(), 1u) << json;
    EXPECT_EQ(idle[0].rfind(setting, 0), 0u) << idle[0];
    EXPECT_NE(idle[0].find("has no effect"), std::string::npos) << idle[0];
  }
  for (const char* json : {R"({"insecure": true, "listen": "0.0.0.0:1"})",
                           R"({"insecure": true, "http": "0.0.0.0:1"})",
                           R"({"limits": {"maxEpisodesInFlight": 9, "maxEpisodes": "9"}})"}) {
    Config config;
    ASSERT_TRUE(ParseConfig(json, &config).ok()) << json;
    EXPECT_TRUE(IdleSettings(config).empty()) << json;
  }
}

TEST(Config, LimitsMustFitTogether) {
  for (const char* limits :
       {R"({"maxBytesInFlight": "1000"})", R"({"maxBytes": "1000"})",
        R"({"maxEpisodeBytes": "99999999999"})", R"({"maxAgents": 65})",
        R"({"maxStreamAge": "-1s"})", R"({"maxEpisodesInFlight": -1})",
        R"({"maxBytesPerCaller": "1000"})", R"({"maxTransportBytes": "67108865"})",
        R"({"maxTransportBytes": "4000000", "maxEpisodeBytes": "1000"})",
        R"({"maxTransportBytes": "33554432"})", R"({"maxStreamsPerCaller": -1})",
        R"({"maxConnections": -1})"}) {
    Config config;
    ASSERT_TRUE(ParseConfig(std::string(R"({"limits": )") + limits + "}", &config).ok());
    EXPECT_FALSE(CheckConfig(config).ok()) << limits;
  }
}

TEST(Config, MemoryIsBoundedByTheFormulaOfTheLimits) {
  Config config;
  ASSERT_TRUE(ParseConfig(R"({"limits": {"maxBytes": "134217728", "maxStreams": 100,
    "maxConnections": 1000}, "evaluators": [
    {"name": "r", "remote": {"endpoints": ["127.0.0.1:1"]}, "cacheBytes": "1048576"}]})",
                          &config)
                  .ok());
  // 3 x 128 MiB, 100 streams of 1.25 MiB, 1,000 connections of 1/4 MiB, 1 MiB of answers, 100 MiB.
  EXPECT_EQ(MemoryBound(config), int64_t{384 + 125 + 250 + 1 + 100} << 20);
}

TEST(Config, LimitsOfACaller) {
  Config config;
  ASSERT_TRUE(ParseConfig(R"({"limits": {"maxStreamsPerCaller": 3, "maxEpisodesPerCaller": "5",
                                         "maxBytesPerCaller": "200000000"}})",
                          &config)
                  .ok());
  EXPECT_TRUE(CheckConfig(config).ok());
  EXPECT_EQ(config.streams.max_streams_per_caller, 3);
  EXPECT_EQ(config.max_per_caller.episodes, 5);
  EXPECT_EQ(config.max_per_caller.bytes, 200'000'000);
}

TEST(Config, SettingsGoOnTop) {
  Config config;
  ASSERT_TRUE(ParseConfig(R"({"workers": 3})", &config).ok());
  EXPECT_TRUE(ApplySetting("workers", "5", &config).ok());
  EXPECT_EQ(config.workers, 5);
  EXPECT_TRUE(ApplySetting("insecure", "true", &config).ok());
  EXPECT_TRUE(config.insecure);
  EXPECT_TRUE(ApplySetting("grace", "250ms", &config).ok());
  EXPECT_EQ(config.grace, absl::Milliseconds(250));
  EXPECT_FALSE(ApplySetting("workers", "five", &config).ok());
  EXPECT_FALSE(ApplySetting("nonsense", "1", &config).ok());
}

TEST(Config, APriorComesFromAFile) {
  const std::string path = ::testing::TempDir() + "/assay_prior.json";
  std::ofstream(path) << R"({"features": ["no such feature"], "weights": [1]})";
  Config config;
  const std::string json = R"({"priors": [{"name": "p", "file": ")" + path + R"("}]})";
  EXPECT_FALSE(ParseConfig(json, &config).ok());
  std::ofstream(path) << R"({"features": [], "weights": [], "uniform": 1, "episodes": 4})";
  ASSERT_TRUE(ParseConfig(json, &config).ok());
  EXPECT_EQ(config.priors.at("p").episodes(), 4);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace assay::runtime
