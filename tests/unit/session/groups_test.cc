#include "server/session/groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "server/session/group_result.h"
#include "tests/unit/session/episodes.h"

namespace assay::service {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

const absl::Time kStart = absl::FromUnixSeconds(1000);

v1::Episode Member(const std::string& id, int size, const std::string& group = "g") {
  v1::Episode episode = SmallEpisode(id, 1);
  episode.mutable_group()->set_id(group);
  episode.mutable_group()->set_size(size);
  return episode;
}

v1::EpisodeSignals Signals(const std::string& id, double score) {
  v1::EpisodeSignals signals;
  signals.set_episode_id(id);
  signals.set_score(score);
  signals.set_owen_values(true);
  for (const char* agent : {"a", "b"}) {
    v1::AgentCredit* added = signals.add_agents();
    added->set_agent_id(agent);
    added->set_credit(score / 2);
    added->set_value_without(score / 2);
  }
  for (int t = 0; t < 4; ++t) {
    v1::MessageSignal* message = signals.add_messages();
    message->set_index(t);
    message->set_agent_id(t % 2 == 0 ? "a" : "b");
    message->set_credit(score / 4);
  }
  return signals;
}

std::shared_ptr<const ResolvedOptions> Resolved(const signals::Options& options = {}) {
  ResolvedOptions resolved = *ResolveOptions({}, Limits(), Catalog(), std::nullopt);
  resolved.options = std::make_shared<const signals::Options>(options);
  return std::make_shared<const ResolvedOptions>(std::move(resolved));
}

// Groups whose results are made as soon as they can be.
class TestGroups {
 public:
  explicit TestGroups(const signals::Options& options = {}, const Limits& limits = {},
                      absl::Duration timeout = absl::ZeroDuration(), int64_t max_bytes = 1 << 20)
      : groups_(Resolved(options), limits, timeout, max_bytes) {}
  absl::Status Join(const v1::Episode& episode, absl::Time now) {
    return groups_.Join(episode, nullptr, now);
  }
  void Answered(const std::string& group, const std::string& id, const v1::EpisodeSignals* signals,
                absl::Time now) {
    groups_.Answered(group, id, signals, now);
  }
  void OnTime(absl::Time now) { groups_.OnTime(now); }
  absl::Time next_time() const { return groups_.next_time(); }
  void Close() { groups_.Close(); }
  int64_t bytes() const { return groups_.bytes(); }
  std::vector<v1::GroupResult> TakeReady() {
    std::vector<v1::GroupResult> results;
    for (const GroupWork& work : groups_.TakeReady()) {
      MakeGroupResult(work, std::nullopt, &results.emplace_back());
      groups_.Done(work.id);
    }
    return results;
  }

 private:
  Groups groups_;
};

TestGroups MakeGroups(absl::Duration timeout = absl::ZeroDuration(), int64_t max_bytes = 1 << 20) {
  return TestGroups({}, Limits(), timeout, max_bytes);
}

void Answer(TestGroups* groups, const std::string& id, double score, const std::string& group = "g",
            absl::Time now = kStart) {
  const v1::EpisodeSignals signals = Signals(id, score);
  groups->Answered(group, id, &signals, now);
}

TEST(Groups, CompleteWhenTheAnnouncedNumberIsAnswered) {
  TestGroups groups = MakeGroups();
  ASSERT_TRUE(groups.Join(Member("x", 2), kStart).ok());
  Answer(&groups, "x", 1);
  ASSERT_TRUE(groups.Join(Member("y", 2), kStart).ok());
  EXPECT_TRUE(groups.TakeReady().empty());
  Answer(&groups, "y", 0);
  const auto ready = groups.TakeReady();
  ASSERT_EQ(ready.size(), 1u);
  // E5: the outcome part is +1 and -1, eps aside.
  const v1::GroupSignals& signals = ready[0].signals();
  EXPECT_EQ(signals.used(), 2);
  EXPECT_NEAR(signals.episodes(0).outcome_advantage(), 1, 1e-5);
  EXPECT_NEAR(signals.episodes(1).outcome_advantage(), -1, 1e-5);
  EXPECT_EQ(groups.bytes(), 0) << "an answered group keeps nothing";
}

TEST(Groups, MissingMembersAreNamedAndMayComeBack) {
  TestGroups groups = MakeGroups();
  for (const char* id : {"x", "y", "z"}) ASSERT_TRUE(groups.Join(Member(id, 3), kStart).ok());
  groups.Answered("g", "y", nullptr, kStart);
  ASSERT_TRUE(groups.Join(Member("y", 3), kStart).ok()) << "a failed member may be sent again";
  groups.Answered("g", "y", nullptr, kStart);
  Answer(&groups, "x", 1);
  Answer(&groups, "z", 0);
  const auto ready = groups.TakeReady();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_THAT(ready[0].signals().missing_episode_ids(), ElementsAre("y"));
}

TEST(Groups, NeverSentAreCountedAtTheEnd) {
  TestGroups groups = MakeGroups();
  ASSERT_TRUE(groups.Join(Member("x", 5), kStart).ok());
  ASSERT_TRUE(groups.Join(Member("y", 5), kStart).ok());
  Answer(&groups, "x", 1);
  groups.Close();
  EXPECT_TRUE(groups.TakeReady().empty()) << "y is unanswered";
  Answer(&groups, "y", 1);
  const auto ready = groups.TakeReady();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].signals().never_sent(), 3);
}

TEST(Groups, TimeoutNeedsTwoAnswers) {
  TestGroups groups = MakeGroups(absl::Seconds(10));
  ASSERT_TRUE(groups.Join(Member("x", 4), kStart).ok());
  ASSERT_TRUE(groups.Join(Member("y", 4), kStart).ok());
  ASSERT_TRUE(groups.Join(Member("z", 4), kStart).ok());
  Answer(&groups, "x", 1);
  EXPECT_EQ(groups.next_time(), absl::InfiniteFuture());
  groups.OnTime(kStart + absl::Seconds(11));
  EXPECT_TRUE(groups.TakeReady().empty());
  Answer(&groups, "y", 0, "g", kStart + absl::Seconds(12));
  auto ready = groups.TakeReady();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].signals().used(), 2);
  EXPECT_THAT(ready[0].signals().missing_episode_ids(), ElementsAre("z"));
  EXPECT_EQ(ready[0].signals().never_sent(), 1);
  // Late members change nothing, and the group does not come twice.
  Answer(&groups, "z", 0);
  ASSERT_TRUE(groups.Join(Member("w", 4), kStart).ok());
  Answer(&groups, "w", 0);
  groups.Close();
  EXPECT_TRUE(groups.TakeReady().empty());
  EXPECT_EQ(groups.bytes(), 0);
}

// A group of no announced number that has gone out is forgotten: its name may be used again.
TEST(Groups, AnOpenGroupThatTimedOutBeginsAnew) {
  TestGroups groups = MakeGroups(absl::Seconds(10));
  const absl::Time late = kStart + absl::Seconds(10);
  for (const char* id : {"x", "y"}) {
    ASSERT_TRUE(groups.Join(Member(id, 0), kStart).ok());
    Answer(&groups, id, 1);
  }
  EXPECT_EQ(groups.next_time(), late);
  groups.OnTime(late - absl::Nanoseconds(1));
  EXPECT_TRUE(groups.TakeReady().empty());
  groups.OnTime(late);
  ASSERT_EQ(groups.TakeReady().size(), 1u);
  EXPECT_EQ(groups.next_time(), absl::InfiniteFuture());
  for (const char* id : {"x", "y", "z"}) {
    ASSERT_TRUE(groups.Join(Member(id, 0), late).ok());
    Answer(&groups, id, 1, "g", late);
  }
  groups.Close();
  const auto again = groups.TakeReady();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].signals().used(), 3);
  EXPECT_EQ(again[0].signals().never_sent(), 0);
  EXPECT_EQ(groups.bytes(), 0);
}

TEST(Groups, ContradictionsAndSurplusAreRefused) {
  TestGroups groups = MakeGroups();
  ASSERT_TRUE(groups.Join(Member("x", 2), kStart).ok());
  EXPECT_EQ(groups.Join(Member("y", 3), kStart).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(groups.Join(Member("x", 2), kStart).code(), absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(groups.Join(Member("y", 2), kStart).ok());
  EXPECT_EQ(groups.Join(Member("z", 2), kStart).code(), absl::StatusCode::kInvalidArgument);
}

TEST(Groups, AGroupWithoutAnyAnswerIsAnError) {
  TestGroups groups = MakeGroups();
  ASSERT_TRUE(groups.Join(Member("x", 1), kStart).ok());
  groups.Answered("g", "x", nullptr, kStart);
  const auto ready = groups.TakeReady();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].error().code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
}

TEST(Groups, MemoryAndNumberAreBounded) {
  TestGroups groups = MakeGroups(absl::ZeroDuration(), 100'000);
  int joined = 0;
  while (groups.Join(Member(absl::StrCat("e", joined), 0), kStart).ok()) ++joined;
  EXPECT_LE(groups.bytes(), 100'000);
  EXPECT_GT(joined, 40);

  TestGroups many = MakeGroups();
  for (int i = 0; i < Limits().max_open_groups; ++i) {
    ASSERT_TRUE(many.Join(Member("e", 2, absl::StrCat("g", i)), kStart).ok());
  }
  EXPECT_EQ(many.Join(Member("e", 2, "one more"), kStart).code(),
            absl::StatusCode::kResourceExhausted);
}

// What is left unsaid is twice 512 bytes a member and 64 an agent; ids count twice as often.
TEST(Groups, AMembersMemoryIsThatOfItsParts) {
  const auto agents = static_cast<int64_t>(sizeof(signals::MemberAgent)) + 64;
  v1::Episode episode;
  episode.set_id("abc");
  const int64_t bare = AnsweredMember::BytesFor(episode);
  EXPECT_EQ(bare, 2 * (512 + 2 * 3));
  v1::Agent* agent = episode.add_agents();
  agent->set_id("agent");
  EXPECT_EQ(AnsweredMember::BytesFor(episode), bare + 2 * (agents + 5 + 5));
  agent->set_policy("policies");
  EXPECT_EQ(AnsweredMember::BytesFor(episode), bare + 2 * (agents + 5 + 8));
  const int64_t silent = AnsweredMember::BytesFor(episode);
  episode.add_messages();
  const int64_t each = AnsweredMember::BytesFor(episode) - silent;
  EXPECT_GE(each, static_cast<int64_t>(sizeof(signals::MemberMessage)));
  episode.add_messages();
  EXPECT_EQ(AnsweredMember::BytesFor(episode), silent + 2 * each);
}

TEST(Groups, AsMuchAsFits) {
  const int64_t each = AnsweredMember::BytesFor(Member("x", 3));
  for (const int64_t more : {-1, 0}) {
    TestGroups groups = MakeGroups(absl::ZeroDuration(), 2 * each + more);
    EXPECT_TRUE(groups.Join(Member("x", 3), kStart).ok());
    EXPECT_EQ(groups.bytes(), each);
    EXPECT_EQ(groups.Join(Member("y", 3), kStart).ok(), more == 0);
    EXPECT_EQ(groups.bytes(), more == 0 ? 2 * each : each);
  }
}

// A group that has gone out and waits for nobody makes room, and no other.
TEST(Groups, WhatIsOutMakesRoom) {
  Limits limits;
  limits.max_open_groups = 2;
  TestGroups groups({}, limits, absl::Seconds(10));
  const absl::Time late = kStart + absl::Seconds(10);
  const auto join = [&](const std::string& group, const char* id, int size) {
    return groups.Join(Member(id, size, group), late).code();
  };
  for (const char* group : {"waits", "is done"}) {
    for (const char* id : {"x", "y"}) {
      ASSERT_TRUE(groups.Join(Member(id, 4, group), kStart).ok());
      Answer(&groups, id, 1, group);
    }
  }
  ASSERT_TRUE(groups.Join(Member("z", 4, "waits"), kStart).ok());
  EXPECT_EQ(join("new", "x", 2), absl::StatusCode::kResourceExhausted);
  groups.OnTime(late);
  EXPECT_EQ(groups.TakeReady().size(), 2u);
  EXPECT_EQ(join("new", "x", 2), absl::StatusCode::kOk);
  EXPECT_EQ(join("newer", "x", 2), absl::StatusCode::kResourceExhausted) << "z is unanswered";
  Answer(&groups, "z", 1, "waits", late);
  EXPECT_EQ(join("newer", "x", 2), absl::StatusCode::kOk);
  EXPECT_TRUE(groups.TakeReady().empty());
}

TEST(Groups, SiblingsPartWhereTheirTextsDo) {
  TestGroups groups = MakeGroups();
  for (const char* id : {"good", "bad"}) {
    v1::Episode episode = Member(id, 2);
    episode.mutable_messages(2)->set_content(id);
    ASSERT_TRUE(groups.Join(episode, kStart).ok());
  }
  Answer(&groups, "good", 1);
  Answer(&groups, "bad", 0);
  const auto ready = groups.TakeReady();
  ASSERT_EQ(ready.size(), 1u);
  int siblings = 0;
  for (const v1::PreferencePair& pair : ready[0].signals().pairs()) {
    if (pair.kind() != v1::PREFERENCE_KIND_SIBLING) continue;
    ++siblings;
    EXPECT_EQ(pair.context_length(), 2);
    EXPECT_EQ(pair.chosen().episode_id(), "good");
    EXPECT_EQ(pair.chosen().begin(), 2);
    EXPECT_EQ(pair.rejected().episode_id(), "bad");
  }
  EXPECT_EQ(siblings, 1);
}

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
  for (const char* id : {"x", "y"}) ASSERT_TRUE(groups.Join(Member(id, 2), kStart).ok());
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
      ASSERT_TRUE(groups.Join(Member(id, 3), kStart).ok());
      groups.Answered("g", id, &signals, kStart);
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
