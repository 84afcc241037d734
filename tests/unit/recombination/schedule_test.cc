#include "server/recombination/schedule.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace assay::recombination {
namespace {

using signals::Episode;

struct Turn {
  int agent;
  int round;
};

Episode Of(const std::vector<Turn>& turns) {
  Episode episode;
  episode.id = "e";
  episode.agents = {{"a", "", "a"}, {"b", "", "b"}, {"c", "", "c"}};
  for (const Turn& turn : turns) {
    signals::Message& message = episode.messages.emplace_back();
    message.agent = turn.agent;
    message.round = turn.round;
  }
  return episode;
}

constexpr int kTool = signals::kContext;

TEST(CheckParallel, TakesOneRound) {
  EXPECT_TRUE(CheckParallel(Of({{0, 1}, {1, 1}, {2, 1}}), Part::kAllMessages).ok());
  EXPECT_TRUE(
      CheckParallel(Of({{kTool, 0}, {0, 3}, {kTool, 0}, {1, 3}, {0, 3}}), Part::kAllMessages).ok());
  // Nobody else says anything that could be read.
  EXPECT_TRUE(CheckParallel(Of({{1, 0}}), Part::kAllMessages).ok());
  EXPECT_TRUE(CheckParallel(Of({{1, 1}, {1, 2}}), Part::kAllMessages).ok());
  EXPECT_TRUE(CheckParallel(Of({}), Part::kAllMessages).ok());
}

TEST(CheckParallel, NamesWhoHadReadWhat) {
  const absl::Status read =
      CheckParallel(Of({{0, 1}, {1, 1}, {kTool, 0}, {2, 2}}), Part::kAllMessages);
  EXPECT_EQ(read.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(read.message(),
            "episode \"e\": messages[3] (agent \"c\", round 2) had read messages[0] (agent \"a\", "
            "round 1)");
  // The lowest round need not come first.
  EXPECT_NE(CheckParallel(Of({{2, 2}, {0, 1}}), Part::kAllMessages).message().find("messages[0]"),
            std::string::npos);
  // An agent does not read itself.
  EXPECT_NE(
      CheckParallel(Of({{0, 1}, {1, 2}, {0, 2}}), Part::kAllMessages).message().find("messages[1]"),
      std::string::npos);
}

TEST(CheckParallel, DoesNotTrustWhatHasNoRound) {
  const absl::Status unknown = CheckParallel(Of({{0, 0}, {1, 0}}), Part::kAllMessages);
  EXPECT_EQ(
      unknown.message(),
      "episode \"e\": messages[1] (agent \"b\", no round) may have read messages[0] (agent \"a\", "
      "no round); Message.round or Group.parallel can say that it had not");
  EXPECT_FALSE(CheckParallel(Of({{0, 1}, {1, 0}}), Part::kAllMessages).ok());
  EXPECT_FALSE(CheckParallel(Of({{0, 0}, {1, 1}}), Part::kAllMessages).ok());
}

TEST(CheckParallel, CountsFirstMessagesAlone) {
  EXPECT_TRUE(CheckParallel(Of({{0, 1}, {1, 1}, {0, 2}, {1, 2}}), Part::kFirstMessages).ok());
  EXPECT_FALSE(CheckParallel(Of({{0, 1}, {1, 1}, {0, 2}, {1, 2}}), Part::kAllMessages).ok());
  EXPECT_FALSE(CheckParallel(Of({{0, 1}, {0, 2}, {1, 2}}), Part::kFirstMessages).ok());
}

TEST(CheckSameAgents, ComparesIdsInOrder) {
  const Episode episode = Of({});
  Episode other = Of({});
  EXPECT_TRUE(CheckSameAgents({}).ok());
  EXPECT_TRUE(CheckSameAgents({&episode, &other}).ok());
  std::swap(other.agents[0], other.agents[1]);
  EXPECT_EQ(CheckSameAgents({&episode, &other}).code(), absl::StatusCode::kFailedPrecondition);
  other.agents.resize(2);
  EXPECT_FALSE(CheckSameAgents({&episode, &other}).ok());
}

}  // namespace
}  // namespace assay::recombination
