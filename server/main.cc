// assayd: wiring only.
#include <csignal>
#include <iostream>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/runtime/assay_server.h"
#include "server/runtime/config_file.h"
#include "server/service/version.h"
#include "server/telemetry/log.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:50051", "HOST:PORT of the gRPC service");
ABSL_FLAG(std::string, metrics, "127.0.0.1:9464", "HOST:PORT of /metrics; empty: none");
ABSL_FLAG(std::string, config, "", "JSON file (server/runtime/server_config.proto); empty: none");
ABSL_FLAG(bool, insecure, false, "serve plaintext beyond loopback");
ABSL_FLAG(int, workers, 0, "worker threads; 0: one a core");
ABSL_FLAG(absl::Duration, grace, absl::Seconds(30), "from SIGTERM to the end, at most");

namespace {

// The signals that end the server. Blocked in every thread, so that only sigwait takes them.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      absl::StrCat("Turns multi-agent LLM episodes into training signals, version ",
                   std::string(assay::service::Version()), "."));
  if (absl::ParseCommandLine(argc, argv).size() > 1) {
    std::cerr << "assayd takes flags only; see --help\n";
    return 2;
  }
  const sigset_t signals = BlockSignals();
  signal(SIGPIPE, SIG_IGN);

  assay::runtime::Config config;
  config.listen = absl::GetFlag(FLAGS_listen);
  config.metrics = absl::GetFlag(FLAGS_metrics);
  config.insecure = absl::GetFlag(FLAGS_insecure);
  config.workers = absl::GetFlag(FLAGS_workers);
  config.grace = absl::GetFlag(FLAGS_grace);

  if (const std::string file = absl::GetFlag(FLAGS_config); !file.empty()) {
    const absl::Status read = assay::runtime::ReadConfigFile(file, &config);
    if (!read.ok()) {
      std::cerr << "assayd: " << read.message() << "\n";
      return 1;
    }
  }

  const assay::telemetry::Log log;
  auto server = assay::runtime::AssayServer::Start(config, assay::service::Catalog(), &log);
  if (!server.ok()) {
    std::cerr << "assayd: " << server.status().message() << "\n";
    return 1;
  }
  using assay::telemetry::Level;
  log.Write(Level::kInfo, "serving",
            {{"port", int64_t{(*server)->port()}},
             {"metrics_port", int64_t{(*server)->metrics_port()}},
             {"version", assay::service::Version()},
             {"revision", assay::service::Revision()}});
  int received = 0;
  sigwait(&signals, &received);
  log.Write(Level::kInfo, "draining", {{"signal", int64_t{received}}});
  const bool clean = (*server)->Shutdown(config.grace);
  log.Write(clean ? Level::kInfo : Level::kWarning, "stopped", {{"clean", int64_t{clean}}});
  return 0;
}
