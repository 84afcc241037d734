// Asks for the credit of every HumanEval episode and compares it with the exact Shapley values that
// the log brings along. The questions are answered here, on the stream (the caller evaluator), or
// by a remote evaluator that the server knows by name:
//
//   humaneval_credit --server=127.0.0.1:50051 --data=dylan_humaneval.jsonl.gz
//   [--evaluator=humaneval]
#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <thread>
#include <variant>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "assay/client.h"
#include "client/cpp/examples/humaneval_game.h"

ABSL_FLAG(std::string, server, "127.0.0.1:50051", "HOST:PORT of assayd");
ABSL_FLAG(std::string, data, "", "the log: JSON lines, gzip or not");
ABSL_FLAG(std::string, evaluator, "", "name of a remote evaluator; empty: answer on the stream");

namespace {

using assay::examples::HumanEvalEpisode;
namespace v1 = assay::v1;

// The largest difference to the log; infinite where there are no signals.
double Compare(const v1::EpisodeResult& result, const HumanEvalEpisode& episode) {
  if (!result.has_signals()) {
    std::cerr << result.episode_id() << ": " << result.error().message() << "\n";
    return INFINITY;
  }
  double worst = 0;
  for (const v1::AgentCredit& agent : result.signals().agents()) {
    worst = std::max(worst, std::abs(agent.credit() - episode.shapley.at(agent.agent_id())));
  }
  return worst;
}

}  // namespace

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const auto episodes = assay::examples::ReadHumanEval(absl::GetFlag(FLAGS_data));
  if (!episodes.ok()) {
    std::cerr << episodes.status() << "\n";
    return 1;
  }
  assay::client::StreamConfig config;
  if (const std::string name = absl::GetFlag(FLAGS_evaluator); !name.empty()) {
    config.options.mutable_named()->set_name(name);
  } else {
    config.options.mutable_caller();
    config.evaluate = [&](const v1::Episode& episode, const v1::EvaluateRequest& request) {
      return assay::examples::AnswerHumanEval(episodes->at(episode.id()), request);
    };
  }
  const auto client = assay::client::SignalClient::Connect(absl::GetFlag(FLAGS_server));
  const auto stream = client->Stream(config);
  std::thread writer([&] {
    for (const auto& [id, episode] : *episodes) {
      if (!stream->Write(episode.episode).ok()) break;
    }
    stream->WritesDone();
  });
  int count = 0;
  double worst = 0;
  while (const auto result = stream->Read()) {
    const auto* episode = std::get_if<v1::EpisodeResult>(&*result);
    if (episode == nullptr) continue;
    worst = std::max(worst, Compare(*episode, episodes->at(episode->episode_id())));
    ++count;
  }
  writer.join();
  const absl::Status status = stream->Finish();
  std::cout << count << " episodes, largest difference " << worst << "\n";
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() && worst <= 1e-8 ? 0 : 1;
}
