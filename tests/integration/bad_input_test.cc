// Bad input: each gets the error and the field path that api.md asks for. Protocol violations end
// the stream; after every other fault the next episode is answered.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "absl/strings/str_cat.h"
#include "tests/integration/harness.h"

namespace assay::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct BadCase {
  const char* name;
  std::function<void(v1::Episode*)> spoil;
  grpc::StatusCode code;
  const char* field;
};

std::vector<BadCase> BadCases() {
  const auto invalid = grpc::StatusCode::INVALID_ARGUMENT;
  const auto range = grpc::StatusCode::OUT_OF_RANGE;
  return {
      {"no messages", [](v1::Episode* e) { e->clear_messages(); }, invalid, "messages"},
      {"no agents", [](v1::Episode* e) { e->clear_agents(); }, invalid, "agents"},
      {"no id", [](v1::Episode* e) { e->clear_id(); }, invalid, "id"},
      {"long id", [](v1::Episode* e) { e->set_id(std::string(257, 'x')); }, range, "id"},
      {"unknown agent", [](v1::Episode* e) { e->mutable_messages(2)->set_agent_id("nobody"); },
       invalid, "messages[2].agent_id"},
      {"duplicate agent", [](v1::Episode* e) { e->mutable_agents(1)->set_id("planner"); }, invalid,
       "agents[1].id"},
      {"65 agents",
       [](v1::Episode* e) {
         for (int i = 0; i < 63; ++i) e->add_agents()->set_id(absl::StrCat("extra", i));
       },
       range, "agents"},
      {"context only",
       [](v1::Episode* e) {
         for (auto& message : *e->mutable_messages()) message.clear_agent_id();
       },
       invalid, "messages"},
      {"short table",
       [](v1::Episode* e) {
         for (int i = 0; i < 3; ++i) e->mutable_values()->add_coalition_values(0);
       },
       invalid, "values.coalition_values"},
      {"table of 21 agents",
       [](v1::Episode* e) {
         for (int i = 0; i < 19; ++i) e->add_agents()->set_id(absl::StrCat("extra", i));
         e->mutable_values()->add_coalition_values(0);
       },
       range, "values.coalition_values"},
      {"NaN in table",
       [](v1::Episode* e) {
         for (const double v : {0.0, kNan, 0.0, 1.0}) e->mutable_values()->add_coalition_values(v);
       },
       invalid, "values.coalition_values[1]"},
      {"table out of range",
       [](v1::Episode* e) {
         for (const double v : {0.0, 0.0, 0.0, 1.5}) e->mutable_values()->add_coalition_values(v);
       },
       invalid, "values.coalition_values[3]"},
      {"NaN score", [](v1::Episode* e) { e->mutable_outcome()->set_score(kNan); }, invalid,
       "outcome.score"},
      {"score out of range", [](v1::Episode* e) { e->mutable_outcome()->set_score(1.1); }, invalid,
       "outcome.score"},
      {"infinite component",
       [](v1::Episode* e) { e->mutable_outcome()->add_components()->set_value(-kInf); }, invalid,
       "outcome.components[0].value"},
      {"process score out of range",
       [](v1::Episode* e) { e->mutable_messages(3)->set_process_score(1.0001); }, invalid,
       "messages[3].process_score"},
      {"NaN process score", [](v1::Episode* e) { e->mutable_messages(3)->set_process_score(kNan); },
       invalid, "messages[3].process_score"},
      {"infinite prefix value",
       [](v1::Episode* e) { e->mutable_messages(1)->set_prefix_value(kInf); }, invalid,
       "messages[1].prefix_value"},
      {"redundancy out of range",
       [](v1::Episode* e) { e->mutable_messages(1)->set_redundancy(-0.1); }, invalid,
       "messages[1].redundancy"},
      {"more successes than trials",
       [](v1::Episode* e) {
         e->mutable_messages(1)->mutable_prefix_rollouts()->set_successes(3);
         e->mutable_messages(1)->mutable_prefix_rollouts()->set_trials(2);
       },
       invalid, "messages[1].prefix_rollouts.successes"},
      {"trials beyond the limit",
       [](v1::Episode* e) {
         e->mutable_messages(1)->mutable_prefix_rollouts()->set_trials(1'000'001);
       },
       range, "messages[1].prefix_rollouts.trials"},
      {"repairs forward", [](v1::Episode* e) { e->mutable_messages(1)->set_repairs(2); }, invalid,
       "messages[1].repairs"},
      {"repairs itself", [](v1::Episode* e) { e->mutable_messages(1)->set_repairs(1); }, invalid,
       "messages[1].repairs"},
      {"repairs context",
       [](v1::Episode* e) {
         e->mutable_messages(0)->clear_agent_id();
         e->mutable_messages(1)->set_repairs(0);
       },
       invalid, "messages[1].repairs"},
      {"NaN judge",
       [](v1::Episode* e) {
         auto* judge = e->mutable_messages(0)->add_judge_scores();
         judge->set_judge("j");
         judge->set_score(kNan);
       },
       invalid, "messages[0].judge_scores[0].score"},
      {"NaN alternative",
       [](v1::Episode* e) { e->mutable_messages(0)->add_alternatives()->set_value(kNan); }, invalid,
       "messages[0].alternatives[0].value"},
      {"negative round", [](v1::Episode* e) { e->mutable_messages(0)->set_round(-1); }, invalid,
       "messages[0].round"},
      {"backward span",
       [](v1::Episode* e) {
         auto* span = e->mutable_messages(0)->add_token_spans();
         span->set_start(5);
         span->set_end(4);
       },
       invalid, "messages[0].token_spans[0].end"},
      {"group of 1025",
       [](v1::Episode* e) {
         e->mutable_group()->set_id("g");
         e->mutable_group()->set_size(1025);
       },
       range, "group.size"},
      {"40 MiB of content",
       [](v1::Episode* e) {
         e->mutable_messages(0)->set_content(std::string(size_t{40} << 20, 'x'));
       },
       range, "messages"},
  };
}

TEST(BadInput, EveryFaultNamesItsFieldAndTheNextEpisodeIsAnswered) {
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  TestStream stream(stub.get());
  stream.SendOptions({});
  ASSERT_TRUE(stream.Next().has_ready());
  for (const BadCase& bad : BadCases()) {
    SCOPED_TRACE(bad.name);
    v1::Episode episode = Plain("bad", 1);
    bad.spoil(&episode);
    ASSERT_TRUE(stream.SendEpisode(episode));
    const v1::EpisodeResult result = stream.NextResult();
    EXPECT_EQ(result.episode_id(), episode.id());
    EXPECT_EQ(result.error().code(), bad.code) << result.ShortDebugString();
    ASSERT_EQ(result.error().violations_size(), 1) << result.ShortDebugString();
    EXPECT_EQ(result.error().violations(0).field(), bad.field);
    EXPECT_LE(result.error().message().size(), 1024u);
    ASSERT_TRUE(stream.SendEpisode(Plain("good", 1)));
    EXPECT_TRUE(stream.NextResult().has_signals());
  }
  stream.HalfClose();
  EXPECT_TRUE(stream.Finish().ok());
}

TEST(BadInput, AnUnansweredIdIsTaken) {
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  TestStream stream(stub.get());
  v1::AttributionOptions options;
  options.mutable_caller();
  stream.SendOptions(options);
  ASSERT_TRUE(stream.Next().has_ready());
  stream.SendEpisode(Plain("same", 1));
  const v1::EvaluateRequest asked = stream.Next().evaluate();
  stream.SendEpisode(Plain("same", 1));
  const v1::EpisodeResult second = stream.NextResult();
  EXPECT_EQ(second.error().code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(second.error().violations(0).field(), "id");
  v1::StreamSignalsRequest answer;
  answer.mutable_evaluation()->set_evaluation_id(asked.evaluation_id());
  for (int i = 0; i < asked.questions_size(); ++i) {
    answer.mutable_evaluation()->mutable_answers()->add_answers()->set_mean(1);
  }
  stream.Send(answer);
  const v1::EpisodeResult first = stream.NextResult();
  EXPECT_TRUE(first.has_signals()) << first.ShortDebugString();
  // Answered: the id is free again.
  stream.SendEpisode(Plain("same", 1));
  EXPECT_TRUE(stream.NextResult().has_signals());  // from the stream's cache of answers
  stream.Cancel();
  stream.Finish();
}

grpc::Status EndOf(TestServer* server, const std::vector<v1::StreamSignalsRequest>& requests) {
  auto stub = server->Stub();
  TestStream stream(stub.get());
  for (const auto& request : requests) stream.Send(request);
  return stream.Finish();
}

TEST(BadInput, ProtocolViolationsEndTheStream) {
  TestServer server(LocalConfig());
  v1::StreamSignalsRequest options, episode, evaluation, empty;
  options.mutable_options();
  *episode.mutable_episode() = Plain("e", 1);
  evaluation.mutable_evaluation()->set_evaluation_id("77");
  const auto invalid = grpc::StatusCode::INVALID_ARGUMENT;
  EXPECT_EQ(EndOf(&server, {episode}).error_code(), invalid);
  EXPECT_EQ(EndOf(&server, {options, options}).error_code(), invalid);
  EXPECT_EQ(EndOf(&server, {options, evaluation}).error_code(), invalid);
  EXPECT_EQ(EndOf(&server, {empty}).error_code(), invalid);
  EXPECT_EQ(EndOf(&server, {options, empty}).error_code(), invalid);
  v1::StreamSignalsRequest caller = options;
  caller.mutable_options()->mutable_caller();
  EXPECT_EQ(EndOf(&server, {caller, evaluation}).error_code(), invalid);
}

TEST(BadInput, BadOptionsEndTheStreamWithTheirField) {
  TestServer server(LocalConfig());
  const struct {
    std::function<void(v1::AttributionOptions*)> spoil;
    grpc::StatusCode code;
    const char* field;
  } cases[] = {
      {[](auto* o) { o->mutable_value_range(); }, grpc::StatusCode::INVALID_ARGUMENT,
       "value_range"},
      {[](auto* o) { o->set_reward_bound(0.5); }, grpc::StatusCode::INVALID_ARGUMENT,
       "reward_bound"},
      {[](auto* o) { o->set_success_threshold(kNan); }, grpc::StatusCode::INVALID_ARGUMENT,
       "success_threshold"},
      {[](auto* o) { o->mutable_advantages()->set_blend(1.5); }, grpc::StatusCode::INVALID_ARGUMENT,
       "advantages.blend"},
      {[](auto* o) { o->mutable_named()->set_name("nobody"); }, grpc::StatusCode::INVALID_ARGUMENT,
       "named.name"},
      {[](auto* o) { o->set_max_response_bytes(int64_t{1} << 40); }, grpc::StatusCode::OUT_OF_RANGE,
       "max_response_bytes"},
      {[](auto* o) { o->mutable_vote()->set_tolerance(1); }, grpc::StatusCode::INVALID_ARGUMENT,
       "vote.tolerance"},
      {[](auto* o) {
         o->mutable_vote()
             ->GetReflection()
             ->MutableUnknownFields(o->mutable_vote())
             ->AddVarint(99, 1);
       },
       grpc::StatusCode::INVALID_ARGUMENT, "vote.99"},
  };
  for (const auto& bad : cases) {
    SCOPED_TRACE(bad.field);
    v1::StreamSignalsRequest request;
    bad.spoil(request.mutable_options());
    const grpc::Status status = EndOf(&server, {request});
    EXPECT_EQ(status.error_code(), bad.code) << status.error_message();
    EXPECT_EQ(status.error_message().rfind(std::string(bad.field) + ": ", 0), 0u)
        << status.error_message();
  }
}

TEST(BadInput, VoteMustBeAbleToVote) {
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  v1::AttributionOptions options;
  options.mutable_vote();
  v1::Episode silent = Plain("silent", 1);
  silent.mutable_task()->set_reference_answer("A");
  const StreamOutcome outcome = RunStream(stub.get(), options, {silent, Plain("ungraded", 1)});
  const v1::Error& error = outcome.results.at("silent").error();
  EXPECT_EQ(error.code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(error.violations(0).field(), "messages.answer");
  EXPECT_EQ(outcome.results.at("ungraded").error().violations(0).field(), "task.reference_answer");
}

}  // namespace
}  // namespace assay::testing
