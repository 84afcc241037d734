#include "server/blame/search.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace assay::blame {
namespace {

constexpr int kLeastRollouts = 8;
constexpr int kRounds = 24;
// The targets of a round lie within so much around 1/2: the tails say little.
constexpr double kSpread = 0.6;
constexpr int kScanShare = 6;  // one in so many rollouts is kept for the scan
// Few enough to keep a question cheap; more of them did not find more errors.
constexpr int kTellingNodes = 16;
constexpr size_t kMaxTellingMessages = 1024;  // beyond, each question would take its time
constexpr double kMaxTrialsPerSample = 16;

int DefaultBudget(size_t messages) {
  const double bits = std::ceil(std::log2(std::max<double>(1, static_cast<double>(messages))));
  return std::max(kLeastRollouts, kLeastRollouts * static_cast<int>(bits));
}

double Entropy(const std::vector<double>& mass) {
  double entropy = 0;
  for (const double p : mass) {
    if (p > 0) entropy -= p * std::log(p);
  }
  return entropy;
}

bool WorthSearching(const Evidence& evidence, ErrorDefinition definition,
                    const SearchOptions& options) {
  return evidence.outcome == Outcome::kFailure && evidence.annotations.empty() &&
         definition != ErrorDefinition::kIncorrectStep &&
         (options.prefixes || options.corrections) &&
         std::any_of(evidence.authors.begin(), evidence.authors.end(),
                     [](int author) { return author >= 0; });
}

// The first of those nearest to `target`. `nodes` are sorted, and not empty.
template <class Node>
int Nearest(const std::vector<Node>& nodes, double target) {
  const auto first_of = [&nodes](double low) {
    return std::lower_bound(nodes.begin(), nodes.end(), low,
                            [](const Node& node, double bound) { return node.low < bound; });
  };
  const auto above = first_of(target);
  if (above == nodes.begin()) return above->index;
  const auto below = first_of(std::prev(above)->low);
  if (above == nodes.end()) return below->index;
  const Node down = {target - below->low, below->index};
  const Node up = {above->low - target, above->index};
  return std::min(down, up).index;
}

// What to ask next does not need the mixture over levels, at fifty times the cost.
Parameters Planned(Parameters parameters) {
  parameters.shared_level = 0;
  return parameters;
}

}  // namespace

Rollouts FromAnswer(const Answer& answer, double low, double high) {
  const double range = high - low;
  const double samples = answer.samples;
  const double mean = std::clamp((answer.mean - low) / range, 0.0, 1.0);
  const double coin = mean * (1 - mean);
  const double variance = answer.variance / (range * range);
  double trials = samples;
  if (coin > 0 && variance > 0) {
    trials = samples * std::clamp(coin / variance, 1.0, kMaxTrialsPerSample);
  } else if (coin > 0 && samples == 1) {
    return FromPrefixValue(answer.mean, low, high);
  }
  return {mean * trials, trials};
}

FirstErrorSearch::FirstErrorSearch(Evidence evidence, Parameters parameters,
                                   PosteriorOptions posterior_options, SearchOptions options)
    : evidence_(std::move(evidence)),
      parameters_(Planned(std::move(parameters))),
      posterior_options_(posterior_options),
      options_(options) {
  const size_t messages = evidence_.authors.size();
  evidence_.nodes.resize(messages + 1);
  prefixes_.resize(messages);
  corrections_.resize(messages);
  if (!WorthSearching(evidence_, posterior_options_.definition, options_)) return;
  budget_ = options_.max_rollouts > 0 ? options_.max_rollouts : DefaultBudget(messages);
  constexpr int kMost = std::numeric_limits<int>::max();
  max_asked_ = options_.max_asked > 0
                   ? options_.max_asked
                   : static_cast<int>(std::min<int64_t>(2 * int64_t{budget_}, kMost));
  batch_size_ = options_.batch > 0 ? options_.batch : std::max(1, budget_ / kRounds);
  PlanNext();
}

void FirstErrorSearch::PlanNext() {
  batch_.clear();
  const int left = budget_ - spent_;
  const int may_ask = max_asked_ - spent_ - failed_;
  if (left <= 0 || may_ask <= 0) {
    end_ = left <= 0 ? SearchEnd::kBudget : SearchEnd::kFailures;
    return;
  }
  const Posterior posterior = ComputePosterior(evidence_, parameters_, posterior_options_);
  if (posterior.likeliest_first < 0) {
    end_ = SearchEnd::kExhausted;
    return;
  }
  const double likeliest = posterior.first[posterior.likeliest_first];
  if (std::fmax(likeliest, posterior.environment) >= options_.settled) {
    end_ = SearchEnd::kSettled;
    return;
  }
  const int scan = budget_ / kScanShare;
  if (left > scan) {
    PlanSearch(posterior, std::min({batch_size_, left - scan, may_ask}));
  } else {
    PlanScan(posterior, std::min({batch_size_, left, may_ask}));
  }
  if (batch_.empty()) end_ = FailedNodes().empty() ? SearchEnd::kExhausted : SearchEnd::kFailures;
}

bool FirstErrorSearch::Askable(QuestionKind kind, int index) const {
  const bool prefix = kind == QuestionKind::kPrefix;
  if (index < 0 || index >= static_cast<int>(evidence_.authors.size())) return false;
  if (!(prefix ? options_.prefixes : options_.corrections && evidence_.authors[index] >= 0)) {
    return false;
  }
  const Place& place = PlaceOf(kind, index);
  return !Fails(place) && Room(kind, index) > 0 && !(options_.deterministic && place.samples > 0);
}

int FirstErrorSearch::Room(QuestionKind kind, int index) const {
  if (options_.max_node_rollouts <= 0) return std::numeric_limits<int>::max();
  return options_.max_node_rollouts - PlaceOf(kind, index).samples;
}

std::vector<int> FirstErrorSearch::FailedNodes() const {
  std::vector<int> nodes;
  for (size_t t = 0; t < prefixes_.size(); ++t) {
    if (Fails(prefixes_[t]) || Fails(corrections_[t])) nodes.push_back(static_cast<int>(t));
  }
  return nodes;
}

// One that is asked again comes right after: targets ascend, and with them the nodes nearest to
// them.
void FirstErrorSearch::Ask(QuestionKind kind, int index) {
  if (!batch_.empty() && batch_.back().kind == kind && batch_.back().index == index) {
    if (batch_.back().samples < Room(kind, index)) ++batch_.back().samples;
  } else {
    batch_.push_back({.kind = kind, .index = index});
  }
}

std::vector<FirstErrorSearch::Node> FirstErrorSearch::AskableNodes(
    const Posterior& posterior) const {
  const QuestionKind kind = options_.prefixes ? QuestionKind::kPrefix : QuestionKind::kCorrection;
  std::vector<Node> nodes;
  for (int j = 0; j < static_cast<int>(evidence_.authors.size()); ++j) {
    if (Askable(kind, j)) nodes.push_back({1 - posterior.high[j], j});
  }
  return nodes;
}

// The node after whose next rollout the first error is expected to be least uncertain, among those
// nearest 1/2.
int FirstErrorSearch::MostTelling(const Posterior& posterior, std::vector<Node> near) const {
  for (Node& node : near) node.low = std::fabs(node.low - 0.5);
  const size_t kept = std::min<size_t>(near.size(), kTellingNodes);
  std::partial_sort(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(kept), near.end());
  near.resize(kept);
  Evidence imagined = evidence_;
  const double range = evidence_.high - evidence_.low;
  int best = near.front().index;
  double least = 0;
  for (const Node& candidate : near) {
    const int j = candidate.index;
    const double success = (posterior.value[j] - evidence_.low) / range;
    Rollouts& node = imagined.nodes[j];
    node.trials += 1;
    const double failed =
        Entropy(ComputePosterior(imagined, parameters_, posterior_options_).first);
    node.successes += 1;
    const double succeeded =
        Entropy(ComputePosterior(imagined, parameters_, posterior_options_).first);
    node = evidence_.nodes[j];
    const double expected = success * succeeded + (1 - success) * failed;
    if (j == near.front().index || expected < least) {
      least = expected;
      best = j;
    }
  }
  return best;
}

void FirstErrorSearch::PlanSearch(const Posterior& posterior, int questions) {
  const bool informed = options_.prefixes &&
                        (!evidence_.scores.empty() || IsFromText(evidence_.prior_used)) &&
                        evidence_.authors.size() <= kMaxTellingMessages;
  const QuestionKind kind = options_.prefixes ? QuestionKind::kPrefix : QuestionKind::kCorrection;
  std::vector<Node> nodes = AskableNodes(posterior);
  if (nodes.empty()) return;
  if (informed && questions == 1) return Ask(kind, MostTelling(posterior, std::move(nodes)));
  std::sort(nodes.begin(), nodes.end());
  for (int i = 1; i <= questions; ++i) {
    // Answers that come together cannot build on each other: spread them.
    Ask(kind, Nearest(nodes, 0.5 + kSpread * (static_cast<double>(i) / (questions + 1) - 0.5)));
  }
  if (options_.deterministic) {
    for (Question& question : batch_) question.samples = 1;
  }
}

void FirstErrorSearch::PlanScan(const Posterior& posterior, int questions) {
  const int winner = posterior.likeliest_first;
  struct Candidate {
    double distance;
    QuestionKind kind;
    int index;
  };
  std::vector<Candidate> candidates;
  for (int j = winner - 1; j <= winner + 2; ++j) {
    if (!Askable(QuestionKind::kPrefix, j)) continue;
    candidates.push_back({std::fabs(posterior.high[j] - 0.5), QuestionKind::kPrefix, j});
  }
  // Good with the correction where it is bad without: nothing else ties the failure to one message.
  for (int t = winner - 1; t <= winner + 1; ++t) {
    if (!Askable(QuestionKind::kCorrection, t)) continue;
    const double doubt = std::fabs(posterior.error[t] - 0.5);
    candidates.push_back({doubt, QuestionKind::kCorrection, t});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.distance < b.distance; });
  const int asked = std::min(questions, static_cast<int>(candidates.size()));
  for (int i = 0; i < asked; ++i) {
    const int share = options_.deterministic ? 1 : questions / asked + (i < questions % asked);
    const auto [distance, kind, index] = candidates[i];
    batch_.push_back({.kind = kind, .samples = std::min(share, Room(kind, index)), .index = index});
  }
}

void FirstErrorSearch::TakeIn(const Question& question, const Answer& answer) {
  Place& place = PlaceOf(question.kind, question.index);
  if (!answer.error.ok()) {
    failed_ += question.samples;
    ++place.failures;
    return;
  }
  place.failures = 0;
  place.samples += question.samples;
  spent_ += question.samples;
  const Rollouts rollouts = FromAnswer(answer, evidence_.low, evidence_.high);
  if (question.kind == QuestionKind::kPrefix) {
    evidence_.nodes[question.index].successes += rollouts.successes;
    evidence_.nodes[question.index].trials += rollouts.trials;
  } else {
    evidence_.corrections.push_back({question.index, rollouts});
  }
}

absl::Status FirstErrorSearch::tell(absl::Span<const Answer> answers) {
  if (answers.size() != batch_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("answers: ", answers.size(), " for ", batch_.size(), " questions"));
  }
  for (size_t i = 0; i < answers.size(); ++i) {
    const Answer& answer = answers[i];
    if (!answer.error.ok()) continue;
    if (!(answer.mean >= evidence_.low && answer.mean <= evidence_.high)) {
      return absl::InvalidArgumentError(
          absl::StrCat("answers[", i, "].mean: not in the value range"));
    }
    if (!(answer.variance >= 0) || !std::isfinite(answer.variance)) {
      return absl::InvalidArgumentError(absl::StrCat("answers[", i, "].variance: not >= 0"));
    }
  }
  for (size_t i = 0; i < answers.size(); ++i) TakeIn(batch_[i], answers[i]);
  PlanNext();
  return absl::OkStatus();
}

}  // namespace assay::blame
