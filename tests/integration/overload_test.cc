// Streams that do not read or that send beyond their credits are ended or rejected, and those that
// behave get every result.
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/integration/harness.h"

namespace assay::testing {
namespace {

TEST(Overload, TheWellBehavedAreServedBesideThoseThatAreNot) {
  runtime::Config config = LocalConfig();
  config.session.max_episodes_in_flight = 16;
  config.session.write_stall = absl::Seconds(3);
  config.streams.linger = absl::Milliseconds(200);
  TestServer server(config);
  // A window in which everything finds room: however late this client reads, no write to it waits.
  grpc::ChannelArguments wide_window;
  wide_window.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 64 << 20);
  wide_window.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto stub = v1::SignalService::NewStub(grpc::CreateCustomChannel(
      absl::StrCat("127.0.0.1:", server.port()), grpc::InsecureChannelCredentials(), wide_window));
  // A window that does not grow: what the client's library takes in unread stays small.
  grpc::ChannelArguments fixed_window;
  fixed_window.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  fixed_window.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto deaf_stub = v1::SignalService::NewStub(grpc::CreateCustomChannel(
      absl::StrCat("127.0.0.1:", server.port()), grpc::InsecureChannelCredentials(), fixed_window));
  std::vector<std::unique_ptr<TestStream>> deaf;
  std::vector<std::thread> floods;
  for (int s = 0; s < 10; ++s) {
    deaf.push_back(std::make_unique<TestStream>(deaf_stub.get()));
    floods.emplace_back([stream = deaf.back().get()] {
      stream->SendOptions({});
      // Answers that are never read fill the window; then rejections pile up, or the write stalls.
      for (int i = 0; i < 500'000; ++i) {
        if (!stream->SendEpisode(Plain(absl::StrCat("e", i), 1, 40))) return;
      }
      ADD_FAILURE() << "the server let a stream that does not read go on";
    });
  }
  std::vector<v1::Episode> episodes;
  episodes.reserve(200);
  for (int i = 0; i < 200; ++i) episodes.push_back(Debate(absl::StrCat("e", i), 4, i));
  const StreamOutcome outcome = RunStream(stub.get(), {}, episodes);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.error_message();
  EXPECT_EQ(outcome.results.size(), episodes.size());
  for (const auto& [id, result] : outcome.results) EXPECT_TRUE(result.has_signals()) << id;
  for (std::thread& flood : floods) flood.join();  // ends only where the server ended the stream
  for (auto& stream : deaf) {
    const grpc::StatusCode code = stream->Finish().error_code();
    EXPECT_TRUE(code == grpc::StatusCode::RESOURCE_EXHAUSTED || code == grpc::StatusCode::CANCELLED)
        << code;
  }
}

TEST(Overload, OneStreamTooManyIsRefused) {
  runtime::Config config = LocalConfig();
  config.streams.max_streams = 1;
  TestServer server(config);
  auto stub = server.Stub();
  TestStream first(stub.get());
  first.SendOptions({});
  ASSERT_TRUE(first.Next().has_ready());
  TestStream second(stub.get());
  EXPECT_EQ(second.Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(server.Metric("assay_admission_rejected_total{reason=\"streams\"}"), 1);
  first.HalfClose();
  EXPECT_TRUE(first.Finish().ok());
}

}  // namespace
}  // namespace assay::testing
