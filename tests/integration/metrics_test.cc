#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/integration/harness.h"

namespace assay::testing {
namespace {

constexpr const char* kFamilies[] = {
    "assay_episodes_total",
    "assay_episode_seconds",
    "assay_episode_queue_seconds",
    "assay_conservation_error",
    "assay_estimator_gap",
    "assay_questions_total",
    "assay_question_seconds",
    "assay_questions_outstanding",
    "assay_first_errors_total",
    "assay_failure_priors_total",
    "assay_outcome_mismatch_total",
    "assay_unreadable_answers_total",
    "assay_admission_rejected_total",
    "assay_workers",
    "assay_workers_busy",
    "assay_streams",
    "assay_connections",
    "assay_connections_refused_total",
    "assay_connections_cut_total",
    "assay_build_info",
    "grpc_server_started_total",
    "grpc_server_handled_total",
    "grpc_server_msg_received_total",
    "grpc_server_msg_sent_total",
    "grpc_server_handling_seconds",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_start_time_seconds",
};

TEST(Metrics, EveryFamilyExistsBeforeTheFirstEpisode) {
  TestServer server(LocalConfig(3));
  const std::string scrape = server.Scrape();
  for (const char* family : kFamilies) {
    EXPECT_NE(scrape.find(absl::StrCat("# TYPE ", family, " ")), std::string::npos) << family;
  }
  EXPECT_EQ(server.Metric("assay_workers"), 3);
  EXPECT_EQ(server.Metric("assay_conservation_error_count"), 0);
  EXPECT_EQ(server.Metric("assay_episodes_total{outcome=\"ok\"}"), 0);
}

TEST(Metrics, CountWhatHappened) {
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  std::vector<v1::Episode> episodes;
  episodes.reserve(41);
  for (int i = 0; i < 40; ++i) episodes.push_back(Debate(absl::StrCat("e", i), 4, i));
  episodes.push_back(Plain("bad", 7));
  RunStream(stub.get(), {}, episodes);
  EXPECT_EQ(server.Metric("assay_conservation_error_count"), 40);
  EXPECT_EQ(server.Metric("assay_conservation_error_bucket{le=\"1e-09\"}"), 40);
  EXPECT_EQ(server.Metric("assay_episodes_total{outcome=\"ok\"}"), 40);
  EXPECT_EQ(server.Metric("assay_episodes_total{outcome=\"invalid_argument\"}"), 1);
  EXPECT_EQ(server.Metric("assay_episode_seconds_count"), 41);
  EXPECT_EQ(server.Metric("assay_questions_outstanding"), 0);
  EXPECT_TRUE(BecomesTrue([&] { return server.Metric("assay_streams") == 0; }));

  const auto rpc = [&server](const char* family, const char* type, const char* method,
                             const char* code = "") {
    const std::string of_code = *code == 0 ? "" : absl::StrCat("grpc_code=\"", code, "\",");
    return server.Metric(absl::StrCat("grpc_server_", family, "_total{", of_code, "grpc_method=\"",
                                      method, "\",grpc_service=\"assay.v1.SignalService\",",
                                      "grpc_type=\"", type, "\"}"));
  };
  EXPECT_EQ(rpc("started", "bidi_stream", "StreamSignals"), 1);
  EXPECT_EQ(rpc("msg_received", "bidi_stream", "StreamSignals"), 1 + 41);
  EXPECT_EQ(rpc("msg_sent", "bidi_stream", "StreamSignals"), 1 + 41);
  EXPECT_EQ(rpc("handled", "bidi_stream", "StreamSignals", "OK"), 1);

  grpc::ClientContext good, bad;
  v1::GetServerInfoResponse info;
  EXPECT_TRUE(stub->GetServerInfo(&good, {}, &info).ok());
  v1::ComputeSignalsResponse nothing;
  EXPECT_FALSE(stub->ComputeSignals(&bad, {}, &nothing).ok());
  const auto handled = [&rpc] {
    return rpc("handled", "unary", "ComputeSignals", "InvalidArgument") +
           rpc("handled", "unary", "GetServerInfo", "OK");
  };
  EXPECT_TRUE(BecomesTrue([&] { return handled() == 2; }));
  EXPECT_EQ(rpc("started", "unary", "GetServerInfo"), 1);
  EXPECT_EQ(rpc("msg_received", "unary", "GetServerInfo"), 1);
  EXPECT_EQ(rpc("msg_sent", "unary", "GetServerInfo"), 1);
  EXPECT_EQ(rpc("msg_received", "unary", "ComputeSignals"), 1);
  EXPECT_EQ(rpc("msg_sent", "unary", "ComputeSignals"), 0) << "an error is no message";
}

TEST(Metrics, AStreamThatIsCancelledEndsSo) {
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  grpc::ClientContext context;
  {
    const auto stream = stub->StreamSignals(&context);
    v1::StreamSignalsRequest request;
    request.mutable_options();
    v1::StreamSignalsResponse response;
    ASSERT_TRUE(stream->Write(request));
    ASSERT_TRUE(stream->Read(&response));
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  const auto handled = [&server](const char* code) {
    return server.Metric(absl::StrCat(
        "grpc_server_handled_total{grpc_code=\"", code, "\",grpc_method=\"StreamSignals\",",
        "grpc_service=\"assay.v1.SignalService\",grpc_type=\"bidi_stream\"}"));
  };
  EXPECT_TRUE(BecomesTrue([&] { return server.Metric("assay_streams") == 0; }));
  EXPECT_EQ(handled("Canceled"), 1);
  EXPECT_EQ(handled("OK"), 0);
}

TEST(Metrics, PromtoolFindsNothingToComplainAbout) {
  if (std::system("command -v promtool > /dev/null 2>&1") != 0) GTEST_SKIP() << "no promtool";
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  RunStream(stub.get(), {}, {Debate("e", 3, 1), Plain("bad", 7)});
  const std::string path = ::testing::TempDir() + "/assay_scrape.txt";
  std::ofstream(path) << server.Scrape();
  EXPECT_EQ(std::system(absl::StrCat("promtool check metrics < ", path).c_str()), 0);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace assay::testing
