#include "client/input/log_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "google/protobuf/struct.pb.h"
#include "server/base/json.h"
#include "tests/paths.h"

namespace assay::command {
namespace {

constexpr char kRecord[] = R"({"id": "run-1", "source": "s", "task": "2 + 2?",
  "reference_answer": "4", "outcome": 1, "agents": ["ann", "bob"], "extra": {"x": [1, null]},
  "messages": [
    {"index": 0, "round": 1, "agent": "ann", "content": "four", "answer": "4", "hidden_pass": 1},
    {"index": 1, "round": 2, "agent": "bob", "content": "no idea", "answer": null},
    {"index": 2, "agent": null, "content": "tool output"}]})";

v1::Episode Import(const std::string& json, const LogImportOptions& options = {}) {
  const auto episode = ImportLogRecord(json, options);
  EXPECT_TRUE(episode.ok()) << episode.status();
  return episode.ok() ? *episode : v1::Episode();
}

std::string ErrorOf(const std::string& json) {
  const auto episode = ImportLogRecord(json, {});
  EXPECT_TRUE(absl::IsInvalidArgument(episode.status()));
  return std::string(episode.status().message());
}

TEST(LogImportTest, ReadsARecord) {
  const v1::Episode episode = Import(kRecord);
  EXPECT_EQ(episode.id(), "run-1");
  EXPECT_EQ(episode.task().prompt(), "2 + 2?");
  EXPECT_EQ(episode.task().reference_answer(), "4");
  EXPECT_EQ(episode.outcome().score(), 1);
  ASSERT_EQ(episode.agents_size(), 2);
  EXPECT_EQ(episode.agents(1).id(), "bob");
  ASSERT_EQ(episode.messages_size(), 3);
  EXPECT_EQ(episode.messages(0).answer(), "4");
  EXPECT_EQ(episode.messages(0).round(), 1);
  EXPECT_FALSE(episode.messages(1).has_answer());
  EXPECT_EQ(episode.messages(1).content(), "no idea");
  EXPECT_EQ(episode.messages(2).agent_id(), "");
  EXPECT_EQ(episode.messages(2).round(), 0);
}

// What the caller says counts for episodes too, which name their agents themselves.
TEST(ApplyChoices, OfAnEpisode) {
  v1::Episode episode;
  for (const char* name : {"ann", "user", "tool:search", "bot"}) {
    episode.add_agents()->set_id(name);
    episode.add_messages()->set_agent_id(name);
  }
  episode.mutable_agents(3)->set_kind(v1::AGENT_KIND_TOOL);
  episode.mutable_messages(1)->set_first_error(true);
  const auto with = [&](const LogImportOptions& options) {
    v1::Episode changed = episode;
    ApplyChoices(options, &changed);
    return changed;
  };
  EXPECT_EQ(with({}).SerializeAsString(), episode.SerializeAsString());

  const v1::Episode context = with({.context_agents = {"user", "tool:*"}});
  ASSERT_EQ(context.agents_size(), 2);
  EXPECT_EQ(context.agents(1).id(), "bot");
  EXPECT_EQ(context.messages(0).agent_id(), "ann");
  EXPECT_EQ(context.messages(1).agent_id(), "");
  EXPECT_EQ(context.messages(2).agent_id(), "");
  EXPECT_TRUE(context.messages(1).first_error());
  EXPECT_FALSE(with({.keep_labels = false, .context_agents = {}}).messages(1).first_error());

  const v1::Episode kinds = with({.context_agents = {"ann", "bot"}, .kinds = true});
  ASSERT_EQ(kinds.agents_size(), 4);
  EXPECT_EQ(kinds.agents(0).kind(), v1::AGENT_KIND_FRAMEWORK);
  EXPECT_EQ(kinds.agents(1).kind(), v1::AGENT_KIND_HUMAN);
  EXPECT_EQ(kinds.agents(2).kind(), v1::AGENT_KIND_TOOL);
  EXPECT_EQ(kinds.agents(3).kind(), v1::AGENT_KIND_TOOL) << "as it says itself";
  EXPECT_EQ(kinds.messages(1).agent_id(), "user");
}

TEST(LogImportTest, AMissingOutcomeIsNotTheScoreZero) {
  EXPECT_FALSE(Import(R"({"id": "a", "outcome": null, "messages": []})").outcome().has_score());
  EXPECT_TRUE(Import(R"({"id": "a", "outcome": 0, "messages": []})").outcome().has_score());
  EXPECT_EQ(Import(R"({"id": "a", "outcome": true, "messages": []})").outcome().score(), 1);
}

TEST(LogImportTest, AnEmptyAnswerIsAnAnswer) {
  const v1::Episode episode =
      Import(R"({"id": "a", "messages": [{"agent": "x", "content": "c", "answer": ""}]})");
  EXPECT_TRUE(episode.messages(0).has_answer());
}

TEST(LogImportTest, LabelsBecomeAnnotationsUnlessTheyAreDropped) {
  const std::string record = R"({"id": "a", "ground_truth": "8", "label": {"first_error_index": 1},
    "messages": [{"agent": "x", "content": "c"}, {"agent": "y", "content": "d"}]})";
  const v1::Episode kept = Import(record);
  EXPECT_EQ(kept.task().reference_answer(), "8");
  EXPECT_FALSE(kept.messages(0).first_error());
  EXPECT_TRUE(kept.messages(1).first_error());
  LogImportOptions drop;
  drop.keep_labels = false;
  EXPECT_FALSE(Import(record, drop).messages(1).first_error());
}

TEST(LogImportTest, AgentsAreTheAuthorsWhereTheRecordNamesNone) {
  const v1::Episode episode = Import(R"({"id": "a", "messages": [{"agent": "x", "content": ""},
    {"agent": "y", "content": ""}, {"agent": "x", "content": ""}]})");
  ASSERT_EQ(episode.agents_size(), 2);
  EXPECT_EQ(episode.agents(0).id(), "x");
  EXPECT_EQ(episode.agents(1).id(), "y");
}

TEST(LogImportTest, ContextAgentsAreNoPlayers) {
  LogImportOptions options;
  options.context_agents = {"user", "tool:*"};
  const v1::Episode episode = Import(R"({"id": "a", "agents": ["assistant", "tool:think", "user"],
    "messages": [{"agent": "user", "content": "hi"}, {"agent": "assistant", "content": "hello"},
                 {"agent": "tool:think", "content": "hm"}, {"agent": "users", "content": "?"}]})",
                                     options);
  ASSERT_EQ(episode.agents_size(), 1);
  EXPECT_EQ(episode.agents(0).id(), "assistant");
  EXPECT_EQ(episode.messages(0).agent_id(), "");
  EXPECT_EQ(episode.messages(1).agent_id(), "assistant");
  EXPECT_EQ(episode.messages(2).agent_id(), "");
  EXPECT_EQ(episode.messages(3).agent_id(), "users");
}

// One table for this reader and for assay_rl.convert.records: what a record becomes, or why not.
TEST(LogImportTest, ReadsTheTableThatThePythonClientReads) {
  std::ifstream table(testing::SourceFolder() / "tests/data/log_records.jsonl");
  std::string line;
  int rows = 0;
  while (std::getline(table, line)) {
    google::protobuf::Struct row;
    ASSERT_TRUE(FromJson(line, &row).ok()) << line;
    const auto text = [&row](const char* name) { return row.fields().at(name).string_value(); };
    SCOPED_TRACE(text("name"));
    LogImportOptions options;
    options.keep_labels = row.fields().count("drop_labels") == 0;
    if (row.fields().count("context") > 0) options.context_agents = {text("context")};
    options.kinds = row.fields().count("kinds") > 0;
    const auto episode = ImportLogRecord(text("record"), options);
    ++rows;
    if (row.fields().count("error") > 0) {
      EXPECT_TRUE(absl::IsInvalidArgument(episode.status()));
      EXPECT_THAT(std::string(episode.status().message()), ::testing::HasSubstr(text("error")));
      continue;
    }
    ASSERT_TRUE(episode.ok()) << episode.status();
    v1::Episode expected;
    ASSERT_TRUE(FromJson(text("episode"), &expected).ok());
    expected.mutable_task();
    EXPECT_EQ(ToJson(*episode), ToJson(expected));
  }
  EXPECT_GE(rows, 30);
}

TEST(LogImportTest, WhatIsNoRecordIsAnError) {
  ErrorOf("[]");
  ErrorOf("{");
}

}  // namespace
}  // namespace assay::command
