#include "tests/integration/harness.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace assay::testing {
namespace {

std::string HttpGet(int port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string body;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request =
        absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    (void)!write(fd, request.data(), request.size());
    char buffer[4096];
    for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) body.append(buffer, n);
  }
  close(fd);
  const size_t header_end = body.find("\r\n\r\n");
  return header_end == std::string::npos ? "" : body.substr(header_end + 4);
}

}  // namespace

bool BecomesTrue(const std::function<bool()>& condition) {
  const absl::Time give_up = absl::Now() + kHangs;
  while (!condition()) {
    if (absl::Now() > give_up) return false;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return true;
}

runtime::Config LocalConfig(int workers) {
  runtime::Config config;
  config.listen = "127.0.0.1:0";
  config.metrics = "127.0.0.1:0";
  config.workers = workers;
  return config;
}

TestServer::TestServer(const runtime::Config& config, const service::Catalog& catalog) {
  auto server = runtime::AssayServer::Start(config, catalog, &log_);
  if (!server.ok()) {
    ADD_FAILURE() << server.status();
    std::abort();
  }
  server_ = *std::move(server);
}

TestServer::~TestServer() = default;

std::shared_ptr<grpc::Channel> TestServer::Channel() const {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                   grpc::InsecureChannelCredentials(), arguments);
}

std::unique_ptr<v1::SignalService::Stub> TestServer::Stub() const {
  return v1::SignalService::NewStub(Channel());
}

std::string TestServer::Scrape() const { return HttpGet(server_->metrics_port(), "/metrics"); }

double TestServer::Metric(const std::string& sample) const {
  std::istringstream lines(Scrape());
  for (std::string line; std::getline(lines, line);) {
    double value = 0;
    if (absl::StartsWith(line, sample + " ") &&
        absl::SimpleAtod(line.substr(sample.size() + 1), &value)) {
      return value;
    }
  }
  return std::numeric_limits<double>::quiet_NaN();
}

TestStream::TestStream(v1::SignalService::Stub* stub) {
  context_.set_deadline(absl::ToChronoTime(absl::Now() + kHangs));
  stream_ = stub->StreamSignals(&context_);
}

bool TestStream::SendOptions(const v1::AttributionOptions& options) {
  v1::StreamSignalsRequest request;
  *request.mutable_options() = options;
  return Send(request);
}

bool TestStream::SendEpisode(const v1::Episode& episode) {
  v1::StreamSignalsRequest request;
  *request.mutable_episode() = episode;
  return Send(request);
}

v1::StreamSignalsResponse TestStream::Next() {
  v1::StreamSignalsResponse response;
  if (!stream_->Read(&response)) {
    const grpc::Status status = stream_->Finish();
    ADD_FAILURE() << "the stream ended: " << status.error_code() << " " << status.error_message();
  }
  return response;
}

v1::EpisodeResult TestStream::NextResult() {
  const v1::StreamSignalsResponse response = Next();
  EXPECT_TRUE(response.has_result()) << response.ShortDebugString();
  return response.result();
}

grpc::Status TestStream::Finish(std::vector<v1::StreamSignalsResponse>* rest) {
  for (v1::StreamSignalsResponse response; stream_->Read(&response);) {
    if (rest != nullptr) rest->push_back(response);
  }
  return stream_->Finish();
}

StreamOutcome RunStream(v1::SignalService::Stub* stub, const v1::AttributionOptions& options,
                        const std::vector<v1::Episode>& episodes) {
  StreamOutcome outcome;
  TestStream stream(stub);
  stream.SendOptions(options);
  outcome.ready = stream.Next().ready();
  int64_t bytes = 0;
  std::map<std::string, int64_t> in_flight;
  const auto take = [&](const v1::StreamSignalsResponse& response) {
    if (response.has_group()) {
      EXPECT_TRUE(outcome.groups.emplace(response.group().group_id(), response.group()).second);
    } else if (response.has_result()) {
      const std::string& id = response.result().episode_id();
      bytes -= in_flight[id];
      in_flight.erase(id);
      EXPECT_TRUE(outcome.results.emplace(id, response.result()).second) << "doubled: " << id;
    }
  };
  for (const v1::Episode& episode : episodes) {
    const auto size = static_cast<int64_t>(episode.ByteSizeLong());
    while (!in_flight.empty() &&
           (static_cast<int>(in_flight.size()) >= outcome.ready.max_episodes_in_flight() ||
            bytes + size > outcome.ready.max_bytes_in_flight())) {
      take(stream.Next());
    }
    in_flight[episode.id()] = size;
    bytes += size;
    stream.SendEpisode(episode);
  }
  stream.HalfClose();
  std::vector<v1::StreamSignalsResponse> rest;
  outcome.status = stream.Finish(&rest);
  for (const auto& response : rest) take(response);
  return outcome;
}

v1::Episode Debate(const std::string& id, int agents, unsigned seed) {
  v1::Episode episode;
  episode.set_id(id);
  episode.mutable_task()->set_prompt("Which letter?");
  episode.mutable_task()->set_reference_answer("A");
  for (int i = 0; i < agents; ++i) episode.add_agents()->set_id(absl::StrCat("agent-", i));
  unsigned state = seed * 2654435761u + 12345u;
  for (int round = 1; round <= 2; ++round) {
    for (int i = 0; i < agents; ++i) {
      state = state * 1664525u + 1013904223u;
      v1::Message* message = episode.add_messages();
      message->set_agent_id(absl::StrCat("agent-", i));
      message->set_round(round);
      const std::string answer(1, static_cast<char>('A' + (state >> 24) % 3));
      message->set_answer(answer);
      message->set_content(absl::StrCat("In round ", round, " I, agent ", i, ", think it is ",
                                        answer, " because of ", state % 1000, "."));
    }
  }
  return episode;
}

v1::Episode Plain(const std::string& id, double score, int messages) {
  v1::Episode episode;
  episode.set_id(id);
  episode.add_agents()->set_id("planner");
  episode.add_agents()->set_id("coder");
  for (int t = 0; t < messages; ++t) {
    v1::Message* message = episode.add_messages();
    message->set_agent_id(t % 2 == 0 ? "planner" : "coder");
    message->set_content(
        absl::StrCat("Step ", t, ": we now do thing number ", int64_t{t} * t, "."));
  }
  episode.mutable_outcome()->set_score(score);
  return episode;
}

}  // namespace assay::testing
