#include "server/evaluation/evaluators/vote_group.h"

#include <cstddef>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"
#include "server/evaluation/evaluators/vote_teams.h"

namespace assay::evaluation {
namespace {

using signals::Question;
using signals::QuestionKind;

// Votes of teams put together from the episodes of a group.
class VoteGroup final : public EpisodeReplay {
 public:
  VoteGroup(std::shared_ptr<const EpisodeContext> context, std::vector<int32_t> ballots)
      : context_(std::move(context)), ballots_(std::move(ballots)) {}

  absl::Status Answer(absl::Span<const Question> questions,
                      absl::Span<signals::Answer> answers) const override {
    for (size_t i = 0; i < questions.size(); ++i) {
      answers[i].samples = questions[i].samples;
      if (questions[i].kind == QuestionKind::kTeam) {
        answers[i].mean = Value(RightShare(BallotsOf(questions[i].team)));
      } else if (questions[i].kind == QuestionKind::kAllTeams) {
        answers[i].table = Table();
      } else {
        return absl::UnimplementedError("a vote of a group answers questions about teams only");
      }
    }
    return absl::OkStatus();
  }

 private:
  int agents() const { return static_cast<int>(context_->episode.agents.size()); }
  double Value(double share) const { return context_->range.low + context_->range.size() * share; }

  std::vector<int32_t> BallotsOf(absl::Span<const int32_t> team) const {
    std::vector<int32_t> ballots(team.size(), kNoBallot);
    for (size_t i = 0; i < team.size(); ++i) {
      if (team[i] != signals::kAbsent) ballots[i] = ballots_[team[i] * agents() + i];
    }
    return ballots;
  }

  absl::Span<const double> Table() const {
    MutexLock lock(&mutex_);
    if (table_.empty()) {
      table_ = MeanRightShares(ballots_, agents());
      for (double& value : table_) value = Value(value);
    }
    return table_;
  }

  const std::shared_ptr<const EpisodeContext> context_;
  const std::vector<int32_t> ballots_;  // member by member
  mutable Mutex mutex_;
  mutable std::vector<double> table_ ABSL_GUARDED_BY(mutex_);  // once made, it stays as it is
};

}  // namespace

std::shared_ptr<const EpisodeReplay> MakeVoteGroup(std::shared_ptr<const EpisodeContext> context,
                                                   std::vector<int32_t> ballots) {
  return std::make_shared<const VoteGroup>(std::move(context), std::move(ballots));
}

}  // namespace assay::evaluation
