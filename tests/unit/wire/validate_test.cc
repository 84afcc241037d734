// The paths of single faults are in tests/integration/bad_input_test.cc; here, what a real
// connection cannot show.
#include "server/wire/validate.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/session/episodes.h"
#include "tests/unit/wire/validated.h"

namespace assay::service {
namespace {

TEST(Validate, EverythingOptionalMayBeLeftOut) {
  v1::Episode episode;
  episode.set_id("e");
  episode.add_agents()->set_id("a");
  episode.add_messages()->set_agent_id("a");
  EXPECT_TRUE(Validate(episode).ok());
}

// Every double of an episode, wherever it is, must be checked: one spoiled at a time.
TEST(Validate, NoNumberEscapes) {
  v1::Episode episode = SmallEpisode("e", 1);
  v1::Message* message = episode.mutable_messages(1);
  message->set_process_score(0.5);
  message->set_prefix_value(0.5);
  message->set_redundancy(0.5);
  message->add_alternatives()->set_value(0.5);
  message->add_judge_scores()->set_judge("j");
  message->mutable_judge_scores(0)->set_score(0.5);
  episode.mutable_outcome()->add_components()->set_value(3);
  for (const double v : {0.0, 0.5, 0.5, 1.0}) {
    episode.mutable_values()->add_coalition_values(v);
  }
  ASSERT_TRUE(Validate(episode).ok()) << Validate(episode);

  int checked = 0;
  const std::function<void(google::protobuf::Message*)> spoil = [&](google::protobuf::Message* at) {
    const auto* reflection = at->GetReflection();
    std::vector<const google::protobuf::FieldDescriptor*> fields;
    reflection->ListFields(*at, &fields);
    for (const auto* field : fields) {
      const int count = field->is_repeated() ? reflection->FieldSize(*at, field) : 1;
      for (int i = 0; i < count; ++i) {
        if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) {
          spoil(field->is_repeated() ? reflection->MutableRepeatedMessage(at, field, i)
                                     : reflection->MutableMessage(at, field));
        } else if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_DOUBLE) {
          for (const double bad : {std::numeric_limits<double>::quiet_NaN(),
                                   std::numeric_limits<double>::infinity()}) {
            double good = 0;
            if (field->is_repeated()) {
              good = reflection->GetRepeatedDouble(*at, field, i);
              reflection->SetRepeatedDouble(at, field, i, bad);
            } else {
              good = reflection->GetDouble(*at, field);
              reflection->SetDouble(at, field, bad);
            }
            const absl::Status status = Validate(episode);
            EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << field->full_name();
            EXPECT_EQ(ErrorToWire(status).violations_size(), 1) << status;
            if (field->is_repeated()) {
              reflection->SetRepeatedDouble(at, field, i, good);
            } else {
              reflection->SetDouble(at, field, good);
            }
            ++checked;
          }
        }
      }
    }
  };
  spoil(&episode);
  EXPECT_EQ(checked, 2 * 11);
}

TEST(Validate, BytesOfAnEpisodeAreBounded) {
  const v1::Episode episode = SmallEpisode("e", 1);
  const Limits limits;
  EXPECT_TRUE(ValidateEpisode(episode, limits.max_episode_bytes, *Defaults(), limits).ok());
  const absl::Status status =
      ValidateEpisode(episode, limits.max_episode_bytes + 1, *Defaults(), limits);
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
}

// What the caller chose must be able to answer; what the server chooses is.
TEST(Validate, AChosenEvaluatorMustBeAbleToAnswer) {
  const auto field = [](const v1::Episode& episode, const v1::AttributionOptions& sent) {
    const auto options = ResolveOptions(sent, Limits(), Catalog(), std::nullopt);
    const absl::Status status = ValidateEpisode(episode, 100, *options, Limits());
    if (!status.ok()) {
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    }
    return FieldOf(status);
  };
  v1::AttributionOptions given, vote;
  given.mutable_given();
  vote.mutable_vote();
  v1::Episode episode = SmallEpisode("e", 0.5);
  EXPECT_EQ(field(episode, given), "values");
  EXPECT_EQ(field(episode, vote), "task.reference_answer");
  EXPECT_EQ(field(episode, {}), "");
  for (int i = 0; i < 4; ++i) episode.mutable_values()->add_coalition_values(1);
  EXPECT_EQ(field(episode, given), "");
  // A success without a ballot contradicts the vote; a failure without one does not.
  episode.mutable_task()->set_reference_answer("A");
  EXPECT_EQ(field(episode, vote), "messages.answer");
  episode.mutable_outcome()->set_score(0.499);
  EXPECT_EQ(field(episode, vote), "");
  episode.mutable_outcome()->set_score(1);
  episode.mutable_messages(3)->set_answer("A");
  EXPECT_EQ(field(episode, vote), "");
  episode.mutable_messages(3)->clear_agent_id();
  EXPECT_EQ(field(episode, vote), "messages.answer") << "context has no vote";
}

// Who is no model is a player whose messages are context.
TEST(Validate, MessagesOfWhoIsNoModelAreContext) {
  v1::Episode episode = SmallEpisode("e", 1);
  const std::string tool = episode.agents(1).id();
  episode.mutable_agents(1)->set_kind(v1::AGENT_KIND_TOOL);
  for (v1::Message& m : *episode.mutable_messages()) m.set_process_score(-1);
  auto shared = std::make_shared<v1::Episode>(episode);
  const auto work = AcceptEpisode(shared, 100, Defaults(), Limits());
  ASSERT_TRUE(work.ok()) << work.status();
  const signals::Episode& read = work->context->episode;
  EXPECT_EQ(read.agents.size(), static_cast<size_t>(episode.agents_size()));
  int told = 0;
  for (int t = 0; t < episode.messages_size(); ++t) {
    const bool is_tool = episode.messages(t).agent_id() == tool;
    told += is_tool;
    EXPECT_EQ(read.messages[t].agent == signals::kContext, is_tool);
    EXPECT_EQ(read.messages[t].is_output, is_tool);
    EXPECT_EQ(read.messages[t].process_score.has_value(), !is_tool);
    EXPECT_EQ(std::string(read.messages[t].speaker), is_tool ? tool : "");
  }
  EXPECT_GT(told, 0);
}

TEST(Validate, OpinionsOnContextAreIgnored) {
  v1::Episode episode = SmallEpisode("e", 1);
  episode.mutable_messages(0)->clear_agent_id();
  episode.mutable_messages(0)->set_process_score(-1);
  auto shared = std::make_shared<v1::Episode>(episode);
  const auto work = AcceptEpisode(shared, 100, Defaults(), Limits());
  ASSERT_TRUE(work.ok()) << work.status();
  EXPECT_FALSE(work->context->episode.messages[0].process_score.has_value());
}

}  // namespace
}  // namespace assay::service
