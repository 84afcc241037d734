// Each enum of the wire beside the domain's enum of the same meaning. A new value belongs into both
// enums and, where it is the last one, into its row here: the row does not compile otherwise.
#ifndef ASSAY_SERVER_WIRE_ENUMS_H_
#define ASSAY_SERVER_WIRE_ENUMS_H_

#include "assay/v1/options.pb.h"
#include "assay/v1/signals.pb.h"
#include "server/blame/labels.h"
#include "server/blame/pairs/pairs.h"
#include "server/blame/posterior.h"
#include "server/blame/search.h"
#include "server/credit/credit_plan.h"
#include "server/evaluation/evaluators/vote_replay.h"
#include "server/signals/options.h"

namespace assay::service {

// The wire has UNSPECIFIED in front of the domain's values.
template <auto last, auto wire_last>
struct AfterUnspecified {
  using Wire = decltype(wire_last);
  static constexpr int kOffset = 1;
  static_assert(static_cast<int>(last) + kOffset == static_cast<int>(wire_last));
};
// The domain has a value of its own for UNSPECIFIED.
template <auto last, auto wire_last>
struct SameNumbers {
  using Wire = decltype(wire_last);
  static constexpr int kOffset = 0;
  static_assert(static_cast<int>(last) == static_cast<int>(wire_last));
};

template <class Domain>
struct OnWire;

// Of options.
template <>
struct OnWire<credit::Method> : AfterUnspecified<credit::Method::kKernel, v1::METHOD_KERNEL> {};
template <>
struct OnWire<signals::EvidenceKind>
    : AfterUnspecified<signals::EvidenceKind::kEqual, v1::EVIDENCE_EQUAL> {};
template <>
struct OnWire<blame::ErrorDefinition> : AfterUnspecified<blame::ErrorDefinition::kIncorrectStep,
                                                         v1::ERROR_DEFINITION_INCORRECT_STEP> {};
template <>
struct OnWire<blame::PairKind>
    : AfterUnspecified<blame::PairKind::kPeer, v1::PREFERENCE_KIND_PEER> {};
template <>
struct OnWire<signals::OutcomeScale>
    : AfterUnspecified<signals::OutcomeScale::kNone, v1::OUTCOME_SCALE_NONE> {};
template <>
struct OnWire<signals::OutcomePart>
    : AfterUnspecified<signals::OutcomePart::kRecombined, v1::OUTCOME_PART_RECOMBINED> {};
template <>
struct OnWire<signals::CreditPart>
    : AfterUnspecified<signals::CreditPart::kNone, v1::CREDIT_PART_NONE> {};
template <>
struct OnWire<signals::AuditLevel> : AfterUnspecified<signals::AuditLevel::kFull, v1::AUDIT_FULL> {
};
template <>
struct OnWire<evaluation::Ballots>
    : AfterUnspecified<evaluation::Ballots::kLastRound, v1::BALLOTS_LAST_ROUND> {};
template <>
struct OnWire<grading::GraderKind>
    : AfterUnspecified<grading::GraderKind::kIdentical, v1::GRADER_IDENTICAL> {};
// The kinds after kTeam are whole tables, which only the server's own evaluators are asked for.
template <>
struct OnWire<signals::QuestionKind>
    : AfterUnspecified<signals::QuestionKind::kTeam, v1::QUESTION_KIND_TEAM> {};

// Of signals.
template <>
struct OnWire<credit::IntervalKind>
    : AfterUnspecified<credit::IntervalKind::kDesign, v1::INTERVAL_KIND_DESIGN> {};
template <>
struct OnWire<blame::Tier>
    : AfterUnspecified<blame::Tier::kAnnotation, v1::EVIDENCE_TIER_ANNOTATION> {};
template <>
struct OnWire<blame::SearchEnd>
    : SameNumbers<blame::SearchEnd::kFailures, v1::SEARCH_END_FAILURES> {};
template <>
struct OnWire<blame::PriorUsed>
    : AfterUnspecified<blame::PriorUsed::kGeneral, v1::PRIOR_USED_GENERAL> {};
template <>
struct OnWire<blame::Label> : SameNumbers<blame::Label::kNeutral, v1::LABEL_NEUTRAL> {};
template <>
struct OnWire<blame::Grade> : SameNumbers<blame::Grade::kUnreadable, v1::ANSWER_GRADE_UNREADABLE> {
};

template <class Domain>
constexpr typename OnWire<Domain>::Wire EnumToWire(Domain value) {
  return static_cast<typename OnWire<Domain>::Wire>(static_cast<int>(value) +
                                                    OnWire<Domain>::kOffset);
}

// `wire` is a known value, and not UNSPECIFIED unless the domain has a value for it. Takes any
// integer, as repeated enums are read.
template <class Domain>
constexpr Domain EnumFromWire(int wire) {
  return static_cast<Domain>(wire - OnWire<Domain>::kOffset);
}

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_ENUMS_H_
