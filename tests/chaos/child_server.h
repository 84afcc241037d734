// assayd as a process of its own, for what only a process can suffer: signals, a full disk, limits
// of the system, a death.
#ifndef ASSAY_TESTS_CHAOS_CHILD_SERVER_H_
#define ASSAY_TESTS_CHAOS_CHILD_SERVER_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/hangs.h"

namespace assay::chaos {

struct ChildServerOptions {
  std::string program;              // path of assayd
  int port = 0;                     // of gRPC; 0: any free one
  std::string config_json;          // its configuration file; empty: none
  std::vector<std::string> flags;   // beside the addresses
  std::vector<std::string> launch;  // a command that runs the program, such as setsid
  bool log_to_pipe = false;         // else to a file that nobody else sees
};

// What /proc knows of the process.
struct Usage {
  int64_t resident_bytes = 0;
  int threads = 0;
  int descriptors = 0;
  absl::Duration cpu;
};

class ChildServer {
 public:
  // Serves gRPC, metrics and HTTP when it returns. UNAVAILABLE with the log: it does not.
  static absl::StatusOr<std::unique_ptr<ChildServer>> Start(const ChildServerOptions& options);
  // Kills what still runs.
  ~ChildServer();
  ChildServer(const ChildServer&) = delete;
  ChildServer& operator=(const ChildServer&) = delete;

  std::string address() const;
  int port() const { return port_; }
  int metrics_port() const { return metrics_port_; }
  int http_port() const { return http_port_; }
  pid_t pid() const { return pid_; }
  absl::StatusOr<Usage> ReadUsage() const;
  bool running();
  // Of the log file; of the pipe, up to the line that says that it serves.
  std::string Log() const;
  // Where the log goes to a pipe: nobody will read it any more.
  void CloseLogPipe();
  // Makes the pipe hold as little as can be; returns how many bytes, or -1.
  int ShrinkLogPipe() const;

  void Signal(int signal) const;
  // Waits for the end: the exit code, or minus the signal that killed it. DEADLINE_EXCEEDED: it
  // still runs.
  absl::StatusOr<int> Wait(absl::Duration timeout);
  // SIGTERM and Wait.
  absl::StatusOr<int> Stop(absl::Duration timeout = kHangs);

 private:
  ChildServer() = default;
  absl::Status Spawn(const ChildServerOptions& options);
  absl::Status WaitForPorts();

  pid_t pid_ = -1;
  int log_ = -1;
  int config_ = -1;
  bool piped_ = false;
  mutable std::string piped_log_;
  int exit_ = 0;
  bool ended_ = false;
  int port_ = 0;
  int metrics_port_ = 0;
  int http_port_ = 0;
};

}  // namespace assay::chaos

#endif  // ASSAY_TESTS_CHAOS_CHILD_SERVER_H_
