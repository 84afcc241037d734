#include "server/service/episode_work.h"

#include <gtest/gtest.h>

#include "tests/unit/service/episodes.h"

namespace assay::service {
namespace {

bool Short(const v1::Episode& episode, const v1::AttributionOptions& options = {}) {
  auto resolved = std::make_shared<ResolvedOptions>(
      *ResolveOptions(options, Limits(), Catalog(), std::nullopt));
  const auto work = AcceptEpisode(std::make_shared<v1::Episode>(episode),
                                  static_cast<int64_t>(episode.ByteSizeLong()), resolved, Limits());
  EXPECT_TRUE(work.ok()) << work.status();
  return IsShort(*work);
}

TEST(EpisodeWork, AVoteOfAFewIsShort) { EXPECT_TRUE(Short(SmallVote("few", "ABA"))); }

TEST(EpisodeWork, ManyAgentsAreNotShort) {
  EXPECT_FALSE(Short(SmallVote("many", "ABCABCABCABCA")));
}

TEST(EpisodeWork, ManyMessagesOfAFewAgentsAreNotShort) {
  v1::Episode episode = SmallVote("long", "ABA");
  for (int t = 0; t < 9; ++t) *episode.add_messages() = episode.messages(0);
  EXPECT_FALSE(Short(episode));  // 2^10 sets of one agent's messages
}

TEST(EpisodeWork, TextThatMustBeReadIsNotShort) {
  v1::Episode episode = SmallVote("text", "ABA");
  for (v1::Message& message : *episode.mutable_messages())
    message.set_content(std::string(4096, 'x'));
  EXPECT_FALSE(Short(episode));
  for (v1::Message& message : *episode.mutable_messages()) message.set_redundancy(0);
  EXPECT_TRUE(Short(episode));
}

TEST(EpisodeWork, SilentAgentsArePlayersToo) {
  v1::Episode episode = SmallVote("silent", "ABA");
  while (episode.agents_size() < 8) {
    episode.add_agents()->set_id(absl::StrCat("agent", episode.agents_size()));
  }
  EXPECT_TRUE(Short(episode));
  while (episode.agents_size() < 20) {  // a table of 2^20
    episode.add_agents()->set_id(absl::StrCat("agent", episode.agents_size()));
  }
  EXPECT_FALSE(Short(episode));
  while (episode.agents_size() < 40) {  // a regression
    episode.add_agents()->set_id(absl::StrCat("agent", episode.agents_size()));
  }
  EXPECT_FALSE(Short(episode));
  v1::AttributionOptions options;
  options.mutable_outcome();
  EXPECT_TRUE(Short(episode, options));
}

TEST(EpisodeWork, AnEstimateIsNotShort) {
  v1::AttributionOptions options;
  options.mutable_estimator()->set_max_questions(16);
  EXPECT_TRUE(Short(SmallVote("all", "ABAB"), options));
  EXPECT_FALSE(Short(SmallVote("some", "ABABA"), options));
}

TEST(EpisodeWork, APassForEachPairOfRatesIsNotShort) {
  v1::AttributionOptions options;
  options.mutable_first_error()->mutable_model()->set_shared_level(0.5);
  EXPECT_FALSE(Short(SmallVote("shared", "ABA"), options));
}

TEST(EpisodeWork, AFullAuditOfAFewIsShort) {
  v1::AttributionOptions options;
  options.set_audit(v1::AUDIT_FULL);
  EXPECT_TRUE(Short(SmallVote("audited", "ABA"), options));
}

}  // namespace
}  // namespace assay::service
