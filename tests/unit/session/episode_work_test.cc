#include "server/session/episode_work.h"

#include <gtest/gtest.h>

#include "server/audit/result.h"
#include "tests/unit/session/episodes.h"

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

TEST(EpisodeWork, ShortEndsWhereItSays) {
  // Sets of agents: 2^8 are few enough.
  EXPECT_TRUE(Short(SmallVote("eight", "ABCABCAB")));
  EXPECT_FALSE(Short(SmallVote("nine", "ABCABCABC")));

  v1::Episode episode = SmallVote("long", "ABA");
  for (v1::Message& message : *episode.mutable_messages()) message.clear_content();
  while (episode.messages_size() < 64) episode.add_messages();
  EXPECT_TRUE(Short(episode));
  episode.add_messages();
  EXPECT_FALSE(Short(episode));

  v1::Episode text = SmallVote("text", "ABA");
  for (v1::Message& message : *text.mutable_messages()) message.clear_content();
  text.mutable_messages(0)->set_content(std::string(4096, 'x'));
  EXPECT_TRUE(Short(text));
  text.mutable_messages(1)->set_content("y");
  EXPECT_FALSE(Short(text));
  v1::AttributionOptions unread;
  unread.mutable_message_rewards()->set_redundancy(v1::REDUNDANCY_OFF);
  EXPECT_TRUE(Short(text, unread));
}

TEST(EpisodeWork, SoftRewardsAndFittedPriorsAreNotShort) {
  v1::AttributionOptions soft;
  soft.mutable_first_error()->set_soft_rewards(true);
  EXPECT_FALSE(Short(SmallVote("soft", "ABA"), soft));
  v1::AttributionOptions fitted;
  fitted.mutable_first_error()->mutable_fitted()->add_features("position");
  fitted.mutable_first_error()->mutable_fitted()->add_weights(1);
  EXPECT_FALSE(Short(SmallVote("fitted", "ABA"), fitted));
}

// Whoever has a table is answered by it; whoever can vote, by a vote; all others by the outcome.
TEST(EpisodeWork, TheEvaluatorFollowsFromTheEpisode) {
  const auto name = [](const v1::Episode& episode) {
    const auto options = ResolveOptions({}, Limits(), Catalog(), std::nullopt);
    return std::string(EvaluatorFor(episode, *options)->name());
  };
  v1::Episode episode = SmallVote("e", "AB");
  EXPECT_EQ(name(episode), "vote");
  episode.mutable_task()->clear_reference_answer();
  EXPECT_EQ(name(episode), "outcome");
  episode.mutable_task()->set_reference_answer("A");
  for (v1::Message& message : *episode.mutable_messages()) message.clear_agent_id();
  EXPECT_EQ(name(episode), "outcome") << "context has no vote";
  for (int i = 0; i < 4; ++i) episode.mutable_values()->add_coalition_values(0);
  EXPECT_EQ(name(episode), "given");
}

TEST(EpisodeWork, AResponseFitsOrIsAnError) {
  const auto episode = std::make_shared<v1::Episode>(SmallVote("e", "ABA"));
  auto resolved =
      std::make_shared<ResolvedOptions>(*ResolveOptions({}, Limits(), Catalog(), std::nullopt));
  const auto work = AcceptEpisode(episode, 100, resolved, Limits());
  ASSERT_TRUE(work.ok());
  const v1::EpisodeResult whole = MakeResult(*work, Attribute(*work));
  ASSERT_TRUE(whole.has_signals());
  // 64 bytes are kept for what is around the signals.
  resolved->max_response_bytes = static_cast<int64_t>(whole.ByteSizeLong()) + 64;
  EXPECT_TRUE(MakeResult(*work, Attribute(*work)).has_signals());
  --resolved->max_response_bytes;
  const v1::EpisodeResult none = MakeResult(*work, Attribute(*work));
  EXPECT_FALSE(none.has_signals());
  EXPECT_EQ(none.episode_id(), "e");
  EXPECT_EQ(none.error().code(), static_cast<int>(absl::StatusCode::kResourceExhausted));
}

TEST(EpisodeWork, MemoryIsTextAndAKibibyteAPart) {
  EXPECT_EQ(MemoryOf(SmallEpisode("e", 1, 5), 1000), 1000 + (5 + 2) * 1024);
}

TEST(EpisodeWork, AFullAuditOfAFewIsShort) {
  v1::AttributionOptions options;
  options.set_audit(v1::AUDIT_FULL);
  EXPECT_TRUE(Short(SmallVote("audited", "ABA"), options));
}

}  // namespace
}  // namespace assay::service
