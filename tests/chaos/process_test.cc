// What befalls assayd as a process: signals, a full disk, a log that nobody reads, no descriptors
// left, a clock that jumps, a network that fails. Nothing of it costs or changes an answer.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/chaos/child_server.h"
#include "tests/chaos/real_episodes.h"
#include "tests/chaos/replay.h"
#include "tests/chaos/trouble.h"

namespace assay::chaos {
namespace {

using ::testing::IsEmpty;

constexpr int kGroupSize = 4;

ChildServerOptions Options() {
  ChildServerOptions options;
  options.program = std::getenv("ASSAYD");
  return options;
}

std::unique_ptr<ChildServer> Start(const ChildServerOptions& options) {
  auto server = ChildServer::Start(options);
  if (!server.ok()) {
    ADD_FAILURE() << server.status();
    std::abort();
  }
  return *std::move(server);
}

// The samples over and over, in groups, asked of the caller: questions are open at any time.
Workload Samples(int episodes) {
  Workload workload;
  workload.name = "samples";
  workload.config.options.mutable_caller()->set_batch_size(2);
  workload.config.options.set_audit(v1::AUDIT_FULL);
  workload.config.evaluate = &AnswerByTeamValue;
  workload.config.reconnect_timeout = kHangs;
  const auto files = ReadSamples();
  EXPECT_TRUE(files.ok()) << files.status();
  for (size_t i = 0; static_cast<int>(workload.episodes.size()) < episodes; ++i) {
    const EpisodeFile& file = (*files)[i % files->size()];
    v1::Episode episode = file.episodes[i / files->size() % file.episodes.size()];
    const size_t number = workload.episodes.size();
    episode.set_id(absl::StrCat("e", number));
    episode.mutable_group()->set_id(absl::StrCat("g", number / kGroupSize));
    episode.mutable_group()->set_size(kGroupSize);
    workload.episodes.push_back(std::move(episode));
  }
  return workload;
}

Replayed Play(const std::string& address, const Workload& workload,
              absl::Duration pause = absl::ZeroDuration()) {
  const auto client = client::SignalClient::Connect(address);
  auto replayed = Replay(client.get(), workload, pause);
  EXPECT_TRUE(replayed.ok()) << replayed.status();
  return replayed.ok() ? *std::move(replayed) : Replayed();
}

std::future<Replayed> PlayMeanwhile(const std::string& address, const Workload& workload) {
  return std::async(std::launch::async,
                    [address, workload] { return Play(address, workload, absl::Milliseconds(5)); });
}

void Limit(const ChildServer& server, __rlimit_resource resource, rlim_t value) {
  const rlimit limit{value, value};
  ASSERT_EQ(prlimit(server.pid(), resource, &limit, nullptr), 0);
}

void ExpectCleanEnd(ChildServer* server) {
  const auto code = server->Stop();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 0) << server->Log();
}

// Of a server whose log is a pipe, which there is nobody to read.
void ExpectEndWithoutLog(ChildServer* server) {
  server->Signal(SIGTERM);
  const auto code = server->Wait(kHangs);
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 0);
}

TEST(Signals, HangUpStopAndContinueAmidLoad) {
  const auto server = Start(Options());
  const Workload workload = Samples(400);
  const Replayed quiet = Play(server->address(), workload);
  auto run = PlayMeanwhile(server->address(), workload);
  for (const int signal : {SIGHUP, SIGSTOP, SIGCONT, SIGHUP, SIGSTOP, SIGCONT}) {
    server->Signal(signal);
    absl::SleepFor(absl::Milliseconds(300));
  }
  EXPECT_THAT(Differences(quiet, run.get()), IsEmpty());
  ExpectCleanEnd(server.get());
}

TEST(Signals, TermAmidLoadAndASuccessor) {
  ChildServerOptions options = Options();
  auto server = Start(options);
  const Workload workload = Samples(400);
  const Replayed quiet = Play(server->address(), workload);
  options.port = server->port();
  auto run = PlayMeanwhile(server->address(), workload);
  absl::SleepFor(absl::Milliseconds(500));
  ExpectCleanEnd(server.get());
  server = Start(options);
  EXPECT_THAT(Differences(quiet, run.get()), IsEmpty());
  ExpectCleanEnd(server.get());
}

TEST(Signals, TermWhereACallerNeverAnswers) {
  ChildServerOptions options = Options();
  options.flags = {"--grace=500ms"};
  const auto server = Start(options);
  Workload workload = Samples(kGroupSize);
  std::promise<void> asked;
  std::promise<void> over;
  std::atomic<bool> first{true};
  workload.config.reconnect_timeout = absl::ZeroDuration();
  workload.config.evaluate = [&](const v1::Episode&, const v1::EvaluateRequest&) {
    if (first.exchange(false)) asked.set_value();
    over.get_future().wait();
    return absl::StatusOr<v1::Answers>(absl::CancelledError("too late"));
  };
  const auto client = client::SignalClient::Connect(server->address());
  auto run = std::async(std::launch::async, [&] { return Replay(client.get(), workload); });
  asked.get_future().wait();
  ExpectCleanEnd(server.get());  // ends, though the caller does not
  over.set_value();
  EXPECT_EQ(run.get().status().code(), absl::StatusCode::kUnavailable);
}

class Network : public ::testing::TestWithParam<size_t> {};

TEST_P(Network, TroubleBeforeTheServerChangesNoAnswer) {
  const auto server = Start(Options());
  TcpProxy proxy(server->port());
  const std::string address = absl::StrCat("127.0.0.1:", proxy.port());
  const Workload workload = Samples(200);
  const Replayed quiet = Play(address, workload);
  auto run = PlayMeanwhile(address, workload);
  for (int i = 0; i < 3; ++i) {
    absl::SleepFor(absl::Milliseconds(100));
    Troubles()[GetParam()].cause(&proxy, absl::Milliseconds(200));
  }
  EXPECT_THAT(Differences(quiet, run.get()), IsEmpty());
  ExpectCleanEnd(server.get());
}

INSTANTIATE_TEST_SUITE_P(Every, Network, ::testing::Range<size_t>(0, Troubles().size()),
                         [](const auto& info) {
                           std::string name = Troubles()[info.param].name;
                           for (char& c : name) c = c == ' ' ? '_' : c;
                           return name;
                         });

// A line of the log for each stream that ends.
void WriteLog(const ChildServer& server, int streams) {
  const auto client = client::SignalClient::Connect(server.address());
  for (int i = 0; i < streams; ++i) {
    const auto stream = client->Stream({});
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  }
}

TEST(Disk, TheLogIsFull) {
  const auto server = Start(Options());
  const Workload workload = Samples(100);
  const Replayed quiet = Play(server->address(), workload);
  // The file may not grow: every write fails, as on a full disk.
  Limit(*server, RLIMIT_FSIZE, server->Log().size());
  WriteLog(*server, 20);
  EXPECT_THAT(Differences(quiet, Play(server->address(), workload)), IsEmpty());
  ExpectCleanEnd(server.get());
}

TEST(Disk, NobodyReadsTheLog) {
  ChildServerOptions options = Options();
  options.log_to_pipe = true;
  const auto server = Start(options);
  const Workload workload = Samples(100);
  const Replayed quiet = Play(server->address(), workload);
  // A pipe holds 64 KiB, unless it is made smaller.
  ASSERT_GT(server->ShrinkLogPipe(), 0);
  WriteLog(*server, 100);
  EXPECT_THAT(Differences(quiet, Play(server->address(), workload)), IsEmpty());
  ExpectEndWithoutLog(server.get());
}

TEST(Disk, TheReaderOfTheLogIsGone) {
  ChildServerOptions options = Options();
  options.log_to_pipe = true;
  const auto server = Start(options);
  const Workload workload = Samples(100);
  const Replayed quiet = Play(server->address(), workload);
  server->CloseLogPipe();
  WriteLog(*server, 20);
  EXPECT_THAT(Differences(quiet, Play(server->address(), workload)), IsEmpty());
  ExpectEndWithoutLog(server.get());
}

// Connects so many times at once; returns how many were served.
int Crowd(const std::string& address, int size, absl::Duration patience) {
  std::vector<std::future<bool>> tries;
  std::vector<std::unique_ptr<client::SignalClient>> clients;
  for (int i = 0; i < size; ++i) {
    clients.push_back(ConnectAlone(address));
    tries.push_back(std::async(std::launch::async, [client = clients.back().get(), patience] {
      return client->GetServerInfo(patience).ok();
    }));
  }
  int served = 0;
  for (auto& attempt : tries) served += attempt.get() ? 1 : 0;
  return served;
}

TEST(Descriptors, ASoftLimitIsRaised) {
  ChildServerOptions options = Options();
  options.launch = {"prlimit", "--nofile=48:1024"};
  const auto server = Start(options);
  EXPECT_EQ(Crowd(server->address(), 60, kHangs), 60);
  EXPECT_EQ(Crowd(server->address(), 1, kHangs), 1);
  ExpectCleanEnd(server.get());
}

TEST(Descriptors, StreamsGoOnWhenNoneAreLeft) {
  const auto server = Start(Options());
  const Workload workload = Samples(200);
  const Replayed quiet = Play(server->address(), workload);
  auto run = PlayMeanwhile(server->address(), workload);
  absl::SleepFor(absl::Milliseconds(200));
  const auto usage = server->ReadUsage();
  ASSERT_TRUE(usage.ok());
  Limit(*server, RLIMIT_NOFILE, static_cast<rlim_t>(usage->descriptors) + 4);
  EXPECT_LT(Crowd(server->address(), 12, absl::Seconds(3)), 12) << "there were descriptors left";
  EXPECT_THAT(Differences(quiet, run.get()), IsEmpty());
  ExpectCleanEnd(server.get());
}

// libfaketime moves the wall clock of a process by what a file says; the monotonic clock stays.
constexpr char kFakeTime[] = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

class Clock : public ::testing::Test {
 protected:
  void SetUp() override {
    if (access(kFakeTime, R_OK) != 0) GTEST_SKIP() << "skipped: " << kFakeTime << " is not there";
    Jump("+0");
    ChildServerOptions options = Options();
    options.flags = {"--grace=1s"};
    options.launch = {"env",
                      // The libraries of malloc and new before jemalloc, which reads the clock too
                      // early for libfaketime.
                      absl::StrCat("LD_PRELOAD=", kFakeTime, " libstdc++.so.6 libc.so.6"),
                      absl::StrCat("FAKETIME_TIMESTAMP_FILE=", file_), "FAKETIME_NO_CACHE=1",
                      "FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_RESET=1"};
    server_ = Start(options);
  }
  void TearDown() override { std::remove(file_.c_str()); }
  void Jump(const std::string& offset) { std::ofstream(file_) << offset << "\n"; }

  const std::string file_ = absl::StrCat(::testing::TempDir(), "/assay_clock_", getpid());
  std::unique_ptr<ChildServer> server_;
};

TEST_F(Clock, JumpsChangeNoAnswer) {
  const Workload workload = Samples(400);
  const Replayed quiet = Play(server_->address(), workload);
  auto run = PlayMeanwhile(server_->address(), workload);
  for (const char* offset : {"+3d", "-3d", "+0", "-400d"}) {
    Jump(offset);
    absl::SleepFor(absl::Milliseconds(300));
  }
  EXPECT_THAT(Differences(quiet, run.get()), IsEmpty());
  ExpectCleanEnd(server_.get());
}

// A deadline comes when its time has passed, whatever the wall clock says; and so does the end.
TEST_F(Clock, DeadlinesComeThoughItIsSetBack) {
  Workload workload = Samples(1);
  workload.episodes[0].clear_group();
  workload.config.options.mutable_episode_timeout()->set_seconds(1);
  std::promise<void> asked;
  std::promise<void> over;
  const std::shared_future<void> end = over.get_future().share();
  std::atomic<bool> first{true};
  workload.config.evaluate = [&, end](const v1::Episode&, const v1::EvaluateRequest&) {
    if (first.exchange(false)) asked.set_value();
    end.wait();
    return absl::StatusOr<v1::Answers>(absl::CancelledError("too late"));
  };
  const auto client = client::SignalClient::Connect(server_->address());
  const auto stream = client->Stream(workload.config);
  ASSERT_TRUE(stream->Write(workload.episodes[0]).ok());
  asked.get_future().wait();
  Jump("-1d");
  const auto result = stream->Read();
  ASSERT_TRUE(result.has_value());
  const auto* episode = std::get_if<v1::EpisodeResult>(&*result);
  ASSERT_NE(episode, nullptr);
  EXPECT_EQ(episode->error().code(), static_cast<int>(absl::StatusCode::kDeadlineExceeded));

  // Another one, which is on its way when the server is told to end.
  first = true;
  asked = std::promise<void>();
  workload.episodes[0].set_id("second");
  workload.config.options.clear_episode_timeout();
  const auto late = client->Stream(workload.config);
  ASSERT_TRUE(late->Write(workload.episodes[0]).ok());
  asked.get_future().wait();
  server_->Signal(SIGTERM);
  absl::SleepFor(absl::Milliseconds(200));
  Jump("-2d");
  const auto code = server_->Wait(kHangs);
  over.set_value();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 0);
}

}  // namespace
}  // namespace assay::chaos
