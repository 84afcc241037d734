#include "tests/chaos/child_server.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace assay::chaos {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(10);

std::string PathOf(int fd) { return absl::StrCat("/proc/self/fd/", fd); }

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The number behind `"name":` in a JSON log line; 0: not there.
int PortIn(const std::string& log, const std::string& name) {
  std::smatch found;
  const std::regex pattern("\"serving\".*\"" + name + "\": *(\\d+)");
  return std::regex_search(log, found, pattern) ? std::stoi(found[1]) : 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildServer>> ChildServer::Start(const ChildServerOptions& options) {
  std::unique_ptr<ChildServer> server(new ChildServer());
  absl::Status status = server->Spawn(options);
  if (status.ok()) status = server->WaitForPorts();
  if (!status.ok()) return status;
  return server;
}

absl::Status ChildServer::Spawn(const ChildServerOptions& options) {
  std::vector<std::string> words = options.launch;
  words.push_back(options.program);
  words.push_back(absl::StrCat("--listen=127.0.0.1:", options.port));
  words.push_back("--metrics=127.0.0.1:0");
  words.push_back("--http=127.0.0.1:0");
  words.insert(words.end(), options.flags.begin(), options.flags.end());
  if (!options.config_json.empty()) {
    config_ = memfd_create("config", 0);
    if (write(config_, options.config_json.data(), options.config_json.size()) < 0) {
      return absl::ErrnoToStatus(errno, "configuration");
    }
    words.push_back(absl::StrCat("--config=/proc/", getpid(), "/fd/", config_));
  }
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  piped_ = options.log_to_pipe;
  int ends[2] = {-1, -1};
  if (piped_) {
    if (pipe2(ends, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe");
    log_ = ends[0];
  } else {
    log_ = ends[1] = memfd_create("log", MFD_CLOEXEC);
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  const int error = posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (piped_) close(ends[1]);
  if (error == 0) return absl::OkStatus();
  ended_ = true;
  return absl::ErrnoToStatus(error, argv[0]);
}

absl::Status ChildServer::WaitForPorts() {
  const absl::Time give_up = absl::Now() + kHangs;
  while (absl::Now() < give_up && running()) {
    const std::string log = Log();
    port_ = PortIn(log, "port");
    metrics_port_ = PortIn(log, "metrics_port");
    http_port_ = PortIn(log, "http_port");
    if (http_port_ > 0) return absl::OkStatus();
    absl::SleepFor(kPoll);
  }
  return absl::UnavailableError(absl::StrCat("assayd does not serve:\n", Log()));
}

ChildServer::~ChildServer() {
  if (!ended_) {
    Signal(SIGKILL);
    waitpid(pid_, &exit_, 0);
  }
  for (const int fd : {log_, config_}) {
    if (fd >= 0) close(fd);
  }
}

std::string ChildServer::address() const { return absl::StrCat("127.0.0.1:", port_); }

std::string ChildServer::Log() const {
  if (!piped_) return ReadAll(PathOf(log_));
  pollfd wanted{log_, POLLIN, 0};
  if (port_ == 0 && poll(&wanted, 1, 0) > 0) {
    char buffer[4096];
    const ssize_t size = read(log_, buffer, sizeof(buffer));
    if (size > 0) piped_log_.append(buffer, static_cast<size_t>(size));
  }
  return piped_log_;
}

void ChildServer::CloseLogPipe() {
  close(log_);
  log_ = -1;
}

int ChildServer::ShrinkLogPipe() const { return fcntl(log_, F_SETPIPE_SZ, 4096); }

absl::StatusOr<Usage> ChildServer::ReadUsage() const {
  const std::string folder = absl::StrCat("/proc/", pid_);
  Usage usage;
  for (const absl::string_view line : absl::StrSplit(ReadAll(folder + "/status"), '\n')) {
    const std::vector<std::string> field =
        absl::StrSplit(line, absl::ByAnyChar(": \t"), absl::SkipEmpty());
    if (field.size() < 2) continue;
    if (field[0] == "VmRSS") usage.resident_bytes = std::stoll(field[1]) * 1024;
    if (field[0] == "Threads") usage.threads = std::stoi(field[1]);
  }
  if (usage.threads == 0) return absl::UnavailableError("the server has ended");
  std::error_code ignored;
  for (std::filesystem::directory_iterator file(folder + "/fd", ignored), end; file != end;
       file.increment(ignored)) {
    ++usage.descriptors;
  }
  // Fields 14 and 15 of stat; the second one, a name in brackets, may hold anything.
  const std::string stat = ReadAll(folder + "/stat");
  const std::vector<std::string> field = absl::StrSplit(stat.substr(stat.rfind(')') + 2), ' ');
  const double ticks = std::stod(field[11]) + std::stod(field[12]);
  usage.cpu = absl::Seconds(ticks / static_cast<double>(sysconf(_SC_CLK_TCK)));
  return usage;
}

bool ChildServer::running() {
  if (!ended_ && waitpid(pid_, &exit_, WNOHANG) == pid_) ended_ = true;
  return !ended_;
}

void ChildServer::Signal(int signal) const {
  if (!ended_) kill(pid_, signal);
}

absl::StatusOr<int> ChildServer::Wait(absl::Duration timeout) {
  const absl::Time give_up = absl::Now() + timeout;
  while (running()) {
    if (absl::Now() > give_up) return absl::DeadlineExceededError("assayd still runs");
    absl::SleepFor(kPoll);
  }
  return WIFEXITED(exit_) ? WEXITSTATUS(exit_) : -WTERMSIG(exit_);
}

absl::StatusOr<int> ChildServer::Stop(absl::Duration timeout) {
  Signal(SIGTERM);
  return Wait(timeout);
}

}  // namespace assay::chaos
