// Load for one server, the service or the echo: closed loop (--rate=0: as fast as the window lets
// it) or open loop (--rate: sends are due at fixed times, and latency counts from the due time, so
// that a stalled server cannot hide the requests it kept from being sent).
//
// Prints one JSON line: answered, errors, seconds, per_second, p50, p99 (microseconds).
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "tests/benchmarks/wire/episodes.h"
#include "tests/benchmarks/wire/histogram.h"

ABSL_FLAG(std::string, server, "", "address");
ABSL_FLAG(std::string, method, "/assay.v1.SignalService/StreamSignals", "or the echo's");
ABSL_FLAG(int, streams, 4, "streams, each on a channel of its own");
ABSL_FLAG(int, window, 32, "episodes in flight on a stream, closed loop");
ABSL_FLAG(double, rate, 0, "episodes a second over all streams; 0: closed loop");
ABSL_FLAG(double, seconds, 5, "how long to send");
ABSL_FLAG(int, agents, 4, "");
ABSL_FLAG(int, messages, 8, "");
ABSL_FLAG(int, bytes, 4096, "of an episode");
ABSL_FLAG(bool, given_redundancy, true, "");
ABSL_FLAG(std::string, audit, "ledger", "ledger or full");

namespace assay::benchmarks {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kDrain(30);  // for what is in flight when the time is up
using grpc::ByteBuffer;

ByteBuffer Serialise(const v1::StreamSignalsRequest& request) {
  const std::string bytes = request.SerializeAsString();
  const grpc::Slice slice(bytes);
  return ByteBuffer(&slice, 1);
}

// Reads a base-128 varint and moves past it.
uint64_t Varint(const uint8_t*& p, const uint8_t* end) {
  uint64_t value = 0;
  for (int shift = 0; p < end && shift < 64; shift += 7) {
    const uint8_t byte = *p++;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

enum class Kind { kResult, kError, kOther };
struct Reply {
  Kind kind = Kind::kOther;
  int64_t index = -1;
};

// An episode's result and an echoed episode begin alike: field 2, and in it the id as field 1.
// Parsing more would make the generator slower than what it measures.
Reply Peek(const ByteBuffer& buffer, bool echo) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return {};
  uint8_t head[64];  // a frame may end anywhere, so that the first slice alone may be too short
  size_t size = 0;
  for (const grpc::Slice& slice : slices) {
    const size_t part = std::min(slice.size(), sizeof(head) - size);
    std::copy_n(slice.begin(), part, head + size);
    size += part;
  }
  const uint8_t* p = head;
  const uint8_t* const end = head + size;
  if (p == end || *p++ != 0x12) return {};
  Varint(p, end);
  if (p == end || *p++ != 0x0a) return {};
  Reply reply{Kind::kResult, 0};
  for (uint64_t left = Varint(p, end); left > 0 && p < end; --left) {
    reply.index = 10 * reply.index + (*p++ - '0');
  }
  if (!echo && p < end && *p == 0x1a) reply.kind = Kind::kError;
  return reply;
}

class Stream : public grpc::ClientBidiReactor<ByteBuffer, ByteBuffer> {
 public:
  Stream(const std::vector<ByteBuffer>& episodes, bool echo)
      : episodes_(episodes), echo_(echo), due_(episodes.size()) {}

  void Begin(grpc::GenericStub& stub, const std::string& method, const ByteBuffer* options) {
    stub.PrepareBidiStreamingCall(&context_, method, grpc::StubOptions(), this);
    AddHold();
    StartCall();
    StartRead(&incoming_);
    if (options != nullptr) Enqueue(*options);
  }

  // Sends the next episode, which was due at `due`.
  void Send(Clock::time_point due) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const size_t slot = next_++ % episodes_.size();
    due_[slot] = due;
    ++in_flight_;
    EnqueueLocked(episodes_[slot]);
  }

  int WaitForRoom(int window, Clock::time_point until) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_until(lock, until, [&] { return in_flight_ < window || done_; });
    return done_ ? 0 : window - in_flight_;
  }

  void Drain(Clock::time_point until) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_until(lock, until, [&] { return in_flight_ == 0 || done_; });
    closing_ = true;
    if (!writing_) StartWritesDone();
    lock.unlock();
    RemoveHold();
    lock.lock();
    changed_.wait(lock, [&] { return done_; });
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    const Clock::time_point now = Clock::now();
    const Reply reply = Peek(incoming_, echo_);
    if (reply.kind != Kind::kOther) {
      const std::lock_guard<std::mutex> lock(mutex_);
      const size_t slot = static_cast<size_t>(reply.index) % episodes_.size();
      latency_.Add(std::chrono::duration<double, std::micro>(now - due_[slot]).count());
      errors_ += reply.kind == Kind::kError ? 1 : 0;
      --in_flight_;
      changed_.notify_one();
    }
    incoming_.Clear();
    StartRead(&incoming_);
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    outgoing_.pop_front();
    writing_ = false;
    if (!ok) return;
    if (!outgoing_.empty()) {
      writing_ = true;
      StartWrite(&outgoing_.front());
    } else if (closing_) {
      StartWritesDone();
    }
  }

  void OnDone(const grpc::Status& status) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!status.ok()) {
      std::fprintf(stderr, "stream ended: %d %s\n", status.error_code(),
                   status.error_message().c_str());
    }
    done_ = true;
    changed_.notify_all();
  }

  const Histogram& latency() const { return latency_; }
  int64_t errors() const { return errors_; }

 private:
  void Enqueue(const ByteBuffer& buffer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    EnqueueLocked(buffer);
  }
  void EnqueueLocked(const ByteBuffer& buffer) {
    outgoing_.push_back(buffer);
    if (std::exchange(writing_, true)) return;
    StartWrite(&outgoing_.front());
  }

  const std::vector<ByteBuffer>& episodes_;
  const bool echo_;
  grpc::ClientContext context_;
  ByteBuffer incoming_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ByteBuffer> outgoing_;
  std::vector<Clock::time_point> due_;
  Histogram latency_;
  int64_t errors_ = 0;
  size_t next_ = 0;
  int in_flight_ = 0;
  bool writing_ = false;
  bool closing_ = false;
  bool done_ = false;
};

std::vector<ByteBuffer> MakeEpisodes() {
  // More ids than any window holds, so that no id is reused while it is unanswered.
  constexpr int kIds = 4096;
  EpisodeShape shape;
  shape.agents = absl::GetFlag(FLAGS_agents);
  shape.messages = absl::GetFlag(FLAGS_messages);
  shape.bytes = absl::GetFlag(FLAGS_bytes);
  shape.given_redundancy = absl::GetFlag(FLAGS_given_redundancy);
  const int count = std::min<int64_t>(kIds, (int64_t{32} << 20) / shape.bytes);
  std::vector<ByteBuffer> episodes;
  for (int i = 0; i < count; ++i) {
    v1::StreamSignalsRequest request;
    *request.mutable_episode() = MakeEpisode(shape, i);
    episodes.push_back(Serialise(request));
  }
  return episodes;
}

ByteBuffer MakeOptions() {
  v1::StreamSignalsRequest request;
  request.mutable_options()->mutable_vote();
  request.mutable_options()->set_audit(absl::GetFlag(FLAGS_audit) == "full" ? v1::AUDIT_FULL
                                                                            : v1::AUDIT_LEDGER);
  return Serialise(request);
}

void DriveClosed(Stream& stream, Clock::time_point until) {
  while (Clock::now() < until) {
    const int room = stream.WaitForRoom(absl::GetFlag(FLAGS_window), until);
    for (int k = 0; k < room; ++k) stream.Send(Clock::now());
  }
}

void DriveOpen(Stream& stream, double rate, Clock::time_point start, Clock::time_point until) {
  const auto gap =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / rate));
  for (Clock::time_point due = start; due < until; due += gap) {
    std::this_thread::sleep_until(due);
    // Beyond the credits an episode would be rejected, not queued: wait, and let latency show it.
    // One that finds no room until the end is late by as much as can be measured.
    if (stream.WaitForRoom(absl::GetFlag(FLAGS_window), until + kDrain) <= 0) return;
    stream.Send(due);
  }
}

int Run() {
  const std::string method = absl::GetFlag(FLAGS_method);
  const bool echo = method.find("Echo") != std::string::npos;
  const std::vector<ByteBuffer> episodes = MakeEpisodes();
  const ByteBuffer options = MakeOptions();
  const int streams = absl::GetFlag(FLAGS_streams);
  const double rate = absl::GetFlag(FLAGS_rate) / streams;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
  std::vector<std::unique_ptr<Stream>> reactors;
  for (int s = 0; s < streams; ++s) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("assay.benchmark.stream", s);  // a connection of its own
    arguments.SetMaxReceiveMessageSize(64 << 20);
    stubs.push_back(std::make_unique<grpc::GenericStub>(grpc::CreateCustomChannel(
        absl::GetFlag(FLAGS_server), grpc::InsecureChannelCredentials(), arguments)));
    reactors.push_back(std::make_unique<Stream>(episodes, echo));
    reactors.back()->Begin(*stubs.back(), method, echo ? nullptr : &options);
  }
  const Clock::time_point start = Clock::now();
  const Clock::time_point until =
      start + std::chrono::duration_cast<Clock::duration>(
                  std::chrono::duration<double>(absl::GetFlag(FLAGS_seconds)));
  std::vector<std::thread> drivers;
  for (auto& reactor : reactors) {
    drivers.emplace_back([&, stream = reactor.get()] {
      if (rate > 0) {
        DriveOpen(*stream, rate, start, until);
      } else {
        DriveClosed(*stream, until);
      }
      stream->Drain(until + kDrain);
    });
  }
  for (std::thread& driver : drivers) driver.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  Histogram latency;
  int64_t errors = 0;
  for (const auto& reactor : reactors) {
    latency.Merge(reactor->latency());
    errors += reactor->errors();
  }
  std::printf(
      "{\"answered\": %lld, \"errors\": %lld, \"seconds\": %.6f, \"per_second\": %.3f, "
      "\"p50\": %.1f, \"p99\": %.1f}\n",
      static_cast<long long>(latency.count()), static_cast<long long>(errors), seconds,
      static_cast<double>(latency.count()) / seconds, latency.Quantile(0.5),
      latency.Quantile(0.99));
  return errors == 0 && latency.count() > 0 ? 0 : 1;
}

}  // namespace
}  // namespace assay::benchmarks

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return assay::benchmarks::Run();
}
