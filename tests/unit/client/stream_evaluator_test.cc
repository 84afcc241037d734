// Questions that the server asks of a stream's own evaluator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "client/cpp/reconnecting_stream.h"
#include "tests/unit/client/exchange.h"
#include "tests/unit/client/scripted_server.h"

namespace assay::client {
namespace {

using ::testing::ElementsAre;

v1::Answers Ones(const v1::EvaluateRequest& request) {
  v1::Answers answers;
  for (int i = 0; i < request.questions_size(); ++i) answers.add_answers()->set_mean(1);
  return answers;
}

TEST(ReconnectingStreamTest, TheCallersEvaluatorDoesNotHoldUpTheReading) {
  absl::Notification read_other;
  StreamConfig config = PatientConfig();
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
  StreamConfig config = PatientConfig();
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

// Whether they do, where an answer that was made is on its way after `pause`.
bool AnswersGoOutBeforeEpisodes(absl::Duration pause) {
  StreamConfig config = PatientConfig();
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
    absl::SleepFor(pause);
    link.Evaluate("second", "a", 1);
    link.Ready(8);
    second.WaitForNotification();
    absl::SleepFor(pause);
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
  const std::vector<std::string> read =
      Exchange(stream.get(), {MakeEpisode("a"), MakeEpisode("b")});
  return read == std::vector<std::string>{"a", "b"} && stream->Finish().ok();
}

TEST(ReconnectingStreamTest, AnswersGoOutBeforeEpisodes) {
  EXPECT_TRUE(AnswersGoOutBeforeEpisodes(absl::Milliseconds(50)) ||
              AnswersGoOutBeforeEpisodes(absl::Seconds(1)) ||
              AnswersGoOutBeforeEpisodes(absl::Seconds(20)))
      << "not even on a busy machine";
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
  StreamConfig config = PatientConfig();
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
  StreamConfig config = PatientConfig();
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

}  // namespace
}  // namespace assay::client
