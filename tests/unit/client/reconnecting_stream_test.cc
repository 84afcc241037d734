#include "client/cpp/reconnecting_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "tests/unit/client/scripted_server.h"

namespace assay::client {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

v1::Episode MakeEpisode(const std::string& id, const std::string& group = "") {
  v1::Episode episode;
  episode.set_id(id);
  if (!group.empty()) episode.mutable_group()->set_id(group);
  return episode;
}

StreamConfig QuickConfig() {
  StreamConfig config;
  config.reconnect_timeout = absl::Seconds(10);
  return config;
}

// Serves whatever comes with `credits`, at once and to the end.
Script AnswerAll(int credits = 8) {
  return [credits](Link& link) {
    link.Ready(credits);
    std::vector<std::string> groups;
    while (const auto request = link.Receive()) {
      link.Result(request->episode().id());
      const std::string group = request->episode().group().id();
      if (!group.empty() && (groups.empty() || groups.back() != group)) groups.push_back(group);
    }
    for (const std::string& group : groups) link.Group(group);
    return absl::OkStatus();
  };
}

std::string Name(const StreamResult& result) {
  if (const auto* episode = std::get_if<v1::EpisodeResult>(&result)) return episode->episode_id();
  return absl::StrCat("group ", std::get<v1::GroupResult>(result).group_id());
}

std::vector<std::string> ReadAll(SignalStream* stream) {
  std::vector<std::string> names;
  while (const auto result = stream->Read()) names.push_back(Name(*result));
  return names;
}

// Writes all, then reads all.
std::vector<std::string> Exchange(SignalStream* stream, const std::vector<v1::Episode>& episodes) {
  for (const v1::Episode& episode : episodes) EXPECT_TRUE(stream->Write(episode).ok());
  stream->WritesDone();
  return ReadAll(stream);
}

TEST(ReconnectingStreamTest, AnswersEveryEpisodeOnceWithinTheCredits) {
  constexpr int kEpisodes = 2000;
  constexpr int kCredits = 3;
  std::atomic<int> in_flight = 0;
  std::atomic<int> most = 0;
  ScriptedServer server({[&](Link& link) {
    link.Ready(kCredits);
    std::vector<std::string> held;
    while (const auto request = link.Receive()) {
      most = std::max<int>(most, ++in_flight);
      held.push_back(request->episode().id());
      if (held.size() < kCredits && request->episode().id() != "1999") continue;
      in_flight = 0;
      for (const std::string& id : held) link.Result(id);
      held.clear();
    }
    return absl::OkStatus();
  }});
  const auto stream = NewReconnectingStream(QuickConfig(), server.connect());
  std::thread feeder([&] {
    for (int i = 0; i < kEpisodes; ++i) {
      EXPECT_TRUE(stream->Write(MakeEpisode(absl::StrCat(i))).ok());
    }
    stream->WritesDone();
  });
  const std::vector<std::string> names = ReadAll(stream.get());
  feeder.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(names.size(), kEpisodes);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), kEpisodes);
  EXPECT_EQ(most, kCredits);
}

TEST(ReconnectingStreamTest, TellsWhatTheServerResolved) {
  ScriptedServer server({AnswerAll(5)});
  const auto stream = NewReconnectingStream(QuickConfig(), server.connect());
  const auto ready = stream->Ready();
  ASSERT_TRUE(ready.has_value());
  EXPECT_EQ(ready->max_episodes_in_flight(), 5);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(ReconnectingStreamTest, GoAwayWithoutGraceMovesWhatIsUnansweredToANewStream) {
  std::vector<std::string> second;
  ScriptedServer server({[](Link& link) {
                           link.Ready(2);
                           const std::string a = link.Episode();
                           link.Episode();
                           link.Result(a);
                           link.GoAway(0);
                           link.AwaitCut();
                           return absl::OkStatus();
                         },
                         [&](Link& link) {
                           link.Ready(8);
                           for (std::string id; !(id = link.Episode()).empty();) {
                             second.push_back(id);
                             link.Result(id);
                           }
                           return absl::OkStatus();
                         }});
  const auto stream = NewReconnectingStream(QuickConfig(), server.connect());
  EXPECT_THAT(Exchange(stream.get(), {MakeEpisode("a"), MakeEpisode("b"), MakeEpisode("c")}),
              UnorderedElementsAre("a", "b", "c"));
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(server.connections(), 2);
  // c may have gone out on the first stream, before the go_away: then it was unanswered too.
  EXPECT_THAT(second, ElementsAre("b", "c"));
}

TEST(ReconnectingStreamTest, GoAwayWithGraceLetsWhatIsInFlightBeAnswered) {
  std::vector<std::string> second;
  ScriptedServer server({[](Link& link) {
                           link.Ready(2);
                           const std::string a = link.Episode();
                           const std::string b = link.Episode();
                           link.GoAway(60);
                           link.Result(b);
                           link.Result(a);
                           link.AwaitCut();
                           return absl::OkStatus();
                         },
                         [&](Link& link) {
                           link.Ready(8);
                           for (std::string id; !(id = link.Episode()).empty();) {
                             second.push_back(id);
                             link.Result(id);
                           }
                           return absl::OkStatus();
                         }});
  const auto stream = NewReconnectingStream(QuickConfig(), server.connect());
  EXPECT_THAT(Exchange(stream.get(), {MakeEpisode("a"), MakeEpisode("b"), MakeEpisode("c")}),
              ElementsAre("b", "a", "c"));
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_THAT(second, ElementsAre("c"));
}

TEST(ReconnectingStreamTest, AnUnansweredGroupIsSentAgainWholeAndItsResultsOnce) {
  std::vector<std::string> second;
  ScriptedServer server({[](Link& link) {
                           link.Ready(8);
                           link.Result(link.Episode());
                           link.Result(link.Episode());
                           return absl::UnavailableError("gone");
                         },
                         [&](Link& link) {
                           link.Ready(8);
                           for (std::string id; !(id = link.Episode()).empty();) {
                             second.push_back(id);
                             link.Result(id);
                           }
                           link.Group("g");
                           return absl::OkStatus();
                         }});
  const auto stream = NewReconnectingStream(QuickConfig(), server.connect());
  EXPECT_THAT(
      Exchange(stream.get(), {MakeEpisode("a", "g"), MakeEpisode("alone"), MakeEpisode("b", "g")}),
      ElementsAre("a", "alone", "b", "group g"));
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_THAT(second, ElementsAre("a", "b"));
}

TEST(ReconnectingStreamTest, AStreamThatTheServerEndsEarlyIsNotTheEnd) {
  ScriptedServer server({[](Link& link) {
                           link.Ready(1);
                           link.Episode();
                           return absl::OkStatus();
                         },
                         AnswerAll()});
  const auto stream = NewReconnectingStream(QuickConfig(), server.connect());
  EXPECT_THAT(Exchange(stream.get(), {MakeEpisode("a")}), ElementsAre("a"));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(ReconnectingStreamTest, AStreamThatTheServerCancelsIsNotTheEnd) {
  ScriptedServer server({[](Link& link) {
                           link.Ready(1);
                           link.Episode();
                           return absl::CancelledError("the server stops");
                         },
                         AnswerAll()});
  const auto stream = NewReconnectingStream(QuickConfig(), server.connect());
  EXPECT_THAT(Exchange(stream.get(), {MakeEpisode("a")}), ElementsAre("a"));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(ReconnectingStreamTest, AnErrorThatWouldComeAgainEndsTheStream) {
  ScriptedServer server({[](Link&) { return absl::InvalidArgumentError("options.seed: odd"); }});
  const auto stream = NewReconnectingStream(QuickConfig(), server.connect());
  EXPECT_EQ(stream->Finish(), absl::InvalidArgumentError("options.seed: odd"));
  EXPECT_FALSE(stream->Read().has_value());
  EXPECT_FALSE(stream->Ready().has_value());
  EXPECT_FALSE(stream->Write(MakeEpisode("a")).ok());
  EXPECT_EQ(server.connections(), 1);
}

TEST(ReconnectingStreamTest, EmptyInputWithBadOptionsIsAnError) {
  ScriptedServer server({[](Link&) { return absl::InvalidArgumentError("bad"); }});
  const auto stream = NewReconnectingStream(QuickConfig(), server.connect());
  stream->WritesDone();
  EXPECT_TRUE(absl::IsInvalidArgument(stream->Finish()));
}

TEST(ReconnectingStreamTest, GivesUpOnAServerThatStaysAway) {
  ScriptedServer server({[](Link&) { return absl::UnavailableError("refused"); }});
  StreamConfig config;
  config.reconnect_timeout = absl::Milliseconds(300);
  const auto stream = NewReconnectingStream(config, server.connect());
  EXPECT_EQ(stream->Finish(), absl::UnavailableError("refused"));
  EXPECT_GT(server.connections(), 1);
  EXPECT_LT(server.connections(), 10);
}

TEST(ReconnectingStreamTest, GivesUpOnAServerThatDoesNotGetReady) {
  ScriptedServer server({[](Link& link) {
    link.AwaitCut();
    return absl::OkStatus();
  }});
  StreamConfig config;
  config.ready_timeout = absl::Milliseconds(50);
  config.reconnect_timeout = absl::Milliseconds(100);
  const auto stream = NewReconnectingStream(config, server.connect());
  EXPECT_TRUE(absl::IsUnavailable(stream->Finish()));
}

TEST(ReconnectingStreamTest, GivesUpOnAServerThatFallsSilent) {
  ScriptedServer server({[](Link& link) {
    link.Ready(1);
    link.AwaitCut();
    return absl::OkStatus();
  }});
  StreamConfig config;
  config.idle_timeout = absl::Milliseconds(100);
  const auto stream = NewReconnectingStream(config, server.connect());
  ASSERT_TRUE(stream->Write(MakeEpisode("a")).ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(stream->Finish()));
}

TEST(ReconnectingStreamTest, SilenceWithNothingInFlightIsFine) {
  ScriptedServer server({AnswerAll()});
  StreamConfig config;
  config.idle_timeout = absl::Milliseconds(50);
  const auto stream = NewReconnectingStream(config, server.connect());
  ASSERT_TRUE(stream->Ready().has_value());
  absl::SleepFor(absl::Milliseconds(150));
  EXPECT_THAT(Exchange(stream.get(), {MakeEpisode("a")}), ElementsAre("a"));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(ReconnectingStreamTest, EndsAtItsDeadlineAndWhenCancelled) {
  const Script never = [](Link& link) {
    link.Ready(1);
    link.AwaitCut();
    return absl::OkStatus();
  };
  ScriptedServer server({never});
  StreamConfig config;
  config.deadline = absl::Now() + absl::Milliseconds(100);
  EXPECT_TRUE(absl::IsDeadlineExceeded(NewReconnectingStream(config, server.connect())->Finish()));

  const auto cancelled = NewReconnectingStream(QuickConfig(), server.connect());
  cancelled->Cancel();
  EXPECT_TRUE(absl::IsCancelled(cancelled->Finish()));

  const auto dropped = NewReconnectingStream(QuickConfig(), server.connect());
  ASSERT_TRUE(dropped->Write(MakeEpisode("a")).ok());
}

TEST(ReconnectingStreamTest, ADuplicateIdIsRefusedAndTheStreamGoesOn) {
  absl::Notification refused;
  ScriptedServer server({[&](Link& link) {
    link.Ready(0);
    refused.WaitForNotification();
    return AnswerAll()(link);
  }});
  const auto stream = NewReconnectingStream(QuickConfig(), server.connect());
  ASSERT_TRUE(stream->Write(MakeEpisode("a")).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(stream->Write(MakeEpisode("a"))));
  refused.Notify();
  EXPECT_THAT(Exchange(stream.get(), {MakeEpisode("b")}), ElementsAre("a", "b"));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(ReconnectingStreamTest, AnEpisodeTooLargeForTheTransportIsAnsweredHere) {
  std::vector<std::string> sent;
  ScriptedServer server({[&](Link& link) {
    link.Ready(8);
    for (std::string id; !(id = link.Episode()).empty();) {
      sent.push_back(id);
      link.Result(id);
    }
    return absl::OkStatus();
  }});
  const auto stream = NewReconnectingStream(QuickConfig(), server.connect());
  v1::Episode giant = MakeEpisode("giant");
  giant.add_messages()->set_content(std::string(2 << 20, 'x'));
  ASSERT_TRUE(stream->Write(giant).ok());
  const auto result = stream->Read();
  ASSERT_TRUE(result.has_value());
  const auto& error = std::get<v1::EpisodeResult>(*result).error();
  EXPECT_EQ(error.code(), static_cast<int>(absl::StatusCode::kOutOfRange));
  EXPECT_EQ(error.violations(0).field(), "messages");
  EXPECT_THAT(Exchange(stream.get(), {MakeEpisode("a")}), ElementsAre("a"));
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_THAT(sent, ElementsAre("a"));
}

TEST(ReconnectingStreamTest, AnEpisodeIsSentAgainWhenTheServerAsksForIt) {
  ScriptedServer server({[](Link& link) {
    link.Ready(8);
    const std::string id = link.Episode();
    v1::StreamSignalsResponse later;
    later.mutable_result()->set_episode_id(id);
    later.mutable_result()->mutable_error()->set_code(8);
    later.mutable_result()->mutable_error()->mutable_retry_after()->set_nanos(50'000'000);
    link.Send(later);
    link.Result(link.Episode());
    return link.Receive().has_value() ? absl::InternalError("more") : absl::OkStatus();
  }});
  const auto stream = NewReconnectingStream(QuickConfig(), server.connect());
  EXPECT_THAT(Exchange(stream.get(), {MakeEpisode("a")}), ElementsAre("a"));
  EXPECT_TRUE(stream->Finish().ok());
}

v1::Answers Ones(const v1::EvaluateRequest& request) {
  v1::Answers answers;
  for (int i = 0; i < request.questions_size(); ++i) answers.add_answers()->set_mean(1);
  return answers;
}

TEST(ReconnectingStreamTest, TheCallersEvaluatorDoesNotHoldUpTheReading) {
  absl::Notification read_other;
  StreamConfig config = QuickConfig();
  config.evaluate = [&](const v1::Episode& episode, const v1::EvaluateRequest& request) {
    EXPECT_EQ(episode.id(), "asked");
    read_other.WaitForNotification();
    return Ones(request);
  };
  ScriptedServer server({[](Link& link) {
    link.Ready(8);
    link.Episode();
    link.Episode();
    link.Evaluate("q1", "asked", 3);
    link.Result("other");
    const auto answer = link.Receive();
    if (!answer.has_value() || answer->evaluation().evaluation_id() != "q1" ||
        answer->evaluation().answers().answers_size() != 3) {
      return absl::InternalError("no answer");
    }
    link.Result("asked");
    return link.Receive().has_value() ? absl::InternalError("more") : absl::OkStatus();
  }});
  const auto stream = NewReconnectingStream(config, server.connect());
  ASSERT_TRUE(stream->Write(MakeEpisode("asked")).ok());
  ASSERT_TRUE(stream->Write(MakeEpisode("other")).ok());
  stream->WritesDone();
  EXPECT_EQ(Name(*stream->Read()), "other");
  read_other.Notify();
  EXPECT_EQ(Name(*stream->Read()), "asked");
  EXPECT_EQ(stream->Finish(), absl::OkStatus());
}

TEST(ReconnectingStreamTest, AnAnswerDoesNotWaitForCredits) {
  StreamConfig config = QuickConfig();
  config.evaluate = [](const v1::Episode&, const v1::EvaluateRequest& r) { return Ones(r); };
  ScriptedServer server({[](Link& link) {
    link.Ready(1);
    const std::string first = link.Episode();
    link.Evaluate("q", first, 1);
    if (!link.Receive()->has_evaluation()) return absl::InternalError("the answer did not come");
    link.Result(first);
    link.Result(link.Episode());
    return link.Receive().has_value() ? absl::InternalError("more") : absl::OkStatus();
  }});
  const auto stream = NewReconnectingStream(config, server.connect());
  EXPECT_THAT(Exchange(stream.get(), {MakeEpisode("a"), MakeEpisode("b")}), ElementsAre("a", "b"));
  EXPECT_EQ(stream->Finish(), absl::OkStatus());
}

TEST(ReconnectingStreamTest, AnswersGoOutBeforeEpisodes) {
  StreamConfig config = QuickConfig();
  absl::Notification first;
  absl::Notification second;
  config.evaluate = [&](const v1::Episode&, const v1::EvaluateRequest& request) {
    (request.evaluation_id() == "first" ? first : second).Notify();
    return Ones(request);
  };
  ScriptedServer server({[&](Link& link) {
    link.Ready(1);
    link.Episode();
    // The first answer is held up in its Write while the second and the episode b get ready.
    link.HoldWrites(true);
    link.Evaluate("first", "a", 1);
    first.WaitForNotification();
    absl::SleepFor(absl::Milliseconds(50));
    link.Evaluate("second", "a", 1);
    link.Ready(8);
    second.WaitForNotification();
    absl::SleepFor(absl::Milliseconds(50));
    link.HoldWrites(false);
    if (link.Receive()->evaluation().evaluation_id() != "first" ||
        link.Receive()->evaluation().evaluation_id() != "second" || link.Episode() != "b") {
      return absl::InternalError("an episode went before an answer");
    }
    link.Result("a");
    link.Result("b");
    return link.Receive().has_value() ? absl::InternalError("more") : absl::OkStatus();
  }});
  const auto stream = NewReconnectingStream(config, server.connect());
  EXPECT_THAT(Exchange(stream.get(), {MakeEpisode("a"), MakeEpisode("b")}), ElementsAre("a", "b"));
  EXPECT_EQ(stream->Finish(), absl::OkStatus());
}

// The error code that the server gets from a client whose evaluator is `evaluate`.
int CodeOfEvaluation(EvaluateFn evaluate, const std::string& episode = "a") {
  int code = -1;
  ScriptedServer server({[&](Link& link) {
    link.Ready(8);
    link.Episode();
    link.Evaluate("q", episode, 2);
    code = link.Receive()->evaluation().error().code();
    link.Result("a");
    return absl::OkStatus();
  }});
  StreamConfig config = QuickConfig();
  config.evaluate = std::move(evaluate);
  const auto stream = NewReconnectingStream(config, server.connect());
  EXPECT_TRUE(stream->Write(MakeEpisode("a")).ok());
  EXPECT_TRUE(stream->Read().has_value());
  stream->Cancel();
  return code;
}

TEST(ReconnectingStreamTest, AnEvaluationThatFailsIsAnErrorAndNeverANumber) {
  EXPECT_EQ(CodeOfEvaluation(nullptr), static_cast<int>(absl::StatusCode::kUnimplemented));
  EXPECT_EQ(CodeOfEvaluation([](const auto&, const auto&) {
              return absl::ResourceExhaustedError("no simulator is free");
            }),
            static_cast<int>(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(CodeOfEvaluation([](const auto&, const auto&) { return v1::Answers(); }),
            static_cast<int>(absl::StatusCode::kInternal));
  EXPECT_EQ(CodeOfEvaluation([](const auto&, const auto& r) { return Ones(r); }, "unknown"),
            static_cast<int>(absl::StatusCode::kNotFound));
}

// An episode of a group of two agents.
v1::Episode Member(const std::string& id) {
  v1::Episode episode = MakeEpisode(id, "g");
  episode.add_agents()->set_id("ann");
  episode.add_agents()->set_id("bob");
  return episode;
}

v1::EvaluateRequest AboutTeam(const std::vector<std::string>& episodes) {
  v1::EvaluateRequest request;
  request.set_evaluation_id("q");
  request.set_episode_id("g");
  v1::Question* question = request.add_questions();
  for (const std::string& id : episodes) {
    question->mutable_counterfactual()->mutable_team()->add_episode_ids(id);
  }
  for (const char* id : {"a", "b"}) request.add_group_episode_ids(id);
  return request;
}

TEST(ReconnectingStreamTest, AnswersQuestionsAboutTeamsByAgent) {
  std::map<std::string, std::string> asked;
  StreamConfig config = QuickConfig();
  config.evaluate_teams = [&](const GroupEpisodes& episodes, const v1::EvaluateRequest& request) {
    const absl::StatusOr<Team> team = TeamOf(request.questions(0), episodes);
    EXPECT_TRUE(team.ok()) << team.status();
    for (const auto& [agent, episode] : *team) asked[agent] = episode->id();
    return Ones(request);
  };
  ScriptedServer server({[](Link& link) {
    link.Ready(8);
    for (const char* id : {"a", "b"}) {
      if (link.Episode() != id) return absl::InternalError("another episode");
      link.Result(id);
    }
    v1::StreamSignalsResponse response;
    *response.mutable_evaluate() = AboutTeam({"b", "a"});
    link.Send(std::move(response));
    if (link.Receive()->evaluation().answers().answers_size() != 1) {
      return absl::InternalError("no answer");
    }
    link.Group("g");
    return absl::OkStatus();
  }});
  const auto stream = NewReconnectingStream(config, server.connect());
  for (const char* id : {"a", "b"}) EXPECT_TRUE(stream->Write(Member(id)).ok());
  for (const char* name : {"a", "b", "group g"}) EXPECT_EQ(Name(*stream->Read()), name);
  EXPECT_EQ(asked, (std::map<std::string, std::string>{{"ann", "b"}, {"bob", "a"}}));
  stream->Cancel();
}

TEST(TeamOf, KnowsWhoIsAbsentAndWhatIsNoTeam) {
  GroupEpisodes episodes;
  for (const char* id : {"a", "b"}) episodes[id] = std::make_shared<v1::Episode>(Member(id));
  const auto of = [&](const std::vector<std::string>& ids) {
    return TeamOf(AboutTeam(ids).questions(0), episodes);
  };
  ASSERT_TRUE(of({"", "b"}).ok());
  EXPECT_EQ(of({"", "b"})->size(), 1u);
  EXPECT_EQ(of({"", "b"})->at("bob")->id(), "b");
  for (const auto& wrong : {of({"a"}), of({"a", "c"}), TeamOf(v1::Question(), episodes),
                            TeamOf(AboutTeam({"a", "b"}).questions(0), {})}) {
    EXPECT_EQ(wrong.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(ReconnectingStreamTest, WriteWaitsWhileResultsAreLeftUnread) {
  ScriptedServer server({AnswerAll()});
  const auto stream = NewReconnectingStream(QuickConfig(), server.connect());
  std::atomic<int> written = 0;
  std::thread feeder([&] {
    for (int i = 0; i < 5000; ++i) {
      if (!stream->Write(MakeEpisode(absl::StrCat(i))).ok()) break;
      ++written;
    }
    stream->WritesDone();
  });
  absl::SleepFor(absl::Milliseconds(300));
  EXPECT_LT(written, 2000);
  EXPECT_EQ(ReadAll(stream.get()).size(), 5000);
  feeder.join();
  EXPECT_TRUE(stream->Finish().ok());
}

// What gRPC makes of a server whose bytes are no response and who then does nothing: reading ends,
// and the stream does not.
class LeftOpen : public Connection {
 public:
  bool Read(v1::StreamSignalsResponse* /*response*/) override { return false; }
  bool Write(const v1::StreamSignalsRequest& /*request*/) override {
    cancelled_.WaitForNotification();
    return false;
  }
  void WritesDone() override {}
  void Cancel() override {
    if (!cancelled_.HasBeenNotified()) cancelled_.Notify();
  }
  absl::Status Finish() override {
    cancelled_.WaitForNotification();
    return absl::CancelledError("cancelled");
  }

 private:
  absl::Notification cancelled_;
};

TEST(ReconnectingStreamTest, AStreamThatIsLeftOpenIsCutOffAndAnotherOpened) {
  ScriptedServer server({AnswerAll()});
  bool first = true;
  const auto stream = NewReconnectingStream(QuickConfig(), [&, connect = server.connect()]() {
    if (std::exchange(first, false)) return std::unique_ptr<Connection>(new LeftOpen());
    return connect();
  });
  EXPECT_THAT(Exchange(stream.get(), {MakeEpisode("a"), MakeEpisode("b")}),
              UnorderedElementsAre("a", "b"));
  EXPECT_TRUE(stream->Finish().ok());
}

}  // namespace
}  // namespace assay::client
