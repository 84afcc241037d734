#include "server/wire/notices/notices.h"

#include <gmock/gmock.h>

#include "tests/unit/session/session_driver.h"

namespace assay::service {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<v1::Notice::Kind> KindsOf(const std::vector<v1::StreamSignalsResponse>& responses) {
  std::vector<v1::Notice::Kind> kinds;
  for (const auto& response : responses) kinds.push_back(response.notice().kind());
  return kinds;
}

// The notices of a stream with these options about these episodes.
std::vector<v1::Notice::Kind> Said(const v1::AttributionOptions& options,
                                   const std::vector<v1::Episode>& episodes) {
  Driver driver;
  driver.Options(options);
  for (const v1::Episode& episode : episodes) driver.Episode(episode);
  EXPECT_EQ(driver.results().size(), episodes.size());
  for (const auto& result : driver.results()) EXPECT_TRUE(result.result().has_signals());
  return KindsOf(driver.Take(v1::StreamSignalsResponse::kNotice));
}

TEST(Notices, ScoresThatAreNeverNegativeOfAFailureOnce) {
  v1::Episode episode = SmallEpisode("a", 0, 2);
  episode.mutable_messages(0)->set_process_score(0.9);
  episode.mutable_messages(1)->set_process_score(0.1);
  v1::Episode again = episode;
  again.set_id("b");
  EXPECT_THAT(Said({}, {episode, again}), ElementsAre(v1::Notice::KIND_SCORES_NEVER_NEGATIVE));
  episode.mutable_outcome()->set_score(1);
  EXPECT_THAT(Said({}, {episode}), IsEmpty());
  again.mutable_messages(1)->set_process_score(-0.1);
  EXPECT_THAT(Said({}, {again}), IsEmpty());
}

TEST(Notices, TokensThatNobodyCounted) {
  v1::AttributionOptions options;
  options.mutable_message_rewards()->set_weigh_by_tokens(true);
  v1::Episode counted = SmallEpisode("counted", 1, 2);
  counted.mutable_messages(0)->set_token_count(3);
  EXPECT_THAT(Said(options, {counted}), IsEmpty());
  // Those of a tool weigh nothing.
  counted.mutable_messages(0)->clear_agent_id();
  EXPECT_THAT(Said(options, {counted, SmallEpisode("b", 0, 2)}),
              ElementsAre(v1::Notice::KIND_TOKENS_MISSING));
  EXPECT_THAT(Said({}, {SmallEpisode("b", 1, 2)}), IsEmpty());
}

TEST(Notices, LevelsThatAreNotShared) {
  v1::AttributionOptions options;
  v1::FirstErrorOptions& first_error = *options.mutable_first_error();
  first_error.mutable_model()->set_shared_level(0.5);
  EXPECT_THAT(Said(options, {SmallEpisode("a", 0, 1024)}), IsEmpty());
  EXPECT_THAT(Said(options, {SmallEpisode("a", 0, 1025)}),
              ElementsAre(v1::Notice::KIND_LEVELS_NOT_SHARED));
  EXPECT_THAT(Said(options, {SmallEpisode("a", 1, 1025)}), IsEmpty());
  first_error.set_soft_rewards(true);
  EXPECT_THAT(Said(options, {SmallEpisode("a", 0, 100)}), IsEmpty());
  EXPECT_THAT(Said(options, {SmallEpisode("a", 0, 120)}),
              ElementsAre(v1::Notice::KIND_LEVELS_NOT_SHARED));
  first_error.mutable_model()->set_shared_level(0);
  EXPECT_THAT(Said(options, {SmallEpisode("a", 0, 120)}), IsEmpty());
}

TEST(Notices, ScoresThatNobodyReads) {
  v1::Episode episode = SmallEpisode("a", 1, 3);
  episode.mutable_messages(0)->set_process_score(-0.5);
  EXPECT_THAT(Said({}, {episode}), IsEmpty());
  v1::Episode of_tool = episode;
  of_tool.set_id("b");
  of_tool.mutable_messages(1)->clear_agent_id();
  EXPECT_THAT(Said({}, {of_tool}), IsEmpty());
  of_tool.mutable_messages(1)->set_process_score(0);
  EXPECT_THAT(Said({}, {episode, of_tool}), ElementsAre(v1::Notice::KIND_SCORES_ON_CONTEXT));
  // Of whoever is no model, too, and in a failure.
  v1::Episode of_user = SmallEpisode("c", 0, 3);
  v1::Agent* user = of_user.add_agents();
  user->set_id("user");
  user->set_kind(v1::AGENT_KIND_USER_SIMULATOR);
  v1::Message* said = of_user.add_messages();
  said->set_agent_id("user");
  v1::JudgeScore* judged = said->add_judge_scores();
  judged->set_judge("j");
  judged->set_score(-1);
  EXPECT_THAT(Said({}, {of_user}), ElementsAre(v1::Notice::KIND_SCORES_ON_CONTEXT));
}

TEST(Notices, NameTheirEpisode) {
  v1::AttributionOptions options;
  options.mutable_message_rewards()->set_weigh_by_tokens(true);
  Driver driver;
  driver.Options(options);
  driver.Episode(SmallEpisode("", 1));  // is refused, and no reason for a hint
  driver.Episode(SmallEpisode("first", 1));
  driver.Episode(SmallEpisode("second", 1));
  const auto notices = driver.Take(v1::StreamSignalsResponse::kNotice);
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(notices[0].notice().episode_id(), "first");
  EXPECT_THAT(notices[0].notice().message(), testing::HasSubstr("weigh_by_tokens"));
}

}  // namespace
}  // namespace assay::service
