// Ballots: which class of equal answers an answer belongs to, and counting them in an election.
#ifndef ASSAY_SERVER_EVALUATION_EVALUATORS_ANSWER_CLASSES_H_
#define ASSAY_SERVER_EVALUATION_EVALUATORS_ANSWER_CLASSES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "server/evaluation/evaluators/vote_replay.h"
#include "server/evaluation/evaluators/vote_teams.h"
#include "server/grading/grader.h"
#include "server/signals/episode.h"

namespace assay::evaluation {

using signals::AnswerGrade;

inline constexpr int kMaxVoters = 64;
// A vote for "none", and the first of the classes of answers that are not right.
inline constexpr int32_t kNoneBallot = 1;
inline constexpr int32_t kFirstWrongBallot = 2;

// Puts answers into classes: those that the grader takes for right, and each different other one.
// The texts that it is given outlive it.
class AnswerClasses {
 public:
  AnswerClasses(const VoteOptions& options, absl::string_view reference)
      : grader_(options.grader, options.tolerance, reference) {}

  struct Graded {
    int32_t ballot = kNoBallot;  // kNoBallot where there is no answer
    AnswerGrade grade = AnswerGrade::kNone;
  };

  // The same text is read once: voters repeat each other.
  Graded Of(absl::string_view answer) {
    for (const auto& [text, graded] : known_) {
      if (text == answer) return graded;
    }
    const Graded graded = Read(answer);
    if (known_.size() < kMaxKnown) known_.emplace_back(answer, graded);
    return graded;
  }

 private:
  static constexpr size_t kMaxKnown = 8;

  Graded Read(absl::string_view answer) {
    grading::GradedAnswer graded = grader_.Of(answer);
    if (graded.grade == grading::Grade::kNone) return {};
    if (graded.grade == grading::Grade::kRight) return {kRightBallot, AnswerGrade::kRight};
    const auto [entry, is_new] = others_.try_emplace(
        std::move(graded.form), kFirstWrongBallot + static_cast<int32_t>(others_.size()));
    const bool wrong = graded.grade == grading::Grade::kWrong;
    return {entry->second, wrong ? AnswerGrade::kWrong : AnswerGrade::kUnreadable};
  }

  const grading::Grader grader_;
  absl::InlinedVector<std::pair<absl::string_view, Graded>, kMaxKnown> known_;
  absl::flat_hash_map<std::string, int32_t> others_;
};

// Counts the ballots of an election: at most kMaxVoters of them.
class BallotCount {
 public:
  void Add(int32_t ballot) {
    if (ballot == kNoBallot) return;
    int i = 0;
    while (i < size_ && classes_[i] != ballot) ++i;
    if (i == size_) {
      classes_[size_] = ballot;
      votes_[size_++] = 0;
    }
    ++votes_[i];
  }

  // The share of the right answer in the election: 1/k in a tie of k, else 0.
  double RightShare() const {
    int most = 0;
    int tied = 0;
    bool right = false;
    for (int i = 0; i < size_; ++i) {
      if (votes_[i] > most) {
        most = votes_[i];
        tied = 0;
        right = false;
      }
      if (votes_[i] == most) {
        ++tied;
        right |= classes_[i] == kRightBallot;
      }
    }
    return right ? 1.0 / tied : 0.0;
  }

 private:
  std::array<int32_t, kMaxVoters> classes_;
  std::array<int32_t, kMaxVoters> votes_;
  int size_ = 0;
};

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_EVALUATORS_ANSWER_CLASSES_H_
