#include "tests/chaos/replay.h"

#include <grpcpp/grpcpp.h>

#include <memory>
#include <thread>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace assay::chaos {
namespace {

constexpr int kMaxRounds = 50;

bool MayBeAskedAgain(const v1::Error& error) {
  const auto code = static_cast<absl::StatusCode>(error.code());
  return code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kDeadlineExceeded;
}

// One stream to its end.
class Round {
 public:
  Round(const Workload& workload, std::vector<const v1::Episode*> episodes, Replayed* replayed)
      : workload_(workload), episodes_(std::move(episodes)), replayed_(replayed) {
    for (const v1::Episode* episode : episodes_) unanswered_[episode->id()] = episode;
  }

  // OK: `again` is what has to be asked again.
  absl::Status Run(client::SignalClient* client, absl::Duration pause,
                   std::vector<const v1::Episode*>* again) {
    const std::unique_ptr<client::SignalStream> stream = client->Stream(workload_.config);
    std::thread feeder([this, &stream, pause] {
      for (const v1::Episode* episode : episodes_) {
        if (!stream->Write(*episode).ok()) return;
        absl::SleepFor(pause);
      }
      stream->WritesDone();
    });
    absl::Status status;
    while (const auto result = stream->Read()) {
      status.Update(std::visit([this](const auto& answer) { return Take(answer); }, *result));
    }
    feeder.join();
    status.Update(stream->Finish());
    if (status.ok() && !unanswered_.empty()) {
      status = absl::DataLossError(absl::StrCat("no answer: ", unanswered_.begin()->first));
    }
    *again = again_;
    return status;
  }

 private:
  absl::Status Take(const v1::EpisodeResult& result) {
    const auto found = unanswered_.find(result.episode_id());
    if (found == unanswered_.end()) {
      return absl::InternalError(absl::StrCat("answered twice: ", result.episode_id()));
    }
    const v1::Episode* episode = found->second;
    unanswered_.erase(found);
    if (result.has_signals()) {
      replayed_->answers[absl::StrCat("episode ", result.episode_id())] =
          result.signals().SerializeAsString();
    } else if (MayBeAskedAgain(result.error()) && !episode->has_group()) {
      again_.push_back(episode);
    } else {
      return absl::InternalError(result.ShortDebugString());
    }
    return absl::OkStatus();
  }
  absl::Status Take(const v1::GroupResult& group) {
    const bool fresh =
        replayed_->answers
            .emplace(absl::StrCat("group ", group.group_id()), group.SerializeAsString())
            .second;
    return fresh ? absl::OkStatus() : absl::InternalError("a group was answered twice");
  }

  const Workload& workload_;
  const std::vector<const v1::Episode*> episodes_;
  Replayed* const replayed_;
  std::map<std::string, const v1::Episode*> unanswered_;
  std::vector<const v1::Episode*> again_;
};

}  // namespace

double TeamValue(const std::vector<int>& agents) {
  double failure = 1;
  for (const int agent : agents) failure *= 1 - 0.6 / (agent + 1);
  return 1 - failure;
}

absl::StatusOr<v1::Answers> AnswerByTeamValue(const v1::Episode& /*episode*/,
                                              const v1::EvaluateRequest& request) {
  v1::Answers answers;
  for (const v1::Question& question : request.questions()) {
    const auto& agents = question.counterfactual().coalition().agents();
    answers.add_answers()->set_mean(TeamValue({agents.begin(), agents.end()}));
  }
  return answers;
}

std::unique_ptr<client::SignalClient> ConnectAlone(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5000);
  return std::make_unique<client::SignalClient>(
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments), "");
}

absl::StatusOr<Replayed> Replay(client::SignalClient* client, const Workload& workload,
                                absl::Duration pause) {
  Replayed replayed;
  std::vector<const v1::Episode*> open;
  open.reserve(workload.episodes.size());
  for (const v1::Episode& episode : workload.episodes) open.push_back(&episode);
  for (int round = 0; round < kMaxRounds && !open.empty(); ++round) {
    if (round > 0) replayed.asked_again += static_cast<int64_t>(open.size());
    std::vector<const v1::Episode*> again;
    const absl::Status status = Round(workload, open, &replayed).Run(client, pause, &again);
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat(workload.name, ": ", status.message()));
    }
    open = std::move(again);
  }
  if (!open.empty()) return absl::UnavailableError(absl::StrCat(workload.name, ": fails for ever"));
  return replayed;
}

std::vector<std::string> Differences(const Replayed& a, const Replayed& b) {
  std::vector<std::string> keys;
  for (const auto& [key, bytes] : a.answers) {
    const auto other = b.answers.find(key);
    if (other == b.answers.end() || other->second != bytes) keys.push_back(key);
  }
  for (const auto& [key, bytes] : b.answers) {
    if (a.answers.count(key) == 0) keys.push_back(key);
  }
  return keys;
}

}  // namespace assay::chaos
