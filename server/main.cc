// assayd: wiring only.
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/reflection.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/version.h"
#include "server/runtime/assay_server.h"
#include "server/runtime/config.h"
#include "server/runtime/config_file.h"
#include "server/runtime/probe.h"
#include "server/telemetry/log.h"

// An empty flag leaves environment and file as they are.
ABSL_FLAG(std::string, listen, "",
          "HOST:PORT or unix:PATH of the gRPC service (default 127.0.0.1:50051)");
ABSL_FLAG(std::string, metrics, "", "HOST:PORT of /metrics, or none (default 127.0.0.1:9464)");
ABSL_FLAG(std::string, http, "", "HOST:PORT of the HTTP gateway");
ABSL_FLAG(std::string, ops, "", "HOST:PORT of health, reflection and channelz in plaintext");
ABSL_FLAG(bool, insecure, false, "serve plaintext beyond loopback");
ABSL_FLAG(std::string, workers, "", "worker threads; 0: one a core");
ABSL_FLAG(std::string, grace, "", "from SIGTERM to the end, at most (default 30s)");
ABSL_FLAG(std::string, token_file, "", "file of bearer tokens, one a line");
ABSL_FLAG(std::string, config, "",
          "JSON file; environment (ASSAY_LISTEN...) and flags override it");
ABSL_FLAG(bool, check_config, false, "check the configuration and exit");
ABSL_FLAG(std::string, probe, "",
          "live or ready: ask the server that serves this configuration, print why not, and exit");
ABSL_FLAG(
    bool, stop_with_stdin, false,
    "stop, as on SIGTERM, when standard input is closed: for a parent that keeps a pipe open");

// Read by jemalloc: what is freed goes back to the system soon, also while nothing is asked for.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:2000,muzzy_decay_ms:0";
}

namespace {

constexpr absl::Duration kAfterGrace = absl::Seconds(5);
constexpr absl::Duration kProbeTime = absl::Seconds(3);

// The signals that end the server. Blocked in every thread, so that only sigwait takes them.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// As many descriptors as we may have: each connection takes one, and gRPC 1.51 accepts no
// connection any more once it has found none left.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// What crashes must not write tokens and episodes to a disk: no core file, and nothing of our
// memory where the system hands the core to a program.
void KeepMemoryOutOfCores() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  std::ofstream("/proc/self/coredump_filter") << "0\n";
}

// Ends the process, whatever is still being parsed or computed, when the grace and a moment more
// are over. The moment is for what is cancelled to be let go, and for the last lines of the log.
void EndAfter(absl::Duration grace) {
  std::thread([left = absl::ToChronoMilliseconds(grace + kAfterGrace)] {
    std::this_thread::sleep_for(left);
    constexpr absl::string_view kLine = "assayd: work was still going on after the grace; ended\n";
    static_cast<void>(!write(STDERR_FILENO, kLine.data(), kLine.size()));
    _exit(1);
  }).detach();
}

// The parent's end of the pipe closes when it ends, however that happens.
void StopWithStdin() {
  std::thread([] {
    char ignored[256];
    ssize_t got = 0;
    do {
      got = read(STDIN_FILENO, ignored, sizeof ignored);
    } while (got > 0 || (got < 0 && errno == EINTR));
    kill(getpid(), SIGTERM);
  }).detach();
}

// --check-config is --check_config: a flag's name may be written either way.
void AllowDashes(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] != '-' || argv[i][1] != '-') continue;
    for (char* c = argv[i] + 2; *c != '\0' && *c != '='; ++c) {
      if (*c == '-') *c = '_';
    }
  }
}

// File, then environment, then flags.
absl::Status ReadConfig(assay::runtime::Config* config) {
  std::string file = absl::GetFlag(FLAGS_config);
  if (const char* env = std::getenv("ASSAY_CONFIG"); file.empty() && env != nullptr) file = env;
  if (!file.empty()) {
    if (absl::Status read = assay::runtime::ReadConfigFile(file, config); !read.ok()) return read;
  }
  for (const absl::string_view name : assay::runtime::SettingNames()) {
    const std::string variable = absl::StrCat("ASSAY_", absl::AsciiStrToUpper(name));
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr) continue;
    absl::Status set = assay::runtime::ApplySetting(name, value, config);
    if (!set.ok()) return set;
  }
  for (const absl::string_view name : assay::runtime::SettingNames()) {
    const absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
    if (flag == nullptr || flag->CurrentValue() == flag->DefaultValue()) continue;
    absl::Status set = assay::runtime::ApplySetting(name, flag->CurrentValue(), config);
    if (!set.ok()) return set;
  }
  return assay::runtime::CheckConfig(*config);
}

// `--version` and `--help`, which Abseil would answer with exit code 1. False: neither was asked
// for.
bool AnswerHelpAndVersion(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const absl::string_view argument = argv[i];
    if (argument == "--version") {
      std::cout << assay::VersionLine("assayd") << "\n";
      return true;
    }
    if (argument != "--help" && argument != "-h") continue;
    std::cout << "usage: assayd [FLAGS]\nTurns multi-agent LLM episodes into training signals.\n\n";
    for (const absl::string_view name :
         {"listen", "metrics", "http", "ops", "insecure", "workers", "grace", "token_file",
          "config", "check_config", "probe", "stop_with_stdin"}) {
      std::cout << "  --" << absl::StrReplaceAll(name, {{"_", "-"}}) << "  "
                << absl::FindCommandLineFlag(name)->Help() << "\n";
    }
    return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (AnswerHelpAndVersion(argc, argv)) return 0;
  AllowDashes(argc, argv);
  if (absl::ParseCommandLine(argc, argv).size() > 1) {
    std::cerr << "assayd takes flags only; see --help\n";
    return 2;
  }
  const sigset_t signals = BlockSignals();
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a log file that may not grow is a failed write
  RaiseDescriptorLimit();
  KeepMemoryOutOfCores();
  // Debian's Abseil looks for cycles at every lock that gRPC takes.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);

  assay::runtime::Config config;
  if (absl::Status read = ReadConfig(&config); !read.ok()) {
    std::cerr << "assayd: " << read.message() << "\n";
    return 2;
  }
  const std::vector<std::string> idle = assay::runtime::IdleSettings(config);
  if (absl::GetFlag(FLAGS_check_config)) {
    for (const std::string& setting : idle) std::cout << setting << "\n";
    std::cout << "the configuration is good; memory stays below "
              << (assay::runtime::MemoryBound(config) >> 20) << " MiB\n";
    return 0;
  }
  if (const std::string probe = absl::GetFlag(FLAGS_probe); !probe.empty()) {
    const absl::Status status = assay::runtime::Probe(probe, config, kProbeTime);
    if (!status.ok()) std::cerr << "assayd: " << status.message() << "\n";
    return status.ok() ? 0 : 1;
  }
  const assay::telemetry::Log log;
  using assay::telemetry::Level;
  for (const std::string& setting : idle) {
    log.Write(Level::kWarning, "idle setting", {{"setting", setting}});
  }
  auto server = assay::runtime::AssayServer::Start(config, assay::service::Catalog(), &log);
  if (!server.ok()) {
    std::cerr << "assayd: " << server.status().message() << "\n";
    return 1;
  }
  log.Write(Level::kInfo, "serving",
            {{"port", int64_t{(*server)->port()}},
             {"metrics_port", int64_t{(*server)->metrics_port()}},
             {"ops_port", int64_t{(*server)->ops_port()}},
             {"http_port", int64_t{(*server)->http_port()}},
             {"version", assay::Version()},
             {"revision", assay::Revision()}});
  if (absl::GetFlag(FLAGS_stop_with_stdin)) StopWithStdin();
  int received = 0;
  // Certificates and tokens are read again by themselves; nothing else may change while we serve.
  do {
    sigwait(&signals, &received);
  } while (received == SIGHUP);
  log.Write(Level::kInfo, "draining", {{"signal", int64_t{received}}});
  EndAfter(config.grace);
  const bool clean = (*server)->Shutdown(config.grace);
  log.Write(clean ? Level::kInfo : Level::kWarning, "stopped", {{"clean", int64_t{clean}}});
  return 0;
}
