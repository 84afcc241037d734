// The largest episodes that the limits allow, and what happens beyond max_response_bytes.
#include <gtest/gtest.h>

#include <bit>

#include "absl/strings/str_cat.h"
#include "tests/integration/harness.h"

namespace assay::testing {
namespace {

TEST(Limits, AnEpisodeOf65536MessagesIsAnswered) {
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  v1::AttributionOptions options;
  options.set_max_response_bytes(int64_t{64} << 20);
  for (const double score : {0.0, 1.0}) {
    const StreamOutcome outcome = RunStream(stub.get(), options, {Plain("long", score, 65536)});
    const v1::EpisodeResult& result = outcome.results.at("long");
    ASSERT_TRUE(result.has_signals()) << result.error().message();
    EXPECT_EQ(result.signals().messages_size(), 65536);
    EXPECT_LE(result.signals().conservation().error(), 1e-9);
  }
  const StreamOutcome over = RunStream(stub.get(), options, {Plain("longer", 1, 65537)});
  EXPECT_EQ(over.results.at("longer").error().code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(over.results.at("longer").error().violations(0).field(), "messages");
}

TEST(Limits, ATableOf20AgentsIsAnswered) {
  constexpr int kAgents = 20;
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  v1::Episode episode = Plain("table", 1);
  for (int i = 2; i < kAgents; ++i) episode.add_agents()->set_id(absl::StrCat("agent-", i));
  auto* values = episode.mutable_values()->mutable_coalition_values();
  for (unsigned s = 0; s < (1u << kAgents); ++s) {
    values->Add(static_cast<double>(std::popcount(s)) / kAgents);
  }
  const StreamOutcome outcome = RunStream(stub.get(), {}, {episode});
  const v1::EpisodeResult& result = outcome.results.at("table");
  ASSERT_TRUE(result.has_signals()) << result.error().message();
  for (const v1::AgentCredit& agent : result.signals().agents()) {
    EXPECT_NEAR(agent.credit(), 1.0 / kAgents, 1e-12);
  }
  EXPECT_EQ(result.signals().effort().questions(), 1 << kAgents);
}

TEST(Limits, AResultBeyondMaxResponseBytesNamesTheSizeNeeded) {
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  v1::AttributionOptions options;
  options.set_max_response_bytes(4096);
  const StreamOutcome outcome =
      RunStream(stub.get(), options, {Plain("long", 1, 1000), Plain("short", 1)});
  const v1::Error& error = outcome.results.at("long").error();
  EXPECT_EQ(error.code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(error.violations(0).field(), "max_response_bytes");
  EXPECT_NE(error.message().find("needs"), std::string::npos);
  EXPECT_TRUE(outcome.results.at("short").has_signals());
}

}  // namespace
}  // namespace assay::testing
