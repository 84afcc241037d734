// The C++ client against the hostile server: `hostile_client SCRIPTS SEED PORT...`, a lane a port.
//
// Each script is a call with a deadline, of a stream or of one request. It must be over soon after
// its deadline, answer no episode twice and none that was not sent, and all of them where it says
// OK.
//
// `hostile_client tls TARGET ROOTS KEY CHAIN`, with files in PEM of which the last two may be
// empty, makes one call of each kind over TLS, for certificates.py: a line each, its kind and its
// error.
#include <atomic>
#include <cstdio>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "assay/client.h"

namespace assay::client {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(2);
// Of the machine, which may be busy; a client that hangs waits for ever.
constexpr absl::Duration kSlack = absl::Seconds(20);

v1::Episode EpisodeOf(const std::string& id) {
  v1::Episode episode;
  episode.set_id(id);
  episode.add_agents()->set_id("a");
  v1::Message* const message = episode.add_messages();
  message->set_agent_id("a");
  message->set_content("word");
  episode.mutable_outcome()->set_score(1);
  return episode;
}

struct Outcome {
  absl::Status status;
  std::string fault;  // empty: none
};

Outcome PlayUnary(SignalClient& client, absl::Duration deadline = kDeadline) {
  v1::ComputeSignalsRequest request;
  *request.add_episodes() = EpisodeOf("e0");
  return {client.ComputeSignals(request, deadline).status(), ""};
}

Outcome PlayStream(SignalClient& client, int episodes, absl::Duration deadline = kDeadline) {
  StreamConfig config;
  config.connect_timeout = absl::Seconds(1);
  config.reconnect_timeout = deadline;
  config.ready_timeout = deadline;
  config.idle_timeout = deadline;
  config.deadline = absl::Now() + deadline;
  const auto stream = client.Stream(config);
  std::thread writer([&stream, episodes] {
    for (int i = 0; i < episodes; ++i) {
      if (!stream->Write(EpisodeOf(absl::StrCat("e", i))).ok()) break;
    }
    stream->WritesDone();
  });
  std::set<std::string> answered;
  std::string fault;
  while (const std::optional<StreamResult> result = stream->Read()) {
    const auto* const episode = std::get_if<v1::EpisodeResult>(&*result);
    if (episode == nullptr) continue;
    int number = -1;
    const absl::string_view id = episode->episode_id();
    const bool sent = id.size() > 1 && id[0] == 'e' && absl::SimpleAtoi(id.substr(1), &number) &&
                      number >= 0 && number < episodes;
    if (!sent) fault = absl::StrCat("an answer to nobody: ", id);
    if (!answered.insert(episode->episode_id()).second) fault = absl::StrCat("twice: ", id);
  }
  const absl::Status status = stream->Finish();
  writer.join();
  if (status.ok() && static_cast<int>(answered.size()) != episodes) {
    fault = absl::StrCat("OK with ", answered.size(), " of ", episodes, " answers");
  }
  return {status, fault};
}

// How it ended, and what was wrong.
std::pair<std::string, std::string> Play(int port, unsigned seed) {
  std::mt19937 dice(seed);
  const absl::Time began = absl::Now();
  const auto client = SignalClient::Connect(absl::StrCat("127.0.0.1:", port));
  const bool unary = dice() % 5 == 0;
  Outcome outcome =
      unary ? PlayUnary(*client) : PlayStream(*client, 1 + static_cast<int>(dice() % 11));
  const absl::Duration took = absl::Now() - began;
  if (took > kDeadline + kSlack) outcome.fault = absl::StrCat("took ", absl::FormatDuration(took));
  return {
      absl::StrCat(unary ? "unary " : "stream ", absl::StatusCodeToString(outcome.status.code())),
      outcome.fault};
}

std::string ReadAll(const char* path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void Print(const char* kind, const Outcome& outcome) {
  const std::string error =
      outcome.status.ok() ? outcome.fault
                          : absl::StrCat(absl::StatusCodeToString(outcome.status.code()), ": ",
                                         std::string(outcome.status.message()), outcome.fault);
  std::printf("%s %s\n", kind, error.c_str());
}

int PlayTls(char** argv) {
  ConnectOptions options;
  options.target = argv[2];
  options.tls = true;
  options.tls_roots = ReadAll(argv[3]);
  options.tls_key = ReadAll(argv[4]);
  options.tls_certificate = ReadAll(argv[5]);
  const auto client = SignalClient::Connect(options);
  Print("stream", PlayStream(*client, 1, kSlack));
  Print("unary", PlayUnary(*client, kSlack));
  return 0;
}

int Main(int argc, char** argv) {
  if (argc == 6 && absl::string_view(argv[1]) == "tls") return PlayTls(argv);
  int scripts = 0;
  unsigned seed = 0;
  std::vector<int> ports;
  if (argc < 4 || !absl::SimpleAtoi(argv[1], &scripts) || !absl::SimpleAtoi(argv[2], &seed)) {
    std::fprintf(stderr,
                 "usage: hostile_client SCRIPTS SEED PORT... | tls TARGET ROOTS KEY CHAIN\n");
    return 2;
  }
  for (int i = 3; i < argc; ++i) {
    if (!absl::SimpleAtoi(argv[i], &ports.emplace_back())) return 2;
  }
  std::mutex mutex;
  std::map<std::string, int> ends;
  int faults = 0;
  std::vector<std::thread> lanes;
  const auto count = static_cast<int>(ports.size());
  for (int lane = 0; lane < count; ++lane) {
    lanes.emplace_back([&, lane] {
      for (int script = lane; script < scripts; script += count) {
        const auto [end, fault] =
            Play(ports[lane], seed * 1'000'000 + static_cast<unsigned>(script));
        const std::lock_guard<std::mutex> lock(mutex);
        ++ends[end];
        if (fault.empty()) continue;
        ++faults;
        std::printf("script %d: %s\n", script, fault.c_str());
      }
    });
  }
  for (std::thread& lane : lanes) lane.join();
  std::printf("%d scripts, %d faults:", scripts, faults);
  for (const auto& [end, times] : ends) std::printf(" %s %d,", end.c_str(), times);
  std::printf("\n");
  return faults == 0 ? 0 : 1;
}

}  // namespace
}  // namespace assay::client

int main(int argc, char** argv) { return assay::client::Main(argc, argv); }
