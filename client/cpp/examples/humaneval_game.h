// HumanEval replay: what a coding team would have scored without some of its members, from programs
// that were really run.
//
// A record of the log is one episode: each message with a program carries `unit_passed`, how many
// of the tester's unit tests it passed, and `hidden_pass`, whether it passed the hidden ones. v(S)
// is the mean hidden_pass over the programs by members of S; where the tester is a member, only
// over those of them that passed most unit tests. Without a program v is 0.
#ifndef ASSAY_CLIENT_CPP_EXAMPLES_HUMANEVAL_GAME_H_
#define ASSAY_CLIENT_CPP_EXAMPLES_HUMANEVAL_GAME_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "assay/v1/episode.pb.h"
#include "assay/v1/evaluator_service.pb.h"

namespace assay::examples {

struct HumanEvalEpisode {
  struct Program {
    int agent = 0;  // index into episode.agents
    double unit_passed = 0;
    double hidden_pass = 0;
  };
  v1::Episode episode;
  std::vector<Program> programs;
  int tester = -1;                        // index; -1: the team has none
  std::map<std::string, double> shapley;  // `extra.shapley`: what credit should come out
};

// By id. `path` is JSON lines, gzip or not.
absl::StatusOr<std::map<std::string, HumanEvalEpisode>> ReadHumanEval(const std::string& path);

// One answer a question. UNIMPLEMENTED: a question that is not about a coalition.
absl::StatusOr<v1::Answers> AnswerHumanEval(const HumanEvalEpisode& episode,
                                            const v1::EvaluateRequest& request);

}  // namespace assay::examples

#endif  // ASSAY_CLIENT_CPP_EXAMPLES_HUMANEVAL_GAME_H_
