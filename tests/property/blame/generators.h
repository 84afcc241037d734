#ifndef ASSAY_TESTS_PROPERTY_BLAME_GENERATORS_H_
#define ASSAY_TESTS_PROPERTY_BLAME_GENERATORS_H_

#include "rapidcheck.h"
#include "server/blame/posterior.h"

namespace assay::blame {

inline double Unit() { return *rc::gen::inRange(0, 1001) / 1000.0; }
inline bool Chance(int percent) { return *rc::gen::inRange(0, 100) < percent; }

inline int AnyAgentsMessage(const Evidence& evidence) {
  const int count = static_cast<int>(evidence.authors.size());
  for (int tries = 0; tries < 8 && count > 0; ++tries) {
    const int t = *rc::gen::inRange(0, count);
    if (evidence.authors[t] >= 0) return t;
  }
  return -1;
}

inline void AddStatements(Evidence& evidence) {
  if (Chance(20)) {
    const int t = AnyAgentsMessage(evidence);
    if (t >= 0) evidence.annotations.push_back(t);
  }
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
    const int a = AnyAgentsMessage(evidence), b = AnyAgentsMessage(evidence);
    if (a >= 0 && b >= 0 && a != b) evidence.repairs.push_back({std::max(a, b), std::min(a, b)});
  }
}

inline void AddMeasurements(Evidence& evidence) {
  const int count = static_cast<int>(evidence.authors.size());
  if (Chance(60)) {
    for (int t = 0; t < count; ++t) {
      if (evidence.authors[t] >= 0 && Chance(70)) evidence.scores.push_back({t, 2 * Unit() - 1});
      if (evidence.authors[t] >= 0 && Chance(10)) evidence.scores.push_back({t, 2 * Unit() - 1});
    }
  }
  if (Chance(50)) {
    evidence.nodes.resize(count + 1);
    for (Rollouts& node : evidence.nodes) {
      node.trials = *rc::gen::inRange(0, 9);
      node.successes = node.trials * Unit();
    }
  }
  if (Chance(20)) {
    const int t = AnyAgentsMessage(evidence);
    if (t >= 0) evidence.corrections.push_back({t, {3 * Unit(), 3}});
  }
}

inline void AddAnswers(Evidence& evidence) {
  const bool graded = Chance(30), credited = Chance(60);
  const double range = evidence.high - evidence.low;
  for (const int author : evidence.authors) {
    const bool context = author < 0;
    if (graded) {
      evidence.grades.push_back(context ? Grade::kNone
                                        : static_cast<Grade>(*rc::gen::inRange(0, 4)));
    }
    if (credited) evidence.message_credit.push_back(context ? 0 : (2 * Unit() - 1) * range / 4);
  }
}

// Any valid evidence of up to 12 messages of up to 4 agents.
inline Evidence AnyEvidence() {
  Evidence evidence;
  evidence.agents = *rc::gen::inRange(1, 5);
  const int count = *rc::gen::inRange(0, 13);
  for (int t = 0; t < count; ++t) {
    evidence.authors.push_back(*rc::gen::inRange(-1, evidence.agents));
  }
  evidence.outcome = *rc::gen::element(Outcome::kFailure, Outcome::kSuccess, Outcome::kOpen);
  evidence.low = *rc::gen::element(0.0, -1.0, 10.0);
  evidence.high = evidence.low + *rc::gen::element(1.0, 0.001, 1000.0);
  const double share = evidence.outcome == Outcome::kSuccess ? 0.5 + Unit() / 2 : Unit() / 2;
  evidence.score = evidence.low + share * (evidence.high - evidence.low);
  if (Chance(20)) evidence.start_value = evidence.low + Unit() * (evidence.high - evidence.low);
  if (Chance(30)) {
    for (int t = 0; t < count; ++t) evidence.prior.push_back(Unit() * Unit());
    if (Chance(50)) evidence.prior_used = PriorUsed::kStated;
  }
  AddStatements(evidence);
  AddMeasurements(evidence);
  AddAnswers(evidence);
  return evidence;
}

inline ErrorDefinition AnyDefinition() {
  return *rc::gen::element(ErrorDefinition::kStaysUnlikely, ErrorDefinition::kCorrectionFlips,
                           ErrorDefinition::kIncorrectStep);
}

}  // namespace assay::blame

#endif  // ASSAY_TESTS_PROPERTY_BLAME_GENERATORS_H_
