// Groups whose episodes are sent with the call, and what is said of their results.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "server/session/group_result.h"
#include "server/session/groups.h"
#include "tests/unit/session/episodes.h"
#include "tests/unit/session/groups_fixture.h"

namespace assay::service {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

TEST(Groups, ComputeAdvantagesIgnoresTheOrderOfEpisodes) {
  v1::ComputeAdvantagesRequest forward, backward;
  for (int i = 0; i < 6; ++i) {
    v1::EpisodeSignals signals = Signals(absl::StrCat("e", i), i % 3 == 0 ? 1 : 0.25);
    signals.mutable_group()->set_id("g");
    *forward.add_episodes() = signals;
  }
  for (int i = 5; i >= 0; --i) *backward.add_episodes() = forward.episodes(i);
  EXPECT_EQ(ComputeAdvantages(forward, Limits())->SerializeAsString(),
            ComputeAdvantages(backward, Limits())->SerializeAsString());
  *backward.add_episodes() = forward.episodes(2);
  EXPECT_EQ(ComputeAdvantages(backward, Limits()).status().message(),
            "episodes[6].episode_id: used twice: \"e2\"");
}

TEST(Groups, SayWhichPartsWereUsed) {
  TestGroups groups = MakeGroups();
  for (const char* id : {"x", "y"}) ASSERT_TRUE(groups.Join(Member(id, 2), kOpened).ok());
  Answer(&groups, "x", 1);
  Answer(&groups, "y", 0);
  const auto ready = groups.TakeReady();
  ASSERT_EQ(ready.size(), 1u);
  const v1::GroupSignals& signals = ready[0].signals();
  EXPECT_EQ(signals.outcome_part(), v1::OUTCOME_PART_CONTROL);
  EXPECT_EQ(signals.credit_part(), v1::CREDIT_PART_CREDIT);
  EXPECT_EQ(signals.reliability(), 1);
  EXPECT_EQ(signals.weight(), 0.5);
  EXPECT_FALSE(signals.parallel());
  const v1::MessageAdvantage& message = signals.episodes(0).messages(2);
  // S_yw = .25, S_ww = .125: beta is clipped to 1, and half of the outcome is the others'.
  EXPECT_NEAR(message.outcome_advantage(), 0.5, 1e-5);
  EXPECT_NEAR(message.local_advantage(), 1, 1e-5);
  EXPECT_EQ(message.advantage(), (message.outcome_advantage() + message.local_advantage()) / 2);
}

// The same numbers, wherever they are put together.
TEST(Groups, ComputeAdvantagesGivesTheBytesOfTheStream) {
  for (const bool complete : {true, false}) {
    v1::ComputeAdvantagesRequest request;
    request.mutable_options()->set_outcome(v1::OUTCOME_PART_CONTROL);
    v1::AdvantageOptions resolved = request.options();
    signals::Options options;
    options.advantages = *ResolveAdvantages(&resolved, options.range, "advantages.");
    options.pair_kinds = {blame::PairKind::kStep};  // ComputeAdvantages sees no texts
    TestGroups groups(options);
    for (const char* id : {"x", "y", "z"}) {
      v1::EpisodeSignals signals = Signals(id, *id == 'y' ? 0.25 : 0.5);
      signals.mutable_group()->set_id("g");
      if (!complete && *id == 'y') signals.mutable_agents(1)->clear_value_without();
      ASSERT_TRUE(groups.Join(Member(id, 3), kOpened).ok());
      groups.Answered("g", id, &signals, kOpened);
      *request.add_episodes() = signals;
    }
    const auto ready = groups.TakeReady();
    const auto computed = ComputeAdvantages(request, Limits());
    ASSERT_TRUE(computed.ok()) << computed.status();
    ASSERT_EQ(ready.size(), 1u);
    EXPECT_EQ(ready[0].has_signals(), complete);
    EXPECT_EQ(ready[0].SerializeAsString(), computed->groups(0).SerializeAsString());
    if (complete) continue;
    ASSERT_EQ(ready[0].error().violations_size(), 1);
    EXPECT_EQ(ready[0].error().code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
    EXPECT_EQ(ready[0].error().violations(0).field(), "options.advantages.outcome");
    EXPECT_THAT(ready[0].error().violations(0).description(),
                StartsWith("episode \"y\": agent \"b\" has no value_without"));
  }
}

TEST(Groups, AResultFitsOrIsAnError) {
  GroupWork work;
  work.id = "g";
  work.members.emplace("x", AnsweredMember(Signals("x", 1)));
  work.members.emplace("y", AnsweredMember(Signals("y", 0)));
  work.missing = {"z"};
  work.never_sent = 2;
  work.options = Resolved();
  const auto result = [&](int64_t max_response_bytes) {
    v1::GroupResult made;
    MakeGroupResult(work, std::nullopt, &made);
    FitInto(max_response_bytes, &made);
    return made;
  };
  const v1::GroupResult whole = result(1 << 20);
  ASSERT_TRUE(whole.has_signals());
  EXPECT_THAT(whole.signals().missing_episode_ids(), ElementsAre("z"));
  EXPECT_EQ(whole.signals().never_sent(), 2);
  const auto bytes = static_cast<int64_t>(whole.ByteSizeLong());
  EXPECT_TRUE(result(bytes).has_signals());
  EXPECT_EQ(result(bytes - 1).error().code(),
            static_cast<int>(absl::StatusCode::kResourceExhausted));
}

TEST(Groups, ComputeAdvantagesNamesWhatIsWrong) {
  using Request = v1::ComputeAdvantagesRequest;
  const auto message = [](const std::function<void(Request*)>& spoil) {
    Request request;
    for (const char* id : {"x", "y"}) {
      v1::EpisodeSignals* episode = request.add_episodes();
      *episode = Signals(id, 1);
      episode->mutable_group()->set_id("g");
    }
    spoil(&request);
    Limits limits;
    limits.max_group_size = 3;
    limits.max_episodes_per_call = 5;
    return std::string(ComputeAdvantages(request, limits).status().message());
  };
  const auto more = [](int count, bool one_group) {
    return [=](Request* r) {
      for (int i = 0; i < count; ++i) {
        v1::EpisodeSignals* episode = r->add_episodes();
        *episode = Signals(absl::StrCat("more", i), 1);
        episode->mutable_group()->set_id(one_group ? "g" : absl::StrCat("g", i));
      }
    };
  };
  EXPECT_EQ(message([](Request*) {}), "");
  EXPECT_EQ(message(more(1, true)), "");
  EXPECT_THAT(message(more(2, true)), StartsWith("episodes: "));
  EXPECT_EQ(message(more(3, false)), "");
  EXPECT_THAT(message(more(4, false)), StartsWith("episodes: "));
  EXPECT_THAT(message([](Request* r) { r->clear_episodes(); }), StartsWith("episodes: "));
  EXPECT_THAT(message([](Request* r) { r->mutable_value_range(); }), StartsWith("value_range: "));
  EXPECT_THAT(message([](Request* r) { r->mutable_options()->set_blend(2); }),
              StartsWith("options.blend: "));
  EXPECT_THAT(message([](Request* r) {
                r->mutable_options()->set_scale(v1::OUTCOME_SCALE_NONE);
                r->mutable_options()->set_epsilon(0.5);
              }),
              StartsWith("options.epsilon: has no effect"));
  EXPECT_THAT(message([](Request* r) { r->mutable_episodes(1)->set_score(2); }),
              StartsWith("episodes[1].score: "));
  EXPECT_THAT(
      message([](Request* r) { r->mutable_episodes(1)->mutable_agents(1)->set_credit(1e13); }),
      StartsWith("episodes[1].agents[1].credit: "));
}

}  // namespace
}  // namespace assay::service
