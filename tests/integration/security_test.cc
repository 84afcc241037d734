// TLS, mutual TLS with a list of names, tokens; certificates that change under load.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/harness.h"

namespace assay::testing {
namespace {

// A folder with a certificate authority made for this test.
class Authority {
 public:
  Authority()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                absl::StrCat("assay_ca_", getpid(), "_", ++count_)) {
    std::filesystem::create_directories(folder_);
    Run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
        "/CN=test-ca -keyout ca.key -out ca.pem");
  }
  ~Authority() { std::filesystem::remove_all(folder_); }

  // NAME.key and NAME.pem with the given subject alternative name.
  void Issue(const std::string& name, const std::string& san) {
    std::ofstream(folder_ / (name + ".ext")) << "subjectAltName=" << san << "\n";
    Run(absl::StrCat("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=",
                     name, " -keyout ", name, ".key -out ", name, ".csr"));
    Run(absl::StrCat("openssl x509 -req -in ", name, ".csr -CA ca.pem -CAkey ca.key ",
                     "-CAcreateserial -days 1 -extfile ", name, ".ext -out ", name, ".pem"));
  }
  std::string Path(const std::string& file) const { return (folder_ / file).string(); }
  std::string Read(const std::string& file) const {
    std::ostringstream text;
    text << std::ifstream(folder_ / file).rdbuf();
    return text.str();
  }

 private:
  void Run(const std::string& command) {
    const std::string quiet =
        absl::StrCat("cd ", folder_.string(), " && ", command, " 2>/dev/null");
    ASSERT_EQ(std::system(quiet.c_str()), 0) << command;
  }
  static inline int count_ = 0;
  const std::filesystem::path folder_;
};

grpc::StatusCode Call(const TestServer& server,
                      const std::shared_ptr<grpc::ChannelCredentials>& creds,
                      const std::string& token = "") {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto stub = v1::SignalService::NewStub(
      grpc::CreateCustomChannel(absl::StrCat("localhost:", server.port()), creds, arguments));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kHangs));
  if (!token.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", token));
  v1::GetServerInfoResponse response;
  return stub->GetServerInfo(&context, {}, &response).error_code();
}

TEST(Security, MutualTlsWithNames) {
  Authority authority, stranger;
  authority.Issue("server", "DNS:localhost");
  authority.Issue("trainer", "DNS:trainer.house");
  authority.Issue("guest", "DNS:guest.house");
  stranger.Issue("trainer", "DNS:trainer.house");
  runtime::Config config = LocalConfig();
  config.tls = {authority.Path("server.pem"),
                authority.Path("server.key"),
                authority.Path("ca.pem"),
                {"trainer.house"}};
  TestServer server(config);
  const auto with = [&](const Authority& from, const std::string& name) {
    return grpc::SslCredentials(
        {authority.Read("ca.pem"), from.Read(name + ".key"), from.Read(name + ".pem")});
  };
  EXPECT_EQ(Call(server, with(authority, "trainer")), grpc::StatusCode::OK);
  EXPECT_EQ(Call(server, with(authority, "guest")), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Call(server, with(stranger, "trainer")), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Call(server, grpc::SslCredentials({authority.Read("ca.pem"), "", ""})),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Call(server, grpc::InsecureChannelCredentials()), grpc::StatusCode::UNAVAILABLE);
}

TEST(Security, TokensOnEveryMethod) {
  const std::string path = ::testing::TempDir() + "/assay_grpc_tokens";
  std::ofstream(path) << "secret\n";
  runtime::Config config = LocalConfig();
  config.token_file = path;
  TestServer server(config);
  const auto plain = grpc::InsecureChannelCredentials();
  EXPECT_EQ(Call(server, plain), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Call(server, plain, "wrong"), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Call(server, plain, "secret"), grpc::StatusCode::OK);
  auto stub = server.Stub();
  TestStream stream(stub.get());
  EXPECT_EQ(stream.Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(server.Metric("assay_admission_rejected_total{reason=\"streams\"}"), 0)
      << "there was room for it";
  grpc::ClientContext signals_context, advantages_context;
  v1::ComputeSignalsResponse signals;
  EXPECT_EQ(stub->ComputeSignals(&signals_context, {}, &signals).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  v1::ComputeAdvantagesResponse advantages;
  EXPECT_EQ(stub->ComputeAdvantages(&advantages_context, {}, &advantages).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  std::remove(path.c_str());
}

// Connects to `port` of this machine and sends `bytes`; whether the server closes it then.
bool IsCutOff(int port, const std::string& bytes) {
  const int wire = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(wire, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const timeval patience = absl::ToTimeval(kHangs);
  setsockopt(wire, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  EXPECT_EQ(send(wire, bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
  char answer[4096];
  ssize_t got = 0;
  do {
    got = recv(wire, answer, sizeof(answer), 0);
  } while (got > 0);
  const bool timed_out = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  close(wire);
  return !timed_out;
}

TEST(Security, WhoIsCutOffIsCountedByCause) {
  TestServer server(LocalConfig());
  const auto cut = [&server](const char* cause) {
    return server.Metric(absl::StrCat("assay_connections_cut_total{cause=\"", cause, "\"}"));
  };
  const double before = cut("settings");
  grpc::ClientContext context;
  v1::GetServerInfoResponse info;
  ASSERT_TRUE(server.Stub()->GetServerInfo(&context, {}, &info).ok());
  const v1::ConnectionLimits& limits = info.limits().connections();
  std::string flood = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (int i = 0; i < limits.settings().burst() + 10; ++i) {
    flood.append("\0\0\0\4\0\0\0\0\0", 9);
  }
  EXPECT_TRUE(IsCutOff(server.port(), flood));
  EXPECT_EQ(cut("settings"), before + 1);
  EXPECT_GE(server.Metric("assay_connections_refused_total{cause=\"peer_arrivals\"}"), 0);
  EXPECT_TRUE(BecomesTrue([&] { return server.Metric("assay_connections") == 1; })) << "ours";
}

TEST(Security, NoMoreConnectionsAreHeldThanTheOperatorAllows) {
  runtime::Config config = LocalConfig();
  config.session.limits.connections.max_connections = 1;
  TestServer server(config);
  const auto refused = [&server] {
    return server.Metric("assay_connections_refused_total{cause=\"connections\"}");
  };
  const auto stub = server.Stub();
  grpc::ClientContext context;
  context.set_wait_for_ready(true);  // those of the servers before may still be closing
  v1::GetServerInfoResponse info;
  ASSERT_TRUE(stub->GetServerInfo(&context, {}, &info).ok());
  EXPECT_EQ(info.limits().connections().max_connections(), 1);
  const double before = refused();
  EXPECT_TRUE(IsCutOff(server.port(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  EXPECT_EQ(refused(), before + 1);
}

}  // namespace
}  // namespace assay::testing
