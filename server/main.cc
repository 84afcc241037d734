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

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/command_line.h"
#include "server/base/status_macros.h"
#include "server/base/version.h"
#include "server/runtime/assay_server.h"
#include "server/runtime/config.h"
#include "server/runtime/config_file.h"
#include "server/runtime/probe.h"
#include "server/telemetry/grpc_log.h"
#include "server/telemetry/log.h"

// Read by jemalloc: what is freed goes back to the system soon, also while nothing is asked for.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:2000,muzzy_decay_ms:0";
}

namespace {

using assay::Arguments;

// A flag that is a setting (assay::runtime::SettingNames) overrides environment and file.
constexpr assay::Flag kFlags[] = {
    {"listen", "ADDRESS", "",
     "HOST:PORT or unix:PATH of the gRPC service; default 127.0.0.1:50051"},
    {"metrics", "ADDRESS", "", "of /metrics, or none; default 127.0.0.1:9464"},
    {"http", "ADDRESS", "", "of the HTTP gateway; default none"},
    {"ops", "ADDRESS", "", "of health, reflection and channelz in plaintext; default none"},
    {"insecure", "", "", "serve plaintext beyond loopback"},
    {"workers", "N", "", "worker threads; default 0: one a core"},
    {"grace", "DURATION", "", "from SIGTERM to the end, at most; default 30s"},
    {"token-file", "FILE", "", "bearer tokens, one a line"},
    {"config", "FILE", "", "settings in JSON; environment (ASSAY_LISTEN...) and flags override it"},
    {"check-config", "", "", "check the configuration and exit"},
    {"probe", "live|ready", "",
     "ask the server that serves this configuration, print why not, and exit"},
    {"stop-with-stdin", "", "",
     "stop, as on SIGTERM, when standard input is closed: for a parent with a pipe"},
};
constexpr assay::FlagGroup kGroups[] = {{"", kFlags}};
constexpr assay::CommandSyntax kSyntax = {
    "the server", "", "", 0, "Turns multi-agent LLM episodes into training signals.\n", kGroups};

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

// File, then environment, then flags.
absl::Status ReadConfig(const Arguments& arguments, assay::runtime::Config* config) {
  std::string file = arguments.Text("config");
  if (const char* env = std::getenv("ASSAY_CONFIG"); file.empty() && env != nullptr) file = env;
  if (!file.empty()) {
    ASSAY_RETURN_IF_ERROR(assay::runtime::ReadConfigFile(file, config));
  }
  for (const absl::string_view name : assay::runtime::SettingNames()) {
    const std::string variable = absl::StrCat("ASSAY_", absl::AsciiStrToUpper(name));
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr) continue;
    absl::Status set = assay::runtime::ApplySetting(name, value, config);
    if (!set.ok()) return set;
  }
  for (const absl::string_view name : assay::runtime::SettingNames()) {
    const std::string flag = absl::StrReplaceAll(name, {{"_", "-"}});
    if (!arguments.Given(flag)) continue;
    const std::string value = flag == "insecure" ? "true" : arguments.Text(flag);
    ASSAY_RETURN_IF_ERROR(assay::runtime::ApplySetting(name, value, config));
  }
  return assay::runtime::CheckConfig(*config);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<absl::string_view> words(argv + 1, argv + argc);
  for (const absl::string_view word : words) {
    if (word != "--version" && word != "--help" && word != "-h") continue;
    std::cout << (word == "--version" ? assay::VersionLine("assayd") + "\n"
                                      : assay::HelpText("assayd", kSyntax));
    return 0;
  }
  const absl::StatusOr<Arguments> arguments = Arguments::Parse(kSyntax, words);
  if (!arguments.ok()) {
    std::cerr << "assayd: " << arguments.status().message() << "\nTry: assayd --help\n";
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
  if (absl::Status read = ReadConfig(*arguments, &config); !read.ok()) {
    std::cerr << "assayd: " << read.message() << "\n";
    return 2;
  }
  const std::vector<std::string> idle = assay::runtime::IdleSettings(config);
  if (arguments->Given("check-config")) {
    for (const std::string& setting : idle) std::cout << setting << "\n";
    std::cout << "the configuration is good; memory stays below "
              << (assay::runtime::MemoryBound(config) >> 20) << " MiB\n";
    for (const auto& [name, evaluator] : config.evaluators.all()) {
      std::cout << "evaluator " << name << ": remembers at most " << (evaluator.cache_bytes >> 20)
                << " MiB of answers\n";
    }
    return 0;
  }
  if (const std::string probe = arguments->Text("probe"); !probe.empty()) {
    const absl::Status status = assay::runtime::Probe(probe, config, kProbeTime);
    if (!status.ok()) std::cerr << "assayd: " << status.message() << "\n";
    return status.ok() ? 0 : 1;
  }
  const assay::telemetry::Log log;
  const assay::telemetry::GrpcLog grpc_log(&log);
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
  if (arguments->Given("stop-with-stdin")) StopWithStdin();
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
