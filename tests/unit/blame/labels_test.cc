#include "server/blame/labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay::blame {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Optional;

constexpr auto kSound = Label::kSound;
constexpr auto kFirst = Label::kFirstError;
constexpr auto kError = Label::kError;
constexpr auto kRepair = Label::kRepair;
constexpr auto kAttempt = Label::kRepairAttempt;
constexpr auto kAligned = Label::kFailureAligned;
constexpr auto kNeutral = Label::kNeutral;

Evidence Episode(int messages, Outcome outcome) {
  Evidence evidence;
  evidence.authors.assign(messages, 0);
  evidence.agents = 1;
  evidence.outcome = outcome;
  evidence.score = outcome == Outcome::kSuccess ? 1 : 0;
  return evidence;
}

std::vector<Label> LabelsOf(const Evidence& evidence) {
  return AssignLabels(evidence, ComputePosterior(evidence));
}

TEST(Labels, TwoErrorsAndARepair) {  // worked example E8
  Evidence evidence = Episode(5, Outcome::kFailure);
  evidence.scores = {{0, .8}, {1, -.8}, {2, 0}, {3, .8}, {4, -.8}};
  evidence.nodes.resize(6);
  evidence.nodes[1] = {4, 4};
  evidence.nodes[2] = {0, 4};
  evidence.nodes[4] = {4, 4};
  const auto labels = AssignLabels(evidence, ComputePosterior(evidence, {.base_rate = 0.2}));
  EXPECT_THAT(labels, ElementsAre(kSound, kFirst, kNeutral, kRepair, kError));
}

TEST(Labels, AnnotatedFailure) {
  Evidence evidence = Episode(7, Outcome::kFailure);
  evidence.authors[1] = kNobody;
  evidence.annotations = {2};
  evidence.scores = {{3, -.6}, {4, .6}};
  evidence.repairs = {{5, 2}};
  EXPECT_THAT(LabelsOf(evidence),
              ElementsAre(kSound, kNeutral, kFirst, kAligned, kAttempt, kAttempt, kNeutral));
}

TEST(Labels, FailureWithoutAnySignal) {
  EXPECT_THAT(LabelsOf(Episode(5, Outcome::kFailure)), Each(kNeutral));
}

TEST(Labels, FailureOfGoodMessages) {
  Evidence evidence = Episode(6, Outcome::kFailure);
  for (int t = 0; t < 6; ++t) evidence.scores.push_back({t, .7});
  EXPECT_THAT(LabelsOf(evidence), Each(kNeutral));
}

TEST(Labels, ContradictingJudges) {
  Evidence evidence = Episode(4, Outcome::kFailure);
  evidence.scores = {{1, -.9}, {1, .9}, {2, .5}, {2, -.5}};
  EXPECT_THAT(LabelsOf(evidence), Each(kNeutral));
}

TEST(Labels, ErrorByTheLastMessage) {
  Evidence evidence = Episode(4, Outcome::kFailure);
  evidence.scores = {{0, .9}, {1, .9}, {2, .9}, {3, -.95}};
  EXPECT_THAT(LabelsOf(evidence), ElementsAre(kSound, kSound, kSound, kFirst));
}

TEST(Labels, ContextOnly) {
  Evidence evidence = Episode(3, Outcome::kFailure);
  evidence.authors.assign(3, kNobody);
  EXPECT_THAT(LabelsOf(evidence), Each(kNeutral));
  evidence.outcome = Outcome::kSuccess;
  EXPECT_THAT(LabelsOf(evidence), Each(kNeutral));
}

TEST(Labels, SuccessWithARepairedError) {
  Evidence evidence = Episode(6, Outcome::kSuccess);
  evidence.repairs = {{4, 1}};
  EXPECT_THAT(LabelsOf(evidence), ElementsAre(kSound, kFirst, kNeutral, kNeutral, kRepair, kSound));
  evidence.repairs.push_back({3, 1});
  EXPECT_THAT(LabelsOf(evidence), ElementsAre(kSound, kFirst, kNeutral, kAttempt, kRepair, kSound));
}

TEST(Labels, SuccessWithRolledOutError) {
  Evidence evidence = Episode(4, Outcome::kSuccess);
  evidence.nodes.resize(5);
  evidence.nodes[1] = {8, 8};
  evidence.nodes[2] = {0, 8};
  evidence.nodes[3] = {8, 8};
  EXPECT_THAT(LabelsOf(evidence), ElementsAre(kSound, kFirst, kRepair, kSound));
}

TEST(Labels, SuccessNeverErrsByScoresAlone) {
  Evidence evidence = Episode(4, Outcome::kSuccess);
  evidence.scores = {{1, -1}, {2, 1}};
  EXPECT_THAT(LabelsOf(evidence), ElementsAre(kSound, kNeutral, kSound, kSound));
  EXPECT_THAT(
      AssignLabels(evidence, ComputePosterior(evidence, {.error_rate = 100})),
      ::testing::Not(::testing::AnyOf(::testing::Contains(kFirst), ::testing::Contains(kError),
                                      ::testing::Contains(kRepair))));
}

TEST(Labels, OpenOutcomeHasNone) {
  Evidence evidence = Episode(4, Outcome::kOpen);
  evidence.annotations = {1};
  EXPECT_THAT(LabelsOf(evidence), Each(kNeutral));
}

TEST(Labels, TextAloneCanAlignWithFailure) {
  Evidence evidence = Episode(4, Outcome::kFailure);
  evidence.prior = {.02, .6, .3, .08};
  evidence.prior_used = PriorUsed::kStated;
  EXPECT_THAT(LabelsOf(evidence), ElementsAre(kSound, kFirst, kAligned, kNeutral));
}

TEST(Labels, AWrongAnswerIsNoRightStep) {
  Evidence evidence = Episode(4, Outcome::kSuccess);
  evidence.grades = {Grade::kWrong, Grade::kRight, Grade::kUnreadable, Grade::kNone};
  EXPECT_THAT(LabelsOf(evidence), ElementsAre(kNeutral, kSound, kNeutral, kSound));
  evidence.nodes = {{}, {8, 8}, {0, 8}, {8, 8}, {}};  // the unreadable one repaired
  EXPECT_THAT(LabelsOf(evidence), ElementsAre(kNeutral, kFirst, kNeutral, kSound));
}

TEST(Labels, ARightAnswerIsNoErrorByScoresOrTexts) {
  Evidence evidence = Episode(4, Outcome::kFailure);
  evidence.annotations = {1};
  evidence.scores = {{2, -.6}, {3, -.6}};
  evidence.grades = {Grade::kNone, Grade::kRight, Grade::kRight, Grade::kWrong};
  // An annotation may blame it; nothing says that it carried the error on.
  EXPECT_THAT(LabelsOf(evidence), ElementsAre(kSound, kFirst, kNeutral, kAligned));
  evidence.annotations.clear();
  evidence.scores = {{1, -.95}, {2, .9}};
  EXPECT_THAT(LabelsOf(evidence), Each(kNeutral));
  evidence.grades[1] = Grade::kWrong;
  EXPECT_EQ(LabelsOf(evidence)[1], kFirst);
}

}  // namespace
}  // namespace assay::blame
