#include "client/command/step_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"

namespace assay::command {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;

template <class Message>
Message Read(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

// Two agents, of which the second has no role; the first errs where the run failed.
v1::Episode EpisodeOf(const std::string& id) {
  return Read<v1::Episode>(
      absl::StrCat(R"(id: ")", id, R"(" agents { id: "a" role: "solver" } agents { id: "b" }
         task { prompt: "2 + 2?" } group { id: "g" size: 2 })"));
}

v1::EpisodeResult Scored(const std::string& id, double score, double credit) {
  const std::string failure =
      score > 0 ? "success: true" : "first_error { first_index: 0 tier: EVIDENCE_TIER_TEXT }";
  return Read<v1::EpisodeResult>(
      absl::StrCat(R"(episode_id: ")", id, R"(" signals { episode_id: ")", id, R"(" score: )",
                   score, " ", failure,
                   R"( grand_value: 1 group { id: "g" size: 2 }
          agents { agent_id: "a" credit: )",
                   credit, R"( low: 0 high: 0.5 } agents { agent_id: "b" credit: -0.25 }
          messages { index: 0 agent_id: "a" label: LABEL_SOUND redundancy: 0.5 grade: ANSWER_GRADE_RIGHT }
          messages { index: 20 agent_id: "b" label: LABEL_NEUTRAL grade: ANSWER_GRADE_WRONG }
          interactions { agent_a: "b" agent_b: "a" index: 0.5 }
          effort { questions: 4 samples: 8 method: METHOD_EXACT evaluator: "vote" } })"));
}

v1::GroupResult GroupOf() {
  return Read<v1::GroupResult>(R"(
      group_id: "g" signals { group_id: "g" std_score: 0.5 weight: 0.25 reliability: 0.5 credit_part: CREDIT_PART_CREDIT
        episodes { episode_id: "e1" messages { index: 0 advantage: 1 } messages { index: 20 advantage: -3 } }
        episodes { episode_id: "e2" messages { index: 0 advantage: 3 } messages { index: 7 advantage: 1 } } })");
}

// Scores 1 and 0; credits of the solver 0.75 and 0.25.
StepSummary Filled() {
  StepSummary summary(12);
  for (const char* id : {"e1", "e2", "lost"}) summary.Expect(EpisodeOf(id));
  summary.Add(Scored("e1", 1, 0.75));
  v1::EpisodeResult off = Scored("e2", 0, 0.25);
  off.mutable_signals()->set_outcome_mismatch(true);
  off.mutable_signals()->set_unexplained(-1);
  summary.Add(off);
  summary.Add(Read<v1::EpisodeResult>(R"(episode_id: "lost" error { code: 14 })"));
  summary.Add(GroupOf());
  return summary;
}

TEST(StepSummary, CountsWhatCame) {
  const Json told = Json::parse(Filled().ToJson());
  EXPECT_EQ(told["assay_step"], 1);
  EXPECT_EQ(told["step"], 12);
  EXPECT_EQ(told["episodes"], 3);
  EXPECT_EQ(told["failed"], 1);
  EXPECT_EQ(told["successes"], 1);
  EXPECT_EQ(told["messages"], 4);
  EXPECT_EQ(told["claimed"], 1);
  EXPECT_EQ(told["graded"], 4);
  EXPECT_EQ(told["right"], 2);
  EXPECT_EQ(told["groups"], 1);
  EXPECT_EQ(told["valued"], 2);
  EXPECT_EQ(told["mismatched"], 1);
  EXPECT_EQ(told["question_total"], 8);
  EXPECT_EQ(told["labels"], Json({{"SOUND", 2}, {"NEUTRAL", 2}}));
  EXPECT_EQ(told["tiers"], Json({{"TEXT", 1}}));
  EXPECT_EQ(told["synergy"], Json::parse(R"([["b", "solver", 0.5, 2]])"));
  EXPECT_EQ(told["budget"], Json::parse(R"([["vote", "EXACT", 2, 8, 4]])"));
  // The prompt's digest, as sha256sum says it.
  EXPECT_EQ(told["tasks"], Json::parse(R"({"prompt 70b499c547e0a11f": [2, 0.5]})"));
}

TEST(StepSummary, MeansAndSpreadsAreOfWhatIsKnown) {
  const Json told = Json::parse(Filled().ToJson());
  const Json& metrics = told["metrics"];
  EXPECT_EQ(metrics["score"], 0.5);
  EXPECT_EQ(metrics["score_spread"], 0.5);
  EXPECT_EQ(metrics["unexplained"], 0.5);
  EXPECT_EQ(metrics["first_errors"], 0.5);
  EXPECT_EQ(metrics["reliability"], 0.5);
  EXPECT_EQ(metrics["right_answers"], 0.5);
  // Advantages 1, -3, 3, 1: the mean 0.5, squares 0.25, 12.25, 6.25, 0.25.
  EXPECT_DOUBLE_EQ(metrics["advantage_spread"].get<double>(), std::sqrt(19.0 / 4));
  const Json& solver = told["roles"]["solver"];
  EXPECT_EQ(solver["credit"]["mean"], 0.5);
  EXPECT_EQ(solver["credit"]["quantiles"].size(), 21);
  EXPECT_EQ(solver["credit"]["quantiles"][9], 0.25);
  EXPECT_EQ(solver["credit"]["quantiles"][10], 0.75) << "half up";
  EXPECT_EQ(solver["advantage"]["mean"], 2);
  EXPECT_EQ(solver["positions"], Json::array({1}));
  EXPECT_EQ(told["roles"]["b"]["hurt"], 1);
  EXPECT_EQ(told["roles"]["b"]["advantage"]["n"], 1) << "no message 7 of it was scored";
  EXPECT_TRUE(told["roles"]["b"]["share"].is_null());
}

TEST(StepSummary, WhereNothingIsKnownThereIsNull) {
  const Json told = Json::parse(StepSummary(std::nullopt).ToJson());
  EXPECT_TRUE(told["step"].is_null());
  for (const auto& [name, value] : told["metrics"].items()) EXPECT_TRUE(value.is_null()) << name;
  EXPECT_EQ(told["roles"], Json::object());
}

TEST(StepSummary, AShareOfTheOutcomeIsNoCredit) {
  v1::EpisodeResult shared = Scored("e1", 1, 0.75);
  shared.mutable_signals()->mutable_effort()->set_evaluator("outcome");
  shared.mutable_signals()->mutable_agents(0)->set_reward_total(0.5);
  StepSummary summary(0);
  summary.Add(shared);
  const Json told = Json::parse(summary.ToJson());
  EXPECT_TRUE(told["roles"]["a"]["credit"].is_null());
  EXPECT_EQ(told["roles"]["a"]["share"]["mean"], 0.5);
  EXPECT_EQ(told["valued"], 0);
  EXPECT_TRUE(told["metrics"]["team_value"].is_null());
}

TEST(StepSummary, NumbersThatAreNotFiniteLeaveItReadable) {
  v1::EpisodeResult broken = Scored("e1", 1, std::numeric_limits<double>::quiet_NaN());
  broken.mutable_signals()->mutable_conservation()->set_error(
      std::numeric_limits<double>::infinity());
  StepSummary summary(0);
  summary.Add(broken);
  const Json told = Json::parse(summary.ToJson());
  EXPECT_TRUE(told["roles"]["a"]["credit"].is_null());
  EXPECT_EQ(told["conservation"], Json::array({0, 0, 0, 0, 1}));
}

TEST(StepSummary, IsTheSameInWhicheverOrderResultsCame) {
  StepSummary turned(12);
  for (const char* id : {"e1", "e2", "lost"}) turned.Expect(EpisodeOf(id));
  turned.Add(Read<v1::EpisodeResult>(R"(episode_id: "lost" error { code: 14 })"));
  v1::EpisodeResult off = Scored("e2", 0, 0.25);
  off.mutable_signals()->set_outcome_mismatch(true);
  off.mutable_signals()->set_unexplained(-1);
  turned.Add(off);
  turned.Add(Scored("e1", 1, 0.75));
  turned.Add(GroupOf());
  EXPECT_EQ(turned.ToJson(), Filled().ToJson());
}

TEST(StepSummary, IsWrittenWholeIntoFoldersThatItMakes) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "step_summary_test";
  std::filesystem::remove_all(folder);
  const std::filesystem::path path = folder / "run" / "step-12.json";
  ASSERT_TRUE(Filled().Write(path.string()).ok());
  std::ifstream file(path);
  EXPECT_EQ(Json::parse(file), Json::parse(Filled().ToJson()));
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".part"));
  EXPECT_FALSE(Filled().Write((path / "below a file").string()).ok());
}

TEST(StepSummary, TheNameOfTheFileTellsTheStep) {
  EXPECT_EQ(StepOfName("run/step-00012.json"), 12);
  EXPECT_EQ(StepOfName("run7/Step_3-of-60.json"), 3);
  EXPECT_EQ(StepOfName("a1b22.json.gz"), 22);
  EXPECT_EQ(StepOfName("step.12"), std::nullopt);
  EXPECT_EQ(StepOfName("1234567890123.json"), std::nullopt);
  EXPECT_EQ(StepOfName(""), std::nullopt);
}

}  // namespace
}  // namespace assay::command
