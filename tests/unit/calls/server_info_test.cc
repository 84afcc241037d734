#include "server/calls/server_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::service {
namespace {

using ::testing::ElementsAre;

TEST(ServerInfo, NamesEveryEvaluatorAndWhatItAnswers) {
  Catalog catalog;
  const auto manual = std::make_shared<evaluation::ManualEvaluator>();
  manual->own_traits.supports = signals::Bit(signals::QuestionKind::kPrefix);
  manual->own_traits.free = false;
  catalog.evaluators["own"] = manual;
  const v1::GetServerInfoResponse info = ServerInfo(Limits(), catalog);
  const auto evaluator = [&info](int i) {
    const v1::EvaluatorInfo& of = info.evaluators(i);
    std::string text = of.name() + (of.free() ? " free" : "");
    for (const int kind : of.supports()) {
      const std::string name = v1::QuestionKind_Name(static_cast<v1::QuestionKind>(kind));
      absl::StrAppend(&text, " ", name.substr(14));
    }
    return text;
  };
  std::vector<std::string> all;
  for (int i = 0; i < info.evaluators_size(); ++i) all.push_back(evaluator(i));
  EXPECT_THAT(all, ElementsAre("vote free COALITION MESSAGES PREFIX MESSAGE_SCORES TEAM",
                               "given free COALITION",
                               "caller COALITION MESSAGES PREFIX CORRECTION MESSAGE_SCORES TEAM",
                               "outcome free", "own PREFIX"));
}

// What is not told is no part of the contract: every limit has its field, and every field is set.
TEST(ServerInfo, TellsEveryLimit) {
  Limits limits;
  limits.connections.max_connections = 7;
  const v1::Limits wire = ServerInfo(limits, Catalog()).limits();
  const google::protobuf::Message* const parts[] = {&wire, &wire.connections(), &wire.http()};
  for (const google::protobuf::Message* const part : parts) {
    const google::protobuf::Descriptor& fields = *part->GetDescriptor();
    for (int i = 0; i < fields.field_count(); ++i) {
      EXPECT_TRUE(part->GetReflection()->HasField(*part, fields.field(i)))
          << fields.field(i)->full_name();
    }
  }
  EXPECT_EQ(wire.connections().max_connections(), 7);
  EXPECT_EQ(wire.connections().max_connections_per_peer(), 3);
  EXPECT_EQ(wire.connections().resets().burst(), limits.connections.resets.burst);
  EXPECT_EQ(wire.connections().resets().per_second(), limits.connections.resets.per_second);
  EXPECT_EQ(wire.http().max_served_per_peer(), 45);
  EXPECT_EQ(wire.http().head_time().seconds(), 10);
}

}  // namespace
}  // namespace assay::service
