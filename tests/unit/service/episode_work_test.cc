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

TEST(EpisodeWork, AFullAuditOfAFewIsShort) {
  v1::AttributionOptions options;
  options.set_audit(v1::AUDIT_FULL);
  EXPECT_TRUE(Short(SmallVote("audited", "ABA"), options));
}

}  // namespace
}  // namespace assay::service
