// The yardstick of the wire benchmarks: a callback bidi reactor that parses each message and writes
// it back, with the channel arguments of assayd.
#include <grpcpp/grpcpp.h>

#include <csignal>
#include <cstdio>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "echo.grpc.pb.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:0", "address");

namespace assay::benchmarks {
namespace {

using assay::v1::StreamSignalsRequest;

class EchoReactor : public grpc::ServerBidiReactor<StreamSignalsRequest, StreamSignalsRequest> {
 public:
  EchoReactor() { StartRead(&incoming_); }

  void OnReadDone(bool ok) override {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!ok) {
      half_closed_ = true;
      if (queue_.empty()) FinishLocked(lock);
      return;
    }
    queue_.push_back(std::move(incoming_));
    if (queue_.size() == 1) StartWrite(&queue_.front());
    incoming_.Clear();
    StartRead(&incoming_);
  }

  void OnWriteDone(bool ok) override {
    std::unique_lock<std::mutex> lock(mutex_);
    queue_.pop_front();
    if (!ok) queue_.clear();
    if (!queue_.empty()) {
      StartWrite(&queue_.front());
    } else if (half_closed_) {
      FinishLocked(lock);
    }
  }

  void OnDone() override { delete this; }

 private:
  void FinishLocked(std::unique_lock<std::mutex>& lock) {
    if (std::exchange(finished_, true)) return;
    lock.unlock();
    Finish(grpc::Status::OK);
  }

  std::mutex mutex_;
  StreamSignalsRequest incoming_;
  std::deque<StreamSignalsRequest> queue_;
  bool half_closed_ = false;
  bool finished_ = false;
};

class EchoImpl : public assay::benchmarks::EchoService::CallbackService {
  grpc::ServerBidiReactor<StreamSignalsRequest, StreamSignalsRequest>* Echo(
      grpc::CallbackServerContext*) override {
    return new EchoReactor();
  }
};

int Serve() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  EchoImpl service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(absl::GetFlag(FLAGS_listen), grpc::InsecureServerCredentials(), &port);
  builder.SetMaxReceiveMessageSize(64 << 20);
  builder.SetMaxSendMessageSize(64 << 20);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  std::printf("listening on 127.0.0.1:%d\n", port);
  std::fflush(stdout);
  int received = 0;
  sigwait(&signals, &received);
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
  return 0;
}

}  // namespace
}  // namespace assay::benchmarks

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return assay::benchmarks::Serve();
}
