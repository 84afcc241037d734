// The client and the command over real gRPC, against an in-process service that answers every
// episode with its own id and does no mathematics.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "assay/client.h"
#include "assay/v1/signal_service.grpc.pb.h"
#include "client/command/signals_command.h"
#include "server/base/json.h"
#include "tests/hangs.h"

namespace assay {
namespace {

// Episodes whose id begins with "bad" get an error.
class EchoService : public v1::SignalService::Service {
 public:
  grpc::Status StreamSignals(grpc::ServerContext*,
                             grpc::ServerReaderWriter<v1::StreamSignalsResponse,
                                                      v1::StreamSignalsRequest>* stream) override {
    v1::StreamSignalsRequest request;
    if (!stream->Read(&request) || !request.has_options()) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "options first"};
    }
    if (request.options().seed() == 13) return {grpc::StatusCode::INVALID_ARGUMENT, "seed: 13"};
    v1::StreamSignalsResponse ready;
    ready.mutable_ready()->set_max_episodes_in_flight(4);
    ready.mutable_ready()->set_max_bytes_in_flight(1 << 20);
    stream->Write(ready);
    std::set<std::string> groups;
    while (stream->Read(&request)) {
      v1::StreamSignalsResponse response;
      v1::EpisodeResult& result = *response.mutable_result();
      result.set_episode_id(request.episode().id());
      if (absl::StartsWith(request.episode().id(), "bad")) {
        result.mutable_error()->set_code(3);
      } else {
        result.mutable_signals()->set_episode_id(request.episode().id());
      }
      if (request.episode().has_group()) groups.insert(request.episode().group().id());
      stream->Write(response);
    }
    for (const std::string& group : groups) {
      v1::StreamSignalsResponse response;
      response.mutable_group()->set_group_id(group);
      response.mutable_group()->mutable_signals()->set_group_id(group);
      stream->Write(response);
    }
    return grpc::Status::OK;
  }

  // Its revision is what the client says of its right to ask.
  grpc::Status GetServerInfo(grpc::ServerContext* context, const v1::GetServerInfoRequest*,
                             v1::GetServerInfoResponse* response) override {
    response->set_version("1.2.3");
    const auto right = context->client_metadata().find("authorization");
    if (right != context->client_metadata().end()) {
      response->set_revision(std::string(right->second.data(), right->second.size()));
    }
    return grpc::Status::OK;
  }

  grpc::Status ComputeSignals(grpc::ServerContext*, const v1::ComputeSignalsRequest* request,
                              v1::ComputeSignalsResponse* response) override {
    if (request->episodes().empty()) return {grpc::StatusCode::OUT_OF_RANGE, "episodes: none"};
    response->add_results()->set_episode_id(request->episodes(0).id());
    return grpc::Status::OK;
  }
};

class SignalClientTest : public ::testing::Test {
 protected:
  SignalClientTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    target_ = absl::StrCat("127.0.0.1:", port);
    client_ = client::SignalClient::Connect(target_);
  }

  // Runs `assay signals` on `input`; the lines that it prints.
  std::vector<std::string> Signals(const std::string& input, const command::SignalsFlags& flags,
                                   int* exit_code) {
    const std::unique_ptr<FILE, int (*)(FILE*)> in(std::tmpfile(), &std::fclose);
    const std::unique_ptr<FILE, int (*)(FILE*)> out(std::tmpfile(), &std::fclose);
    std::fwrite(input.data(), 1, input.size(), in.get());
    std::fflush(in.get());
    std::rewind(in.get());
    *exit_code = command::RunSignals(client_.get(), flags,
                                     {absl::StrCat("/dev/fd/", fileno(in.get()))}, out.get());
    std::string text(static_cast<size_t>(std::ftell(out.get())), '\0');
    std::rewind(out.get());
    EXPECT_EQ(std::fread(text.data(), 1, text.size(), out.get()), text.size());
    return absl::StrSplit(text, '\n', absl::SkipEmpty());
  }

  EchoService service_;
  std::unique_ptr<grpc::Server> server_;
  std::string target_;
  std::unique_ptr<client::SignalClient> client_;
};

TEST_F(SignalClientTest, StreamsOverTheWire) {
  const auto stream = client_->Stream({});
  for (int i = 0; i < 100; ++i) {
    v1::Episode episode;
    episode.set_id(absl::StrCat(i));
    episode.mutable_group()->set_id("g");
    ASSERT_TRUE(stream->Write(episode).ok());
  }
  stream->WritesDone();
  int episodes = 0;
  int groups = 0;
  while (const auto result = stream->Read()) {
    ++(std::holds_alternative<v1::EpisodeResult>(*result) ? episodes : groups);
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(episodes, 100);
  EXPECT_EQ(groups, 1);
}

TEST_F(SignalClientTest, TheServersStatusComesThrough) {
  client::StreamConfig config;
  config.options.set_seed(13);
  EXPECT_EQ(client_->Stream(config)->Finish(), absl::InvalidArgumentError("seed: 13"));
  EXPECT_EQ(client_->ComputeSignals({}, kHangs).status(), absl::OutOfRangeError("episodes: none"));
}

TEST_F(SignalClientTest, UnaryCalls) {
  v1::ComputeSignalsRequest request;
  request.add_episodes()->set_id("a");
  EXPECT_EQ(client_->ComputeSignals(request, kHangs)->results(0).episode_id(), "a");
  EXPECT_EQ(client_->GetServerInfo(kHangs)->version(), "1.2.3");
  EXPECT_TRUE(absl::IsUnimplemented(client_->ComputeAdvantages({}, kHangs).status()));
}

TEST_F(SignalClientTest, ATokenIsSentWhereThereIsOne) {
  EXPECT_EQ(client_->GetServerInfo(kHangs)->revision(), "");
  client::ConnectOptions options;
  options.target = target_;
  options.token = "secret";
  const auto client = client::SignalClient::Connect(options);
  EXPECT_EQ(client->GetServerInfo(kHangs)->revision(), "Bearer secret");
}

TEST_F(SignalClientTest, AServerThatIsNotThereIsUnavailable) {
  const auto nobody = client::SignalClient::Connect("127.0.0.1:1");
  EXPECT_FALSE(nobody->GetServerInfo(absl::Milliseconds(200)).ok());
  client::StreamConfig config;
  config.reconnect_timeout = absl::Milliseconds(200);
  EXPECT_TRUE(absl::IsUnavailable(nobody->Stream(config)->Finish()));
}

TEST_F(SignalClientTest, TheCommandAnswersEachLineOnce) {
  std::string input;
  for (int i = 0; i < 300; ++i) absl::StrAppend(&input, "{\"id\": \"e", i, "\"}\n");
  command::SignalsFlags flags;
  flags.streams = 3;
  int exit_code = -1;
  const auto lines = Signals(input, flags, &exit_code);
  EXPECT_EQ(exit_code, 0);
  std::set<std::string> ids;
  for (const std::string& line : lines) {
    v1::EpisodeResult result;
    ASSERT_TRUE(FromJson(line, &result).ok()) << line;
    EXPECT_TRUE(result.has_signals());
    ids.insert(result.episode_id());
  }
  EXPECT_EQ(lines.size(), 300);
  EXPECT_EQ(ids.size(), 300);
}

TEST_F(SignalClientTest, TheCommandKeepsAGroupOnOneStream) {
  std::string input;
  for (int i = 0; i < 60; ++i) {
    absl::StrAppend(&input, "{\"id\": \"e", i, "\", \"group\": {\"id\": \"g", i % 5, "\"}}\n");
  }
  command::SignalsFlags flags;
  flags.streams = 4;
  int exit_code = -1;
  // One GroupResult a group: a group spread over streams would be answered by each of them.
  EXPECT_EQ(Signals(input, flags, &exit_code).size(), 65);
  EXPECT_EQ(exit_code, 0);
}

TEST_F(SignalClientTest, TheCommandFailsWhereAnEpisodeHasNoSignals) {
  int exit_code = -1;
  EXPECT_EQ(Signals("{\"id\": \"a\"}\n{\"id\": \"bad\"}\n", {}, &exit_code).size(), 2);
  EXPECT_EQ(exit_code, 1);
  const auto lines = Signals("{\"id\": \"a\"}\n{\"idd\": 1}\n{\"id\": \"b\"}\n", {}, &exit_code);
  EXPECT_EQ(exit_code, 2);
  EXPECT_EQ(lines.size(), 3);
  EXPECT_THAT(
      lines, ::testing::Contains(::testing::HasSubstr(":2: idd: no such field. Did you mean id?")));
}

TEST_F(SignalClientTest, TheCommandEndsWithItsStreamThoughItsInputIsOpen) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  command::SignalsFlags flags;
  flags.options.set_seed(13);
  EXPECT_EQ(command::RunSignals(client_.get(), flags, {absl::StrCat("/dev/fd/", ends[0])}, stdout),
            1);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(SignalClientTest, TheCommandFailsWhereTheStreamFails) {
  command::SignalsFlags flags;
  flags.options.set_seed(13);
  int exit_code = -1;
  EXPECT_THAT(Signals("{\"id\": \"a\"}\n", flags, &exit_code),
              ::testing::ElementsAre(::testing::HasSubstr("\"episodeId\":\"a\",\"error\"")));
  EXPECT_EQ(exit_code, 1);
  EXPECT_TRUE(Signals("", flags, &exit_code).empty());
  EXPECT_EQ(exit_code, 1);
}

}  // namespace
}  // namespace assay
