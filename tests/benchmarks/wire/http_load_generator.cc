// Load for the gateway beside the same over gRPC, closed loop, an episode a request or a line:
//   --mode=grpc    ComputeSignals, one call at a time on each of --connections
//   --mode=json    POST /v1/signals as JSON, likewise
//   --mode=ndjson  one streaming request on each connection, as fast as the server reads
// Prints one JSON line: answered, seconds, per_second.
#include <arpa/inet.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "assay/v1/signal_service.grpc.pb.h"
#include "tests/benchmarks/wire/episodes.h"

ABSL_FLAG(std::string, server, "", "HOST:PORT of gRPC or of HTTP");
ABSL_FLAG(std::string, mode, "json", "grpc, json or ndjson");
ABSL_FLAG(int, connections, 8, "");
ABSL_FLAG(double, seconds, 3, "how long to send");
ABSL_FLAG(int, bytes, 4096, "of an episode");

namespace assay::benchmarks {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kEpisodes = 256;

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

v1::Episode Episode(int index) {
  EpisodeShape shape;
  shape.bytes = absl::GetFlag(FLAGS_bytes);
  return MakeEpisode(shape, index);
}

v1::ComputeSignalsRequest Request(int index) {
  v1::ComputeSignalsRequest request;
  request.mutable_options()->mutable_vote();
  *request.add_episodes() = Episode(index);
  return request;
}

std::string Json(const google::protobuf::Message& message) {
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json).ok()) Die("no JSON");
  return json;
}

class Connection {
 public:
  Connection() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    const std::string server = absl::GetFlag(FLAGS_server);
    const size_t colon = server.rfind(':');
    int port = 0;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    if (colon == std::string::npos || !absl::SimpleAtoi(server.substr(colon + 1), &port) ||
        inet_pton(AF_INET, server.substr(0, colon).c_str(), &address.sin_addr) != 1) {
      Die("no HOST:PORT: " + server);
    }
    address.sin_port = htons(static_cast<uint16_t>(port));
    const int yes = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      Die("cannot connect to " + server);
    }
  }
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // False: the peer is gone.
  bool Send(absl::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  // Appends what is there; false at the end.
  bool Receive(std::string& held) const {
    char bytes[64 << 10];
    const ssize_t got = recv(socket_, bytes, sizeof(bytes), 0);
    if (got <= 0) return false;
    held.append(bytes, static_cast<size_t>(got));
    return true;
  }
  void Stop() const { shutdown(socket_, SHUT_RDWR); }

 private:
  const int socket_;
};

std::string Head(absl::string_view type, absl::string_view length) {
  return absl::StrCat("POST /v1/signals HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ", type,
                      "\r\n", length, "\r\n\r\n");
}

// Takes one reply with a Content-Length off `held`, receiving what is missing.
void TakeReply(const Connection& connection, std::string& held) {
  constexpr char kLength[] = "Content-Length: ";
  size_t end = 0;
  while ((end = held.find("\r\n\r\n")) == std::string::npos) {
    if (!connection.Receive(held)) Die("the server closed the connection");
  }
  if (held.compare(0, 12, "HTTP/1.1 200") != 0) Die(held.substr(0, 400));
  const size_t at = held.find(kLength) + sizeof(kLength) - 1;
  const size_t total = end + 4 + std::strtoull(held.c_str() + at, nullptr, 10);
  while (held.size() < total) {
    if (!connection.Receive(held)) Die("the server closed the connection");
  }
  held.erase(0, total);
}

// HTTP requests, an episode each.
std::vector<std::string> JsonRequests() {
  std::vector<std::string> requests;
  for (int i = 0; i < kEpisodes; ++i) {
    const std::string body = Json(Request(i));
    requests.push_back(absl::StrCat(
        Head("application/json", absl::StrCat("Content-Length: ", body.size())), body));
  }
  return requests;
}

int64_t PostJson(const std::vector<std::string>& requests, Clock::time_point until) {
  const Connection connection;
  std::string held;
  int64_t answered = 0;
  for (; Clock::now() < until; ++answered) {
    if (!connection.Send(requests[answered % kEpisodes])) Die("the server closed the connection");
    TakeReply(connection, held);
  }
  return answered;
}

std::string Chunk(const std::string& bytes) {
  return absl::StrCat(absl::Hex(bytes.size()), "\r\n", bytes, "\r\n");
}

// Chunks of lines, an episode each.
std::vector<std::string> LineChunks() {
  constexpr int kIds = 4096;  // more than the server has credits for
  constexpr int kLinesAChunk = 8;
  std::vector<std::string> chunks;
  for (int i = 0; i < kIds; i += kLinesAChunk) {
    std::string lines;
    for (int k = 0; k < kLinesAChunk; ++k) absl::StrAppend(&lines, Json(Episode(i + k)), "\n");
    chunks.push_back(Chunk(lines));
  }
  return chunks;
}

int64_t StreamLines(const std::vector<std::string>& chunks, Clock::time_point until) {
  v1::AttributionOptions options;
  options.mutable_vote();
  const Connection connection;
  if (!connection.Send(absl::StrCat(Head("application/x-ndjson", "Transfer-Encoding: chunked"),
                                    Chunk(absl::StrCat("{\"options\":", Json(options), "}\n"))))) {
    Die("the server closed the connection");
  }
  std::thread writer([&] {
    for (size_t k = 0; connection.Send(chunks[k % chunks.size()]); ++k) {
    }
  });
  // A line a result; those of chunks and of the head end "\r\n".
  int64_t answered = 0;
  char before = '\r';
  for (std::string held; Clock::now() < until && connection.Receive(held); held.clear()) {
    if (absl::StrContains(held, "{\"error\"")) Die(held.substr(0, 400));
    for (const char c : held) {
      answered += c == '\n' && before != '\r' ? 1 : 0;
      before = c;
    }
  }
  connection.Stop();
  writer.join();
  return answered;
}

int64_t CallGrpc(Clock::time_point until, int connection) {
  grpc::ChannelArguments arguments;
  arguments.SetInt("assay.benchmark.connection", connection);  // one of its own
  const auto stub = v1::SignalService::NewStub(grpc::CreateCustomChannel(
      absl::GetFlag(FLAGS_server), grpc::InsecureChannelCredentials(), arguments));
  std::vector<v1::ComputeSignalsRequest> requests;
  for (int i = 0; i < kEpisodes; ++i) requests.push_back(Request(i));
  int64_t answered = 0;
  for (; Clock::now() < until; ++answered) {
    grpc::ClientContext context;
    v1::ComputeSignalsResponse response;
    const grpc::Status status =
        stub->ComputeSignals(&context, requests[answered % kEpisodes], &response);
    if (!status.ok()) Die(status.error_message());
  }
  return answered;
}

int Run() {
  const std::string mode = absl::GetFlag(FLAGS_mode);
  if (mode != "grpc" && mode != "json" && mode != "ndjson") Die("no such mode: " + mode);
  std::vector<std::string> requests;
  if (mode != "grpc") requests = mode == "json" ? JsonRequests() : LineChunks();
  const Clock::time_point start = Clock::now();
  const Clock::time_point until =
      start + std::chrono::duration_cast<Clock::duration>(
                  std::chrono::duration<double>(absl::GetFlag(FLAGS_seconds)));
  std::atomic<int64_t> answered = 0;
  std::vector<std::thread> threads;
  for (int c = 0; c < absl::GetFlag(FLAGS_connections); ++c) {
    threads.emplace_back([&, c] {
      answered += mode == "grpc"   ? CallGrpc(until, c)
                  : mode == "json" ? PostJson(requests, until)
                                   : StreamLines(requests, until);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::printf("{\"answered\": %lld, \"seconds\": %.6f, \"per_second\": %.3f}\n",
              static_cast<long long>(answered.load()), seconds,
              static_cast<double>(answered.load()) / seconds);
  return answered > 0 ? 0 : 1;
}

}  // namespace
}  // namespace assay::benchmarks

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return assay::benchmarks::Run();
}
