#include "client/cpp/examples/humaneval_game.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/input/line_reader.h"
#include "client/input/log_import.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"

namespace assay::examples {
namespace {

using google::protobuf::Struct;

constexpr char kTester[] = "Tester";

absl::StatusOr<HumanEvalEpisode> ReadRecord(const std::string& json) {
  HumanEvalEpisode read;
  absl::StatusOr<v1::Episode> episode = command::ImportLogRecord(json, {});
  if (!episode.ok()) return episode.status();
  read.episode = *std::move(episode);
  std::map<std::string, int> index;
  for (const v1::Agent& agent : read.episode.agents()) {
    index.emplace(agent.id(), static_cast<int>(index.size()));
  }
  if (const auto tester = index.find(kTester); tester != index.end()) read.tester = tester->second;

  Struct record;
  if (!google::protobuf::util::JsonStringToMessage(json, &record).ok()) {
    return absl::InvalidArgumentError("not a JSON object");
  }
  for (const auto& value : record.fields().at("messages").list_value().values()) {
    const auto& message = value.struct_value().fields();
    const auto hidden = message.find("hidden_pass");
    if (hidden == message.end() || !hidden->second.has_number_value()) continue;
    read.programs.push_back({index.at(message.at("agent").string_value()),
                             message.at("unit_passed").number_value(),
                             hidden->second.number_value()});
  }
  const auto extra = record.fields().find("extra");
  if (extra == record.fields().end()) return read;
  const auto& shapley = extra->second.struct_value().fields();
  if (const auto found = shapley.find("shapley"); found != shapley.end()) {
    for (const auto& [agent, value] : found->second.struct_value().fields()) {
      read.shapley.emplace(agent, value.number_value());
    }
  }
  return read;
}

double Value(const HumanEvalEpisode& episode, const v1::Coalition& coalition) {
  const auto& members = coalition.agents();
  const auto is_member = [&](int agent) {
    return std::find(members.begin(), members.end(), agent) != members.end();
  };
  double most = 0;
  for (const auto& program : episode.programs) {
    if (is_member(program.agent)) most = std::max(most, program.unit_passed);
  }
  double passed = 0;
  double count = 0;
  for (const auto& program : episode.programs) {
    if (!is_member(program.agent)) continue;
    if (is_member(episode.tester) && program.unit_passed < most) continue;
    passed += program.hidden_pass;
    count += 1;
  }
  return count > 0 ? passed / count : 0;
}

}  // namespace

absl::StatusOr<std::map<std::string, HumanEvalEpisode>> ReadHumanEval(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  std::map<std::string, HumanEvalEpisode> episodes;
  command::LineReader lines(file);
  absl::Status status;
  for (std::string line; lines.Next(&line);) {
    absl::StatusOr<HumanEvalEpisode> episode = ReadRecord(line);
    status = episode.status();
    if (!status.ok()) break;
    const std::string id = episode->episode.id();
    episodes.emplace(id, *std::move(episode));
  }
  if (status.ok()) status = lines.status();
  close(file);
  if (!status.ok()) return status;
  return episodes;
}

absl::StatusOr<v1::Answers> AnswerHumanEval(const HumanEvalEpisode& episode,
                                            const v1::EvaluateRequest& request) {
  v1::Answers answers;
  for (const v1::Question& question : request.questions()) {
    if (!question.counterfactual().has_coalition()) {
      return absl::UnimplementedError("only coalitions can be replayed");
    }
    answers.add_answers()->set_mean(Value(episode, question.counterfactual().coalition()));
  }
  return answers;
}

}  // namespace assay::examples
