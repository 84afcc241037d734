#ifndef ASSAY_SERVER_BLAME_SEARCH_H_
#define ASSAY_SERVER_BLAME_SEARCH_H_

#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/blame/posterior.h"
#include "server/plan/plan.h"

namespace assay::blame {

// Why a search asks no more.
enum class SearchEnd {
  kNone,       // it never began, or is not over
  kSettled,    // the posterior has decided
  kBudget,     // all rollouts are spent
  kExhausted,  // no place is left that could be asked about
  kFailures,   // rollouts failed too often for more
};

struct SearchOptions {
  int max_rollouts = 0;  // samples of all questions together; 0: max(8, 8 ceil(log2 T))
  // Samples of one node, or of one correction; 0: no limit but max_rollouts.
  int max_node_rollouts = 0;
  // Samples that are asked for, those that fail included; 0: twice max_rollouts.
  int max_asked = 0;
  // A place whose questions failed so often in a row is asked no more.
  int max_failures = kMaxRolloutFailures;
  // Questions of a round. Fewer rounds find less: at T = 64 and 24 rollouts, 61 % one at a time but
  // 47 % four at a time. 0: as many as leave 24 rounds, one at least.
  int batch = 0;
  bool prefixes = true;        // kPrefix may be asked
  bool corrections = false;    // kCorrection may be asked
  bool deterministic = false;  // the same question has the same answer: ask it once only
  double settled = 0.95;       // stop when the largest entry of first passes this
};

// An active search for the first error. It asks kPrefix and kCorrection questions, and its result
// is the evidence with what was found, for ComputePosterior. finish() works at any time.
//
// Asks the node whose state is least certain given all evidence, P(Low) nearest 1/2. Where scores
// or a text prior say beforehand which messages are suspect, the entropy of first that an answer
// leaves decides between the nodes nearest 1/2. The last sixth of the budget is a local scan around
// the winner: the nodes beside it, and where corrections may be asked, the paired difference with
// and without it. Without prefixes, corrections take their place: message t corrected shows the
// state of node t. Deterministic. Not thread safe. O(T log T) a batch.
//
// An answer with an `error` is no evidence and spends no rollout of the budget. Its place is as
// uncertain as before, so that it is asked again, until it has failed `max_failures` times in a
// row: then the search goes on without it.
class FirstErrorSearch final : public Plan<Evidence> {
 public:
  // Requires Validate(evidence).ok(). Does nothing (done at once) where there is nothing to find:
  // an annotation, a definition that rollouts say nothing about, an outcome that is no failure, no
  // message of an agent.
  FirstErrorSearch(Evidence evidence, Parameters parameters, PosteriorOptions posterior_options,
                   SearchOptions options);

  bool done() const override { return batch_.empty(); }
  const std::vector<Question>& ask() const override { return batch_; }
  // INVALID_ARGUMENT where an answer is not finite, lies outside the value range or is missing; the
  // search then stays as it was.
  absl::Status tell(absl::Span<const Answer> answers) override;
  absl::StatusOr<Evidence> finish() override { return evidence_; }

  // All that is known by now.
  const Evidence& evidence() const { return evidence_; }
  int rollouts() const { return spent_; }
  int failed_rollouts() const { return failed_; }
  SearchEnd end() const { return end_; }
  // The nodes that the search goes without, ascending; a correction counts as the node before its
  // message.
  std::vector<int> FailedNodes() const;

 private:
  // A node, or a correction, as far as it was asked about.
  struct Place {
    int samples = 0;
    int failures = 0;  // in a row
  };
  struct Node {
    double low;  // P(Low), or how far that is from where it is wanted
    int index;
    friend bool operator<(const Node& a, const Node& b) {
      return std::tie(a.low, a.index) < std::tie(b.low, b.index);
    }
  };

  void PlanNext();
  void PlanSearch(const Posterior& posterior, int questions);
  void PlanScan(const Posterior& posterior, int questions);
  std::vector<Node> AskableNodes(const Posterior& posterior) const;
  int MostTelling(const Posterior& posterior, std::vector<Node> near) const;
  bool Askable(QuestionKind kind, int index) const;
  bool Fails(const Place& place) const { return place.failures >= options_.max_failures; }
  // How many samples the place may still get in this batch.
  int Room(QuestionKind kind, int index) const;
  void Ask(QuestionKind kind, int index);
  void TakeIn(const Question& question, const Answer& answer);
  const Place& PlaceOf(QuestionKind kind, int index) const {
    return kind == QuestionKind::kPrefix ? prefixes_[index] : corrections_[index];
  }
  Place& PlaceOf(QuestionKind kind, int index) {
    return kind == QuestionKind::kPrefix ? prefixes_[index] : corrections_[index];
  }

  Evidence evidence_;
  const Parameters parameters_;
  const PosteriorOptions posterior_options_;
  const SearchOptions options_;
  int budget_ = 0;
  int max_asked_ = 0;
  int batch_size_ = 1;
  int spent_ = 0;
  int failed_ = 0;
  SearchEnd end_ = SearchEnd::kNone;
  std::vector<Question> batch_;
  std::vector<Place> prefixes_, corrections_;  // one a message, at its node and of itself
};

// What an answer is worth as rollouts. The mean of n samples that scatter less than coin tosses
// counts for more than n trials; an exact value inside the range counts like a bare prefix value
// (FromPrefixValue).
Rollouts FromAnswer(const Answer& answer, double low, double high);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_SEARCH_H_
