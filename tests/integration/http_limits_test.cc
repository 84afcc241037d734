// What the HTTP gateway bears: limits, many connections, heads that are meant badly, tokens.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "assay/v1/signal_service.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "server/runtime/assay_server.h"
#include "tests/integration/http_fixture.h"

namespace assay::testing {
namespace {

TEST_F(Http, ABodyThatIsTooLargeIsRefusedByItsLength) {
  Start();
  Connection connection(port_);
  connection.Send("POST /v1/signals HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
  EXPECT_EQ(connection.Receive().status, 413);
}

// As one piece and in chunks.
TEST_F(Http, ABodyMayBeAsLongAsTheLimit) {
  runtime::Config config;
  config.session.limits.max_transport_bytes = 4 << 20;
  config.session.limits.max_episode_bytes = 1 << 20;
  Start(config);
  const std::string call = absl::StrCat("{\"episodes\": [", kEpisode, "]}");
  for (const size_t more : {0, 1}) {
    const std::string body = call + std::string((4 << 20) + more - call.size(), ' ');
    const Reply whole = Post("/v1/signals", body);
    Connection connection(port_);
    connection.Send(absl::StrCat(
        "POST /v1/signals HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: ", "chunked\r\n\r\n",
        absl::Hex(body.size()), "\r\n", body, "\r\n0\r\n\r\n"));
    for (const Reply& reply : {whole, connection.Receive()}) {
      EXPECT_EQ(reply.status, more == 0 ? 200 : 413);
      EXPECT_EQ(absl::StrContains(reply.head, "Connection: close"), more == 1) << reply.head;
      EXPECT_EQ(absl::StrContains(reply.body, "4194305 is above the limit of 4194304"), more == 1);
    }
  }
}

TEST_F(Http, SaysHowLongToStayAway) {
  runtime::Config config;
  config.max_per_caller = {1, int64_t{1} << 30};
  config.session.retry_after = absl::Milliseconds(2100);
  Start(config);
  const std::string one = absl::StrCat("{\"episodes\": [", kEpisode, "]}");
  EXPECT_FALSE(absl::StrContains(Post("/v1/signals", one).head, "Retry-After"));
  const std::string two = absl::StrCat("{\"episodes\": [", kEpisode, ",", kEpisode, "]}");
  const Reply refused = Post("/v1/signals", two);
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(absl::StrContains(refused.head + "\r\n", "Retry-After: 3\r\n")) << refused.head;
}

TEST_F(Http, KeepAliveAndManyAtATime) {
  Start();
  const std::string body = absl::StrCat("{\"episodes\": [", kEpisode, "]}");
  std::vector<std::thread> clients;
  clients.reserve(64);
  std::atomic<int> good = 0;
  for (int c = 0; c < 64; ++c) {
    clients.emplace_back([&] {
      Connection connection(port_);
      for (int i = 0; i < 5; ++i) good += connection.Post("/v1/signals", body).status == 200;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 64 * 5);
}

// What a page in a browser, or a proxy that reads a request otherwise than we do, could smuggle in.
TEST_F(Http, HeadsThatCannotBeMeantWellAreRefusedBeforeTheBody) {
  Start();
  const auto status = [&](const std::string& headers) {
    Connection connection(port_);
    connection.Send(absl::StrCat("POST /v1/signals HTTP/1.1\r\n", headers, "\r\n"));
    const Reply reply = connection.Receive();
    EXPECT_TRUE(absl::StrContains(reply.head, "Connection: close")) << reply.head;
    return reply.status;
  };
  EXPECT_EQ(status("Host: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n"), 400);
  EXPECT_EQ(status("Host: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(status("Host: localhost\r\nOrigin: https://a.example\r\nContent-Length: 2\r\n"), 403);
  EXPECT_EQ(status("Host: a.example:80\r\nContent-Length: 2\r\n"), 403);
  Connection preflight(port_);
  preflight.Send(
      "OPTIONS /v1/signals HTTP/1.1\r\nHost: localhost\r\nOrigin: https://a.example\r\n"
      "Access-Control-Request-Method: POST\r\n\r\n");
  const Reply reply = preflight.Receive();
  EXPECT_EQ(reply.status, 405);
  EXPECT_FALSE(absl::StrContains(reply.head, "Access-Control")) << reply.head;
  EXPECT_EQ(Post("/v1/signals", absl::StrCat("{\"episodes\": [", kEpisode, "]}")).status, 200);
}

// As many as there are threads would stop the gateway if they had one each.
TEST_F(Http, WhoSendsNothingStopsNobody) {
  Start();
  std::vector<std::unique_ptr<Connection>> silent;
  silent.reserve(200);
  for (int i = 0; i < 200; ++i) silent.push_back(std::make_unique<Connection>(port_));
  for (int i = 0; i < 100; ++i) silent[i]->Send("POST /v1/signals HTTP/1.1\r\nHost: loc");
  EXPECT_EQ(Post("/v1/signals", absl::StrCat("{\"episodes\": [", kEpisode, "]}")).status, 200);
}

TEST_F(Http, TheTokenIsLookedAtBeforeTheBodyIsRead) {
  const std::string path = ::testing::TempDir() + "/assay_http_first";
  std::ofstream(path) << "secret\n";
  runtime::Config config;
  config.token_file = path;
  Start(config);
  Connection connection(port_);
  connection.Send(
      "POST /v1/signals HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n");
  EXPECT_EQ(connection.Receive().status, 401) << "not a byte of the body was sent";
}

TEST_F(Http, TokensHoldHereToo) {
  const std::string path = ::testing::TempDir() + "/assay_http_tokens";
  std::ofstream(path) << "secret\n";
  runtime::Config config;
  config.token_file = path;
  Start(config);
  const std::string body = absl::StrCat("{\"episodes\": [", kEpisode, "]}");
  EXPECT_EQ(Post("/v1/signals", body).status, 401);
  EXPECT_EQ(Post("/v1/signals", body, "Authorization: Bearer wrong\r\n").status, 401);
  EXPECT_EQ(Post("/v1/signals", body, "Authorization: Bearer secret\r\n").status, 200);
  std::remove(path.c_str());

  EXPECT_TRUE(server_->Shutdown(kHangs)) << "no call is left";
  server_.reset();
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_FALSE(Connects(fd, port_)) << "the port is given back";
  close(fd);
}

}  // namespace
}  // namespace assay::testing
