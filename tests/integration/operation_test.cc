// What operators rely on: streams that move when they are old, limits of each caller, the ops port,
// the service config that clients are given.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/validate_service_config.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <random>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/transport/signal_service.h"
#include "tests/integration/harness.h"
#include "tests/paths.h"

namespace assay::testing {
namespace {

TEST(Operation, OldStreamsGoAway) {
  runtime::Config config = LocalConfig();
  config.session.max_age = absl::Seconds(1);
  TestServer server(config);
  auto stub = server.Stub();
  constexpr int kStreams = 8;
  std::vector<std::future<absl::Duration>> ages;
  ages.reserve(kStreams);
  for (int i = 0; i < kStreams; ++i) {
    ages.push_back(std::async(std::launch::async, [&stub] {
      const absl::Time before = absl::Now();
      TestStream stream(stub.get());
      stream.SendOptions({});
      EXPECT_TRUE(stream.Next().has_ready());
      EXPECT_TRUE(stream.Next().has_go_away());
      const absl::Duration age = absl::Now() - before;
      stream.HalfClose();
      EXPECT_TRUE(stream.Finish().ok());
      return age;
    }));
  }
  for (auto& age : ages) EXPECT_GT(age.get(), absl::Milliseconds(899));
}

TEST(Operation, StreamsThatOpenedTogetherGoAwayApart) {
  std::minstd_rand random(1);
  std::set<absl::Duration> ages;
  for (int i = 0; i < 100; ++i) {
    const absl::Duration age = service::DrawnAge(absl::Seconds(1000), 0.1, &random);
    EXPECT_GE(age, absl::Seconds(900));
    EXPECT_LE(age, absl::Seconds(1100));
    ages.insert(age);
  }
  EXPECT_EQ(ages.size(), 100u);
  EXPECT_LT(*ages.begin(), absl::Seconds(920));
  EXPECT_GT(*ages.rbegin(), absl::Seconds(1080));
  EXPECT_EQ(service::DrawnAge(absl::InfiniteDuration(), 0.1, &random), absl::InfiniteDuration());
}

TEST(Operation, ACallerHasItsOwnLimits) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/assay_callers_", getpid());
  std::ofstream(path) << "greedy\nmodest\n";
  runtime::Config config = LocalConfig();
  config.token_file = path;
  config.streams.max_streams_per_caller = 2;
  TestServer server(config);
  auto stub = server.Stub();
  using Stream = grpc::ClientReaderWriter<v1::StreamSignalsRequest, v1::StreamSignalsResponse>;
  const auto open = [&stub](grpc::ClientContext* context, const char* token) {
    context->set_deadline(absl::ToChronoTime(absl::Now() + kHangs));
    context->AddMetadata("authorization", absl::StrCat("Bearer ", token));
    std::unique_ptr<Stream> stream = stub->StreamSignals(context);
    v1::StreamSignalsRequest request;
    request.mutable_options();
    stream->Write(request);
    return stream;
  };
  grpc::ClientContext contexts[4];
  v1::StreamSignalsResponse response;
  const auto first = open(&contexts[0], "greedy");
  const auto second = open(&contexts[1], "greedy");
  EXPECT_TRUE(first->Read(&response) && response.has_ready());
  EXPECT_TRUE(second->Read(&response) && response.has_ready());
  const auto third = open(&contexts[2], "greedy");
  EXPECT_FALSE(third->Read(&response));
  EXPECT_EQ(third->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  const auto details = contexts[2].GetServerTrailingMetadata().find("assay-error-bin");
  ASSERT_NE(details, contexts[2].GetServerTrailingMetadata().end());
  v1::Error error;
  ASSERT_TRUE(
      error.ParseFromArray(details->second.data(), static_cast<int>(details->second.size())));
  EXPECT_TRUE(error.has_retry_after());
  const auto other = open(&contexts[3], "modest");
  EXPECT_TRUE(other->Read(&response) && response.has_ready());
  for (const auto* stream : {&first, &second, &other}) {
    (*stream)->WritesDone();
    EXPECT_FALSE((*stream)->Read(&response));
    EXPECT_TRUE((*stream)->Finish().ok());
  }
  std::remove(path.c_str());
}

// The bytes that a method answers to `request`, or why there are none.
grpc::Status Ask(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                 const std::string& request, std::string* answer) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kHangs));
  const grpc::Slice slice(request);
  grpc::ByteBuffer sent(&slice, 1), received;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, method, grpc::StubOptions(), &sent, &received,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  grpc::Status status = done.get_future().get();
  std::vector<grpc::Slice> slices;
  if (status.ok() && received.Dump(&slices).ok()) {
    for (const grpc::Slice& part : slices) answer->append(part.begin(), part.end());
  }
  return status;
}

TEST(Operation, TheOpsPortSaysHowWeAreInPlaintextWithoutTokens) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/assay_ops_", getpid());
  std::ofstream(path) << "secret\n";
  runtime::Config config = LocalConfig();
  config.token_file = path;
  config.ops = "127.0.0.1:0";
  TestServer server(config);
  const auto ops = grpc::CreateChannel(absl::StrCat("127.0.0.1:", server.server().ops_port()),
                                       grpc::InsecureChannelCredentials());
  std::string answer;
  const std::string service = "assay.v1.SignalService";
  // HealthCheckRequest.service; HealthCheckResponse.status SERVING.
  EXPECT_TRUE(Ask(ops, "/grpc.health.v1.Health/Check",
                  absl::StrCat("\x0a", std::string(1, static_cast<char>(service.size())), service),
                  &answer)
                  .ok());
  EXPECT_EQ(answer, "\x08\x01");
  answer.clear();
  EXPECT_TRUE(Ask(ops, "/grpc.channelz.v1.Channelz/GetServers", "", &answer).ok());
  EXPECT_FALSE(answer.empty()) << "channelz knows of no server";
  // A stream of one question: list_services.
  answer.clear();
  EXPECT_TRUE(Ask(ops, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                  std::string("\x3a\x00", 2), &answer)
                  .ok());
  EXPECT_NE(answer.find("grpc.health.v1.Health"), std::string::npos);
  std::remove(path.c_str());
}

TEST(Operation, TheServiceConfigForClientsIsOne) {
  std::ostringstream text;
  text << std::ifstream(SourceFolder() / "deploy/service_config.json").rdbuf();
  EXPECT_EQ(grpc::experimental::ValidateServiceConfigJSON(text.str()), "");
  EXPECT_NE(grpc::experimental::ValidateServiceConfigJSON(
                R"({"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 1}}]})"),
            "");
  TestServer server(LocalConfig());
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(text.str());
  auto channel = grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", server.port()),
                                           grpc::InsecureChannelCredentials(), arguments);
  auto stub = v1::SignalService::NewStub(channel);
  grpc::ClientContext context;
  v1::GetServerInfoResponse info;
  EXPECT_TRUE(stub->GetServerInfo(&context, {}, &info).ok());
}

}  // namespace
}  // namespace assay::testing
