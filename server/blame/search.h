#ifndef ASSAY_SERVER_BLAME_SEARCH_H_
#define ASSAY_SERVER_BLAME_SEARCH_H_

#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/blame/posterior.h"

namespace assay::blame {

struct SearchQuestion {
  enum class Kind {
    kPrefix,      // the first `index` messages stand, the rest is rolled out afresh
    kCorrection,  // message `index` is replaced by a correct one, the rest rolled out afresh
  };
  Kind kind = Kind::kPrefix;
  int index = 0;
  int samples = 1;
};

struct SearchAnswer {
  double mean = 0;      // in the value range of the evidence
  int samples = 0;      // 0: as many as were asked for
  double variance = 0;  // unbiased, of one sample; 0: exact, or unknown where there is one sample
};

struct SearchOptions {
  int max_rollouts = 0;  // samples of all questions together; 0: max(8, 8 ceil(log2 T))
  // Questions of a round. Fewer rounds find less: at T = 64 and 24 rollouts, 61 % one at a time but
  // 47 % four at a time. 0: as many as leave 24 rounds, one at least.
  int batch = 0;
  bool prefixes = true;        // kPrefix may be asked
  bool corrections = false;    // kCorrection may be asked
  bool deterministic = false;  // the same question has the same answer: ask it once only
  double settled = 0.95;       // stop when the largest entry of first passes this
};

// An active search for the first error, as an ask-tell plan:
//
//   FirstErrorSearch search(evidence, parameters, posterior_options, options);
//   while (!search.done()) search.tell(answers of search.ask());
//   Posterior p = ComputePosterior(search.evidence(), ...);
//
// Asks the node whose state is least certain given all evidence, P(Low) nearest 1/2. Where scores
// or a text prior say beforehand which messages are suspect, the entropy of first that an answer
// leaves decides between the nodes nearest 1/2. The last sixth of the budget is a local scan around
// the winner: the nodes beside it, and where corrections may be asked, the paired difference with
// and without it. Without prefixes, corrections take their place: message t corrected shows the
// state of node t. Deterministic. Not thread safe. O(T log T) a batch.
class FirstErrorSearch {
 public:
  // Requires Validate(evidence).ok(). Does nothing (done at once) where there is nothing to find:
  // an annotation, a definition that rollouts say nothing about, an outcome that is no failure, no
  // message of an agent.
  FirstErrorSearch(Evidence evidence, Parameters parameters, PosteriorOptions posterior_options,
                   SearchOptions options);

  bool done() const { return batch_.empty(); }

  // The next questions; empty only when done().
  const std::vector<SearchQuestion>& ask() const { return batch_; }

  // One answer a question of ask(), in order. INVALID_ARGUMENT where an answer is not finite, lies
  // outside the value range or is missing; the search then stays as it was.
  absl::Status tell(absl::Span<const SearchAnswer> answers);

  // All that is known by now.
  const Evidence& evidence() const { return evidence_; }
  int rollouts() const { return spent_; }

 private:
  using Kind = SearchQuestion::Kind;
  struct Node {
    double low;  // P(Low), or how far that is from where it is wanted
    int index;
    friend bool operator<(const Node& a, const Node& b) {
      return std::tie(a.low, a.index) < std::tie(b.low, b.index);
    }
  };

  void Plan();
  void PlanSearch(const Posterior& posterior, int questions);
  void PlanScan(const Posterior& posterior, int questions);
  std::vector<Node> AskableNodes(const Posterior& posterior) const;
  int MostTelling(const Posterior& posterior, std::vector<Node> near) const;
  bool Askable(Kind kind, int index) const;
  void Ask(Kind kind, int index);
  void TakeIn(const SearchQuestion& question, const SearchAnswer& answer);

  Evidence evidence_;
  const Parameters parameters_;
  const PosteriorOptions posterior_options_;
  const SearchOptions options_;
  int budget_ = 0;
  int batch_size_ = 1;
  int spent_ = 0;
  std::vector<SearchQuestion> batch_;
  std::vector<bool> asked_prefix_, asked_correction_;
};

// What an answer is worth as rollouts: successes of trials. A mean of n samples that scatter less
// than coin tosses counts for more than n, an exact value inside the range like a bare prefix
// value.
Rollouts FromAnswer(const SearchAnswer& answer, int asked, double low, double high);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_SEARCH_H_
