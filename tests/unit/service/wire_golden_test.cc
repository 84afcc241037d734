// The bytes of every response to the samples, by call and by stream, against proto/golden/. They
// are the contract below the field names: a change that moves one bit of an answer has to say so.
//
//   wire_golden_test --update     writes them anew
//
// Of one build on one level of CPU features: a libm without FMA may round the last bit differently.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/util/delimited_message_util.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/engine/engine.h"
#include "server/service/batch_call.h"
#include "server/service/stream_call.h"
#include "tests/simulation/virtual_executor.h"

namespace assay::service {
namespace {

namespace fs = std::filesystem;

bool update = false;

std::vector<v1::Episode> ReadSample(const std::string& name) {
  std::ifstream file(fs::path(ASSAY_SAMPLES) / (name + ".jsonl"));
  std::vector<v1::Episode> episodes;
  for (std::string line; std::getline(file, line);) {
    const auto read = google::protobuf::util::JsonStringToMessage(line, &episodes.emplace_back());
    EXPECT_TRUE(read.ok()) << line;
  }
  EXPECT_FALSE(episodes.empty()) << name;
  // And one that is answered by an error.
  episodes.push_back(episodes.front());
  episodes.back().set_id("spoilt");
  episodes.back().mutable_messages(0)->set_agent_id("nobody");
  return episodes;
}

v1::AttributionOptions Audited(bool by_caller) {
  v1::AttributionOptions options;
  options.set_audit(v1::AUDIT_FULL);
  options.set_seed(7);
  if (by_caller) {
    options.mutable_caller()->add_supports(v1::QUESTION_KIND_COALITION);
    options.mutable_caller()->add_supports(v1::QUESTION_KIND_PREFIX);
  }
  return options;
}

// Everything of the service but the sockets, on one thread and a clock that stands still.
struct World {
  World() : engine(&executor, nullptr), admission(kPlenty), callers(kPlenty, &admission) {
    deps.engine = &engine;
    deps.executor = &executor;
    deps.config = &config;
    deps.catalog = &catalog;
    deps.callers = &callers;
  }
  CallContext Client() { return {callers.Share("client"), {}}; }

  static constexpr Load kPlenty = {100, int64_t{1} << 30};
  simulation::VirtualExecutor executor;
  engine::Engine engine;
  SessionConfig config;
  Catalog catalog;
  Admission admission;
  Callers callers;
  ServiceDeps deps;
};

std::string Call(const std::vector<v1::Episode>& episodes) {
  World world;
  auto request = std::make_shared<v1::ComputeSignalsRequest>();
  *request->mutable_options() = Audited(false);
  request->mutable_episodes()->Add(episodes.begin(), episodes.end());
  std::string bytes;
  BatchCall::Make(world.deps, world.Client(), request,
                  [&bytes](absl::StatusOr<v1::ComputeSignalsResponse> answer) {
                    ASSERT_TRUE(answer.ok()) << answer.status();
                    bytes = answer->SerializeAsString();
                  })
      ->Start();
  world.executor.RunReady();
  return bytes;
}

// Keeps what is written, each message after its length; answers every question by 1/4.
class Recorder final : public StreamTransport {
 public:
  explicit Recorder(World* world)
      : world_(world),
        call_(std::make_shared<StreamCall>(world->deps, world->Client(), world->config,
                                           absl::Seconds(5), 1)) {
    call_->Attach(this);
  }
  ~Recorder() override { call_->Detach(); }

  void Write(const v1::StreamSignalsResponse* response, bool /*more*/) override {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::util::SerializeDelimitedToZeroCopyStream(*response, &stream);
    auto reply = std::make_shared<v1::StreamSignalsRequest>();
    v1::EvaluateResponse* evaluation = reply->mutable_evaluation();
    evaluation->set_evaluation_id(response->evaluate().evaluation_id());
    for (int k = 0; k < response->evaluate().questions_size(); ++k) {
      evaluation->mutable_answers()->add_answers()->set_mean(0.25);
    }
    world_->executor.Post([this, reply, asked = response->has_evaluate()] {
      call_->OnWriteDone();
      if (asked) call_->OnRequest(reply);
    });
  }
  void Finish(const absl::Status& status) override { end = status; }
  void Abort() override {}

  void Send(const v1::StreamSignalsRequest& request) {
    call_->OnRequest(std::make_shared<const v1::StreamSignalsRequest>(request));
    world_->executor.RunReady();
  }
  void HalfClose() {
    call_->OnHalfClose();
    world_->executor.RunReady();
  }

  std::string bytes;
  absl::Status end = absl::UnknownError("the stream did not end");

 private:
  World* const world_;
  const std::shared_ptr<StreamCall> call_;
};

std::string Stream(const std::vector<v1::Episode>& episodes, bool by_caller) {
  World world;
  Recorder recorder(&world);
  v1::StreamSignalsRequest request;
  *request.mutable_options() = Audited(by_caller);
  recorder.Send(request);
  for (const v1::Episode& episode : episodes) {
    *request.mutable_episode() = episode;
    recorder.Send(request);
  }
  recorder.HalfClose();
  EXPECT_TRUE(recorder.end.ok()) << recorder.end;
  return recorder.bytes;
}

template <class Message>
std::vector<Message> Messages(const std::string& bytes, bool delimited) {
  std::vector<Message> messages;
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  bool clean = false;
  if (!delimited) {
    messages.emplace_back().ParseFromString(bytes);
  } else {
    while (google::protobuf::util::ParseDelimitedFromZeroCopyStream(&messages.emplace_back(),
                                                                    &stream, &clean)) {
    }
    messages.pop_back();
  }
  return messages;
}

template <class Message>
std::string FirstDifference(const std::string& golden, const std::string& today, bool delimited) {
  const auto before = Messages<Message>(golden, delimited);
  const auto after = Messages<Message>(today, delimited);
  for (size_t k = 0; k < before.size() && k < after.size(); ++k) {
    std::string report;
    google::protobuf::util::MessageDifferencer differencer;
    differencer.ReportDifferencesToString(&report);
    if (!differencer.Compare(before[k], after[k])) return report;
  }
  return "another number of messages, or other bytes of equal messages";
}

template <class Message>
void ExpectGolden(const std::string& name, const std::string& today, bool delimited) {
  const fs::path path = fs::path(ASSAY_GOLDEN) / (name + ".binpb");
  if (update) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << today;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  const std::string golden((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
  EXPECT_TRUE(golden == today) << path << ":\n"
                               << FirstDifference<Message>(golden, today, delimited);
}

class WireGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(WireGolden, TheSameBytesAsEver) {
  const std::string name = GetParam();
  const std::vector<v1::Episode> episodes = ReadSample(name);
  ExpectGolden<v1::ComputeSignalsResponse>(name + ".call", Call(episodes), false);
  ExpectGolden<v1::StreamSignalsResponse>(name + ".stream", Stream(episodes, false), true);
}

INSTANTIATE_TEST_SUITE_P(Samples, WireGolden,
                         ::testing::Values("coding_team", "debate", "newcomer", "pipeline",
                                           "research_team"),
                         [](const auto& param) { return std::string(param.param); });

TEST(WireGolden, TheSameQuestionsToTheCaller) {
  const std::vector<v1::Episode> episodes = ReadSample("research_team");
  ExpectGolden<v1::StreamSignalsResponse>("research_team.caller", Stream(episodes, true), true);
}

}  // namespace
}  // namespace assay::service

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  assay::service::update = argc > 1 && std::string(argv[1]) == "--update";
  return RUN_ALL_TESTS();
}
