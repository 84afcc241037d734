#include "server/base/message_memory.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "assay/v1/signal_service.pb.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/unknown_field_set.h"

namespace assay {
namespace {

int64_t Counted(const google::protobuf::Message& message,
                int64_t limit = std::numeric_limits<int64_t>::max()) {
  const std::string bytes = message.SerializeAsString();
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()), 7);
  return MemoryOnceParsed(*message.GetDescriptor(), &stream, limit);
}

int64_t Taken(const google::protobuf::Message& message) {
  const std::unique_ptr<google::protobuf::Message> parsed(message.New());
  EXPECT_TRUE(parsed->ParseFromString(message.SerializeAsString()));
  return static_cast<int64_t>(parsed->SpaceUsedLong());
}

v1::ComputeSignalsRequest Ordinary(int episodes, int messages) {
  v1::ComputeSignalsRequest request;
  for (int i = 0; i < episodes; ++i) {
    v1::Episode* episode = request.add_episodes();
    episode->set_id(absl::StrCat("episode ", i));
    episode->add_agents()->set_id("solver");
    for (int t = 0; t < messages; ++t) {
      v1::Message* message = episode->add_messages();
      message->set_agent_id("solver");
      message->set_content(std::string(200, 'x'));
      message->set_process_score(.5);
    }
  }
  return request;
}

TEST(MessageMemory, CountsNoLessThanIsTakenAndNotMuchMore) {
  for (const auto& [episodes, messages] : {std::pair(1, 4), std::pair(100, 8), std::pair(3, 500)}) {
    const v1::ComputeSignalsRequest request = Ordinary(episodes, messages);
    EXPECT_GE(Counted(request), Taken(request));
    EXPECT_LE(Counted(request), 4 * Taken(request));
  }
}

TEST(MessageMemory, EmptyPartsCountForWhatTheyTake) {
  v1::ComputeSignalsRequest request;
  for (int i = 0; i < 10'000; ++i) request.add_episodes();
  EXPECT_GE(Counted(request), Taken(request));
  EXPECT_GT(Counted(request), 50 * static_cast<int64_t>(request.ByteSizeLong()));
  v1::Episode* episode = request.add_episodes();
  for (int i = 0; i < 10'000; ++i) episode->add_messages()->add_judge_scores();
  for (int i = 0; i < 10'000; ++i) episode->add_agents();
  for (int i = 0; i < 10'000; ++i) episode->mutable_values()->add_coalition_values(0);
  EXPECT_GE(Counted(request), Taken(request));
}

TEST(MessageMemory, UnknownFieldsCountToo) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    v1::Episode episode;
    google::protobuf::UnknownFieldSet* fields =
        episode.GetReflection()->MutableUnknownFields(&episode);
    for (int i = 0; i < 2000; ++i) {
      switch (random() % 4) {
        case 0:
          fields->AddVarint(1000, 1);
          break;
        case 1:
          fields->AddFixed32(1001, 1);
          break;
        case 2:
          fields->AddLengthDelimited(1002)->assign(random() % 20, 'x');
          break;
        default:
          for (auto* group = fields->AddGroup(1003); random() % 4 != 0;) {
            group->AddVarint(1, 1);
            group->AddGroup(2);
          }
      }
    }
    EXPECT_GE(Counted(episode), Taken(episode)) << round;
  }
}

TEST(MessageMemory, EndsAtTheLimitAndAtAFault) {
  const v1::ComputeSignalsRequest request = Ordinary(1000, 4);
  EXPECT_GT(Counted(request, 10'000), 10'000);
  EXPECT_LT(Counted(request, 10'000), 20'000);
  std::string bytes = request.SerializeAsString();
  for (size_t cut = 0; cut < 3000; cut += 7) {
    google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(cut));
    EXPECT_GT(MemoryOnceParsed(*v1::ComputeSignalsRequest::descriptor(), &stream, 1 << 30), 0);
  }
}

}  // namespace
}  // namespace assay
