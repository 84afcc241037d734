// The paths of single faults are in tests/integration/bad_input_test.cc; here, what a real
// connection cannot show.
#include "server/service/validate.h"

#include <gtest/gtest.h>

#include <limits>

#include "server/service/errors.h"
#include "tests/unit/service/episodes.h"

namespace assay::service {
namespace {

std::shared_ptr<const ResolvedOptions> Defaults() {
  return std::make_shared<ResolvedOptions>(*ResolveOptions({}, Limits(), Catalog(), std::nullopt));
}

absl::Status Validate(const v1::Episode& episode) {
  return ValidateEpisode(episode, static_cast<int64_t>(episode.ByteSizeLong()), *Defaults(),
                         Limits());
}

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
            EXPECT_EQ(ToWire(status).violations_size(), 1) << status;
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
