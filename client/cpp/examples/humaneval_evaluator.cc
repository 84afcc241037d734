// HumanEval replay as a remote evaluator:
//
//   humaneval_evaluator --data=dylan_humaneval.jsonl.gz --listen=127.0.0.1:50061
//
// and in assayd's configuration file:
//
//   {"evaluators": [{"name": "humaneval", "remote": {"endpoints": ["127.0.0.1:50061"]}}]}
#include <iostream>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "client/cpp/examples/evaluator_server.h"
#include "client/cpp/examples/humaneval_game.h"

ABSL_FLAG(std::string, data, "", "the log: JSON lines, gzip or not");
ABSL_FLAG(std::string, listen, "127.0.0.1:0", "HOST:PORT");
ABSL_FLAG(absl::Duration, latency, absl::ZeroDuration(), "of every call");

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const auto episodes = assay::examples::ReadHumanEval(absl::GetFlag(FLAGS_data));
  if (!episodes.ok()) {
    std::cerr << episodes.status() << "\n";
    return 1;
  }
  assay::examples::EvaluatorServerOptions options;
  options.listen = absl::GetFlag(FLAGS_listen);
  options.latency = absl::GetFlag(FLAGS_latency);
  const absl::Status status = assay::examples::ServeEvaluator(
      options,
      [&](const assay::v1::EvaluateRequest& request) -> absl::StatusOr<assay::v1::Answers> {
        const auto found = episodes->find(request.episode_id());
        if (found == episodes->end()) {
          return absl::NotFoundError(absl::StrCat("no episode ", request.episode_id()));
        }
        return assay::examples::AnswerHumanEval(found->second, request);
      });
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
