#include "server/evaluation/evaluators/vote_replay.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "server/base/mutex.h"
#include "server/credit/owen.h"
#include "server/credit/owen_sets.h"
#include "server/evaluation/evaluators/answer_classes.h"
#include "server/evaluation/evaluators/vote_group.h"
#include "server/evaluation/evaluators/vote_teams.h"
#include "server/plan/coalition.h"
#include "server/signals/unions.h"

namespace assay::evaluation {
namespace {

using signals::Question;
using signals::QuestionKind;

constexpr int kMaxTableAgents = 20;

// One agent's message, as far as a vote is concerned.
struct Vote {
  int32_t agent = 0;
  int32_t round = 0;
  int32_t ballot = kNoBallot;  // by empty_ballots kNoneBallot where it has no answer
};

class VoteEpisode final : public EpisodeReplay {
 public:
  // `classes` are those of all episodes whose ballots are to be compared.
  VoteEpisode(std::shared_ptr<const EpisodeContext> context, const VoteOptions& options,
              AnswerClasses& classes)
      : context_(std::move(context)), mode_(options.ballots) {
    Classify(options, classes);
    std::array<int32_t, kMaxVoters> ballots;
    Cast(votes_.size(), last_round_, ballots);
    IndexBallots(ballots);
    IndexVotes();
  }

  // Of each agent, by the end of the episode.
  std::vector<int32_t> FinalBallots() const {
    std::array<int32_t, kMaxVoters> ballots;
    Cast(votes_.size(), last_round_, ballots);
    return {ballots.begin(), ballots.begin() + agents()};
  }

  absl::Status Answer(absl::Span<const Question> questions,
                      absl::Span<signals::Answer> answers) const override {
    for (size_t i = 0; i < questions.size(); ++i) {
      absl::Status status = AnswerOne(questions[i], answers[i]);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Span<const AnswerGrade> grades() const override { return grades_; }

 private:
  struct WrongClass {
    int32_t ballot = kNoBallot;
    Coalition members = 0;  // the agents whose final ballot is of this class
  };

  int agents() const { return static_cast<int>(context_->episode.agents.size()); }
  double Value(double share) const { return context_->range.low + context_->range.size() * share; }

  void Classify(const VoteOptions& options, AnswerClasses& classes) {
    const signals::Episode& episode = context_->episode;
    votes_.reserve(episode.messages.size());
    votes_before_.reserve(episode.messages.size() + 1);
    grades_.reserve(episode.messages.size());
    for (const signals::Message& message : episode.messages) {
      votes_before_.push_back(static_cast<int32_t>(votes_.size()));
      AnswerClasses::Graded found;
      if (message.agent != signals::kContext && message.answer.has_value()) {
        found = classes.Of(*message.answer);
      }
      grades_.push_back(found.grade);
      if (message.agent == signals::kContext) continue;
      if (found.ballot == kNoBallot && options.empty_ballots) found.ballot = kNoneBallot;
      votes_.push_back({message.agent, message.round, found.ballot});
      last_round_ = std::max(last_round_, message.round);
    }
    votes_before_.push_back(static_cast<int32_t>(votes_.size()));
  }

  // Each agent's ballot in the first `count` agents' messages; `last_round` is the round that
  // counts for Ballots::kLastRound.
  void Cast(size_t count, int32_t last_round, std::array<int32_t, kMaxVoters>& ballots) const {
    ballots.fill(kNoBallot);
    Coalition spoke = 0;
    for (size_t k = 0; k < count; ++k) {
      const Vote& vote = votes_[k];
      switch (mode_) {
        case Ballots::kFirst:
          if ((spoke >> vote.agent & 1) == 0) ballots[vote.agent] = vote.ballot;
          spoke |= Coalition{1} << vote.agent;
          break;
        case Ballots::kLast:
          if (vote.ballot != kNoBallot) ballots[vote.agent] = vote.ballot;
          break;
        case Ballots::kLastRound:
          if (vote.ballot != kNoBallot && vote.round == last_round) {
            ballots[vote.agent] = vote.ballot;
          }
          break;
      }
    }
  }

  // Which messages can be an agent's ballot: of those that a question keeps, the first or the last.
  void IndexVotes() {
    eligible_.resize(context_->episode.agents.size());
    const size_t count = std::min<size_t>(votes_.size(), PlayerSet::kMaxPlayers);
    for (size_t k = 0; k < count; ++k) {
      const Vote& vote = votes_[k];
      const bool in_round = mode_ != Ballots::kLastRound || vote.round == last_round_;
      if (mode_ == Ballots::kFirst || (vote.ballot != kNoBallot && in_round)) {
        eligible_[vote.agent].insert(static_cast<int>(k));
      }
    }
  }

  void IndexBallots(const std::array<int32_t, kMaxVoters>& ballots) {
    for (int i = 0; i < agents(); ++i) {
      const Coalition bit = Coalition{1} << i;
      if (ballots[i] == kRightBallot) {
        right_ |= bit;
      } else if (ballots[i] != kNoBallot) {
        const auto found = std::find_if(wrong_.begin(), wrong_.end(), [&](const WrongClass& wrong) {
          return wrong.ballot == ballots[i];
        });
        WrongClass& wrong = found != wrong_.end() ? *found : wrong_.emplace_back();
        wrong.ballot = ballots[i];
        wrong.members |= bit;
      }
    }
  }

  // With the final ballots of a coalition, and one more ballot beside them.
  double RightShare(Coalition coalition, int32_t extra = kNoBallot) const {
    const int right = std::popcount(coalition & right_) + (extra == kRightBallot ? 1 : 0);
    if (right == 0) return 0;
    int tied = 1;
    bool alone =
        extra != kNoBallot && extra != kRightBallot;  // nobody's final ballot is like the extra
    for (const WrongClass& wrong : wrong_) {
      const bool joined = wrong.ballot == extra;
      const int votes = std::popcount(coalition & wrong.members) + (joined ? 1 : 0);
      if (votes > right) return 0;
      tied += votes == right ? 1 : 0;
      alone = alone && !joined;
    }
    if (alone && right == 1) ++tied;
    return 1.0 / tied;
  }

  double Elect(const std::array<int32_t, kMaxVoters>& ballots) const {
    BallotCount count;
    for (int i = 0; i < agents(); ++i) count.Add(ballots[i]);
    return Value(count.RightShare());
  }

  // Which of the messages that are kept is the agent's ballot; -1: none.
  int BallotOf(const PlayerSet& eligible, const PlayerSet& kept) const {
    if (votes_.size() > 64) {
      return mode_ == Ballots::kFirst ? FirstCommon(eligible, kept) : LastCommon(eligible, kept);
    }
    const uint64_t common = eligible.mask() & kept.mask();
    if (common == 0) return -1;
    return mode_ == Ballots::kFirst ? std::countr_zero(common) : 63 - std::countl_zero(common);
  }

  double MessagesValue(const PlayerSet& subset) const {
    BallotCount count;
    for (const PlayerSet& eligible : eligible_) {
      const int vote = BallotOf(eligible, subset);
      if (vote >= 0) count.Add(votes_[vote].ballot);
    }
    return Value(count.RightShare());
  }

  double PrefixValue(int32_t length) const {
    const int32_t count = votes_before_[length];
    int32_t last_round = 0;
    for (int32_t k = 0; k < count; ++k) last_round = std::max(last_round, votes_[k].round);
    std::array<int32_t, kMaxVoters> ballots;
    Cast(count, last_round, ballots);
    return Elect(ballots);
  }

  absl::Span<const double> Table() const {
    // Not call_once, which makes a system call to wake those who do not wait.
    MutexLock lock(&mutex_);
    if (table_.empty()) {
      table_.resize(size_t{1} << agents());
      for (size_t mask = 0; mask < table_.size(); ++mask) table_[mask] = Value(RightShare(mask));
    }
    return table_;
  }

  using PartBallotsOf = absl::InlinedVector<int32_t, 16>;

  // The ballot of an agent of whose messages only a part is kept, for each part.
  PartBallotsOf PartBallots(int32_t agent) const {
    PartBallotsOf own;  // ballots of the agent's messages
    size_t eligible = 0;
    for (size_t k = 0; k < votes_.size(); ++k) {
      if (votes_[k].agent != agent) continue;
      if (eligible_[agent].contains(static_cast<int>(k))) eligible |= size_t{1} << own.size();
      own.push_back(votes_[k].ballot);
    }
    PartBallotsOf ballots(size_t{1} << own.size(), kNoBallot);
    for (size_t part = 1; part < ballots.size(); ++part) {
      const size_t common = part & eligible;
      if (common == 0) continue;
      ballots[part] =
          own[mode_ == Ballots::kFirst ? std::countr_zero(common) : std::bit_width(common) - 1];
    }
    return ballots;
  }

  // `coalitions` is the table of their values, or empty where it was not asked for.
  std::vector<double> OwenTable(const signals::Unions& unions,
                                absl::Span<const double> coalitions) const {
    absl::InlinedVector<Coalition, 16> agents_of(size_t{1} << unions.sizes.size());
    for (size_t set = 1; set < agents_of.size(); ++set) {
      const Coalition last = Coalition{1} << unions.agents[std::countr_zero(set)];
      agents_of[set] = agents_of[set & (set - 1)] | last;
    }
    const auto value_of = [&](Coalition coalition) {
      return coalitions.empty() ? Value(RightShare(coalition)) : coalitions[coalition];
    };
    std::vector<double> table;
    table.reserve(credit::OwenQuestionCount(unions.sizes));
    PartBallotsOf ballots;
    int partial = -1;
    credit::ForEachOwenSet(unions.sizes, [&](const credit::OwenSet& set) {
      if (set.partial != partial) {  // never back to none
        partial = set.partial;
        ballots = PartBallots(unions.agents[partial]);
      }
      const Coalition others = agents_of[set.whole];
      const int32_t ballot = partial < 0 ? kNoBallot : ballots[set.subset];
      if (ballot == kNoBallot) {
        table.push_back(value_of(others));
      } else if (ballot == ballots.back()) {  // as with all messages of the agent
        table.push_back(value_of(others | Coalition{1} << unions.agents[partial]));
      } else {
        table.push_back(Value(RightShare(others, ballot)));
      }
    });
    return table;
  }

  // One a message: 1 where its answer is right, -1 where it is wrong, NaN where it has none that
  // could be read: that is no evidence.
  std::vector<double> Scores() const {
    std::vector<double> scores;
    scores.reserve(grades_.size());
    for (const AnswerGrade grade : grades_) {
      scores.push_back(grade == AnswerGrade::kRight   ? 1.0
                       : grade == AnswerGrade::kWrong ? -1.0
                                                      : std::numeric_limits<double>::quiet_NaN());
    }
    return scores;
  }

  absl::Status AnswerOwenSets(signals::Answer& answer) const {
    const signals::Unions unions = signals::MakeUnions(context_->episode);
    if (votes_.size() > PlayerSet::kMaxPlayers ||
        credit::OwenQuestionCount(unions.sizes) > credit::kMaxOwenQuestions) {
      return absl::OutOfRangeError("messages: a table of their sets is too large");
    }
    MutexLock lock(&mutex_);
    if (owen_table_.empty()) owen_table_ = OwenTable(unions, table_);
    answer.table = owen_table_;
    return absl::OkStatus();
  }

  absl::Status AnswerOne(const Question& question, signals::Answer& answer) const {
    answer.samples = question.samples;
    switch (question.kind) {
      case QuestionKind::kCoalition:
        answer.mean = Value(RightShare(question.coalition()));
        return absl::OkStatus();
      case QuestionKind::kMessages:
        answer.mean = MessagesValue(question.players);
        return absl::OkStatus();
      case QuestionKind::kPrefix:
        answer.mean = PrefixValue(question.index);
        return absl::OkStatus();
      case QuestionKind::kMessageScores:
        answer.scores = Scores();
        return absl::OkStatus();
      case QuestionKind::kAllCoalitions:
        if (agents() > kMaxTableAgents) {
          return absl::OutOfRangeError(
              absl::StrCat("agents: a table of ", agents(), " agents is too large"));
        }
        answer.table = Table();
        return absl::OkStatus();
      case QuestionKind::kOwenSets:
        return AnswerOwenSets(answer);
      case QuestionKind::kCorrection:
      case QuestionKind::kTeam:
      case QuestionKind::kAllTeams:
        break;
    }
    return absl::UnimplementedError("vote replay cannot answer this kind of question");
  }

  const std::shared_ptr<const EpisodeContext> context_;
  const Ballots mode_;
  std::vector<Vote> votes_;            // of the agents' messages, in order
  std::vector<int32_t> votes_before_;  // node j: how many votes the first j messages hold
  std::vector<AnswerGrade> grades_;    // of all messages
  std::vector<PlayerSet> eligible_;    // of each agent, ordinals of its messages
  int32_t last_round_ = 0;
  Coalition right_ = 0;  // agents whose ballot is right
  absl::InlinedVector<WrongClass, 4> wrong_;
  mutable Mutex mutex_;
  // Once made, they stay as they are.
  mutable std::vector<double> table_ ABSL_GUARDED_BY(mutex_);
  mutable std::vector<double> owen_table_ ABSL_GUARDED_BY(mutex_);
};

class VoteReplay final : public LocalEvaluator {
 public:
  explicit VoteReplay(const VoteOptions& options) : options_(options) {
    traits_.kind = signals::EvaluatorKind::kVote;
    traits_.supports = Bit(QuestionKind::kCoalition) | Bit(QuestionKind::kMessages) |
                       Bit(QuestionKind::kPrefix) | Bit(QuestionKind::kMessageScores) |
                       Bit(QuestionKind::kAllCoalitions) | Bit(QuestionKind::kOwenSets) |
                       Bit(QuestionKind::kTeam) | Bit(QuestionKind::kAllTeams);
  }

  absl::string_view name() const override { return "vote"; }
  const signals::EvaluatorTraits& traits() const override { return traits_; }

  absl::StatusOr<std::shared_ptr<const EpisodeReplay>> Prepare(
      std::shared_ptr<const EpisodeContext> context) const override {
    if (absl::Status check = Check(*context); !check.ok()) return check;
    if (!context->members.empty()) return Group(std::move(context));
    AnswerClasses classes(options_, context->episode.reference_answer);
    return std::make_shared<const VoteEpisode>(std::move(context), options_, classes);
  }

 private:
  static absl::Status Check(const EpisodeContext& context) {
    if (context.episode.agents.size() > kMaxVoters) {
      return absl::OutOfRangeError("agents: vote replay takes at most 64");
    }
    const signals::Episode& first =
        context.members.empty() ? context.episode : context.members.front()->episode;
    if (first.reference_answer.empty()) {
      return absl::FailedPreconditionError(
          "task.reference_answer: vote replay grades answers against it");
    }
    for (const auto& member : context.members) {
      if (member->episode.reference_answer == first.reference_answer) continue;
      return absl::FailedPreconditionError(absl::StrCat("task.reference_answer: episodes \"",
                                                        first.id, "\" and \"", member->episode.id,
                                                        "\" do not have the same"));
    }
    return absl::OkStatus();
  }

  std::shared_ptr<const EpisodeReplay> Group(std::shared_ptr<const EpisodeContext> context) const {
    AnswerClasses classes(options_, context->members.front()->episode.reference_answer);
    std::vector<int32_t> ballots;
    for (const auto& member : context->members) {
      const std::vector<int32_t> own = VoteEpisode(member, options_, classes).FinalBallots();
      ballots.insert(ballots.end(), own.begin(), own.end());
    }
    return MakeVoteGroup(std::move(context), std::move(ballots));
  }

  const VoteOptions options_;
  signals::EvaluatorTraits traits_;
};

}  // namespace

std::shared_ptr<LocalEvaluator> MakeVoteReplay(const VoteOptions& options) {
  return std::make_shared<VoteReplay>(options);
}

}  // namespace assay::evaluation
