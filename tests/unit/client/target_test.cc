#include "client/cpp/target.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "tests/paths.h"

namespace assay::client {
namespace {

void ForgetProxies() {
  for (const char* name :
       {"http_proxy", "https_proxy", "grpc_proxy", "no_proxy", "no_grpc_proxy"}) {
    unsetenv(name);
  }
}

// tests/data/targets.jsonl, with which the Python client must agree as well.
TEST(Target, TableOfTargets) {
  std::ifstream file(testing::SourceFolder() / "tests/data/targets.jsonl");
  std::string line;
  int rows = 0;
  while (std::getline(file, line)) {
    google::protobuf::Struct row;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(line, &row).ok()) << line;
    ForgetProxies();
    const auto& environment = row.fields().find("environment");
    if (environment != row.fields().end()) {
      for (const auto& [name, value] : environment->second.struct_value().fields()) {
        setenv(name.c_str(), value.string_value().c_str(), 1);
      }
    }
    const auto proxy = row.fields().find("proxy");
    const std::string& target = row.fields().at("target").string_value();
    EXPECT_EQ(IsLocal(target), row.fields().at("local").bool_value()) << line;
    EXPECT_EQ(ProxyOf(target), proxy == row.fields().end() ? "" : proxy->second.string_value())
        << line;
    ++rows;
  }
  ForgetProxies();
  EXPECT_GE(rows, 50);
}

TEST(Target, ErrorsOfTheWayNameIt) {
  const absl::Status refused = absl::UnavailableError("Connection refused");
  EXPECT_EQ(Explained(refused, "127.0.0.1:1").message(),
            "the server at 127.0.0.1:1 cannot be reached: Connection refused");
  EXPECT_EQ(Explained(refused, ""), refused);
  for (const char* said : {"Endpoint read failed", "Connection reset by peer", "Broken pipe"}) {
    EXPECT_EQ(Explained(absl::UnavailableError(said), "host:1").message(),
              absl::StrCat("the server at host:1 cannot be reached: it closed the connection "
                           "before it answered, as one does that refuses our certificate or "
                           "misses it: ",
                           said));
  }
  const absl::Status wrong = absl::InvalidArgumentError("seed");
  EXPECT_EQ(Explained(wrong, "127.0.0.1:1"), wrong);
  EXPECT_TRUE(Explained(absl::OkStatus(), "127.0.0.1:1").ok());
  ForgetProxies();
  setenv("http_proxy", "http://user:secret@proxy:3128", 1);
  EXPECT_EQ(Explained(refused, "assay.example:1").message(),
            "the server at assay.example:1 cannot be reached through the proxy of "
            "http_proxy=proxy:3128: Connection refused");
  ForgetProxies();
}

}  // namespace
}  // namespace assay::client
