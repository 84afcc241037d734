// The C++ client against the hostile server: `hostile_client SCRIPTS SEED PORT...`, a lane a port.
//
// Each script is a call with a deadline, of a stream or of one request. It must be over soon after
// its deadline, answer no episode twice and none that was not sent, and all of them where it says
// OK.
#include <atomic>
#include <cstdio>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
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
  std::string end;
  std::string fault;  // empty: none
};

Outcome PlayUnary(SignalClient& client) {
  v1::ComputeSignalsRequest request;
  *request.add_episodes() = EpisodeOf("e0");
  const auto response = client.ComputeSignals(request, kDeadline);
  return {absl::StrCat("unary ", absl::StatusCodeToString(response.status().code())), ""};
}

Outcome PlayStream(SignalClient& client, int episodes) {
  StreamConfig config;
  config.connect_timeout = absl::Seconds(1);
  config.reconnect_timeout = kDeadline;
  config.ready_timeout = kDeadline;
  config.idle_timeout = kDeadline;
  config.deadline = absl::Now() + kDeadline;
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
  return {absl::StrCat("stream ", absl::StatusCodeToString(status.code())), fault};
}

Outcome Play(int port, unsigned seed) {
  std::mt19937 dice(seed);
  const absl::Time began = absl::Now();
  const auto client = SignalClient::Connect(absl::StrCat("127.0.0.1:", port));
  Outcome outcome =
      dice() % 5 == 0 ? PlayUnary(*client) : PlayStream(*client, 1 + static_cast<int>(dice() % 11));
  const absl::Duration took = absl::Now() - began;
  if (took > kDeadline + kSlack) outcome.fault = absl::StrCat("took ", absl::FormatDuration(took));
  return outcome;
}

int Main(int argc, char** argv) {
  int scripts = 0;
  unsigned seed = 0;
  std::vector<int> ports;
  if (argc < 4 || !absl::SimpleAtoi(argv[1], &scripts) || !absl::SimpleAtoi(argv[2], &seed)) {
    std::fprintf(stderr, "usage: hostile_client SCRIPTS SEED PORT...\n");
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
        const Outcome outcome = Play(ports[lane], seed * 1'000'000 + static_cast<unsigned>(script));
        const std::lock_guard<std::mutex> lock(mutex);
        ++ends[outcome.end];
        if (outcome.fault.empty()) continue;
        ++faults;
        std::printf("script %d: %s\n", script, outcome.fault.c_str());
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
