#include "client/cpp/reconnecting_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "tests/unit/client/exchange.h"
#include "tests/unit/client/scripted_server.h"

namespace assay::client {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

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
  const auto stream = NewReconnectingStream(PatientConfig(), server.connect());
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
  const auto stream = NewReconnectingStream(PatientConfig(), server.connect());
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
  const auto stream = NewReconnectingStream(PatientConfig(), server.connect());
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
  const auto stream = NewReconnectingStream(PatientConfig(), server.connect());
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
  const auto stream = NewReconnectingStream(PatientConfig(), server.connect());
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
  const auto stream = NewReconnectingStream(PatientConfig(), server.connect());
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
  const auto stream = NewReconnectingStream(PatientConfig(), server.connect());
  EXPECT_THAT(Exchange(stream.get(), {MakeEpisode("a")}), ElementsAre("a"));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(ReconnectingStreamTest, AnErrorThatWouldComeAgainEndsTheStream) {
  ScriptedServer server({[](Link&) { return absl::InvalidArgumentError("options.seed: odd"); }});
  const auto stream = NewReconnectingStream(PatientConfig(), server.connect());
  EXPECT_EQ(stream->Finish(), absl::InvalidArgumentError("options.seed: odd"));
  EXPECT_FALSE(stream->Read().has_value());
  EXPECT_FALSE(stream->Ready().has_value());
  EXPECT_FALSE(stream->Write(MakeEpisode("a")).ok());
  EXPECT_EQ(server.connections(), 1);
}

TEST(ReconnectingStreamTest, EmptyInputWithBadOptionsIsAnError) {
  ScriptedServer server({[](Link&) { return absl::InvalidArgumentError("bad"); }});
  const auto stream = NewReconnectingStream(PatientConfig(), server.connect());
  stream->WritesDone();
  EXPECT_TRUE(absl::IsInvalidArgument(stream->Finish()));
}

TEST(ReconnectingStreamTest, GivesUpOnAServerThatStaysAway) {
  ScriptedServer server({[](Link&) { return absl::UnavailableError("refused"); }});
  StreamConfig config;
  config.reconnect_timeout = absl::Milliseconds(300);
  const auto stream = NewReconnectingStream(config, server.connect());
  EXPECT_EQ(stream->Finish(), absl::UnavailableError("refused"));
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
  stream->WritesDone();
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

  const auto cancelled = NewReconnectingStream(PatientConfig(), server.connect());
  cancelled->Cancel();
  EXPECT_TRUE(absl::IsCancelled(cancelled->Finish()));

  const auto dropped = NewReconnectingStream(PatientConfig(), server.connect());
  ASSERT_TRUE(dropped->Write(MakeEpisode("a")).ok());
}

TEST(ReconnectingStreamTest, ADuplicateIdIsRefusedAndTheStreamGoesOn) {
  absl::Notification refused;
  ScriptedServer server({[&](Link& link) {
    link.Ready(0);
    refused.WaitForNotification();
    return AnswerAll()(link);
  }});
  const auto stream = NewReconnectingStream(PatientConfig(), server.connect());
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
  const auto stream = NewReconnectingStream(PatientConfig(), server.connect());
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
  const auto stream = NewReconnectingStream(PatientConfig(), server.connect());
  EXPECT_THAT(Exchange(stream.get(), {MakeEpisode("a")}), ElementsAre("a"));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(ReconnectingStreamTest, WriteWaitsWhileResultsAreLeftUnread) {
  ScriptedServer server({AnswerAll()});
  const auto stream = NewReconnectingStream(PatientConfig(), server.connect());
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
  const auto stream = NewReconnectingStream(PatientConfig(), [&, connect = server.connect()]() {
    if (std::exchange(first, false)) return std::unique_ptr<Connection>(new LeftOpen());
    return connect();
  });
  EXPECT_THAT(Exchange(stream.get(), {MakeEpisode("a"), MakeEpisode("b")}),
              UnorderedElementsAre("a", "b"));
  EXPECT_TRUE(stream->Finish().ok());
}

}  // namespace
}  // namespace assay::client
