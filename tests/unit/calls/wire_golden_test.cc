// The bytes of every response to the samples, by call and by stream, against proto/golden/. They
// are the contract below the field names: a change that moves one bit of an answer has to say so.
//
//   wire_golden_test --update     writes them anew
//
// Of one build on one level of CPU features: a libm without FMA may round the last bit differently.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/util/delimited_message_util.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/calls/batch_call.h"
#include "server/calls/stream_call.h"
#include "server/engine/engine.h"
#include "tests/simulation/virtual_executor.h"
#include "tests/unit/audit/oracle.h"
#include "tests/unit/golden.h"

namespace assay::service {
namespace {

namespace fs = std::filesystem;

bool update = false;

std::vector<v1::Episode> ReadSample(const std::string& name) {
  std::ifstream file(assay::testing::SourceFolder() / "tests/data/samples" / (name + ".jsonl"));
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
  BatchCall::Make(world.deps, world.Client(), request, 0,
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
  const fs::path path = assay::testing::SourceFolder() / "proto/golden" / (name + ".binpb");
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

// Numbers and names of a message in the order of its fields; digests follow from the rest.
void Flatten(const google::protobuf::Message& message, std::vector<double>& numbers) {
  using google::protobuf::FieldDescriptor;
  const auto* r = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  r->ListFields(message, &fields);
  for (const FieldDescriptor* f : fields) {
    if (f->type() == FieldDescriptor::TYPE_BYTES || f->name() == "software_version") continue;
    numbers.push_back(f->number());
    const int count = f->is_repeated() ? r->FieldSize(message, f) : 1;
    for (int i = 0; i < count; ++i) {
      const bool many = f->is_repeated();
      switch (f->cpp_type()) {
        case FieldDescriptor::CPPTYPE_MESSAGE:
          Flatten(many ? r->GetRepeatedMessage(message, f, i) : r->GetMessage(message, f), numbers);
          break;
        case FieldDescriptor::CPPTYPE_DOUBLE:
          numbers.push_back(many ? r->GetRepeatedDouble(message, f, i) : r->GetDouble(message, f));
          break;
        case FieldDescriptor::CPPTYPE_INT32:
          numbers.push_back(many ? r->GetRepeatedInt32(message, f, i) : r->GetInt32(message, f));
          break;
        case FieldDescriptor::CPPTYPE_INT64:
          numbers.push_back(static_cast<double>(r->GetInt64(message, f)));
          break;
        case FieldDescriptor::CPPTYPE_UINT64:
          numbers.push_back(static_cast<double>(r->GetUInt64(message, f)));
          break;
        case FieldDescriptor::CPPTYPE_BOOL:
          numbers.push_back(r->GetBool(message, f));
          break;
        case FieldDescriptor::CPPTYPE_ENUM:
          numbers.push_back(many ? r->GetRepeatedEnumValue(message, f, i)
                                 : r->GetEnumValue(message, f));
          break;
        case FieldDescriptor::CPPTYPE_STRING: {
          double name = 0;
          for (const char c :
               many ? r->GetRepeatedString(message, f, i) : r->GetString(message, f)) {
            name = std::fmod(31 * name + c, 1e6);
          }
          numbers.push_back(name);
          break;
        }
        default:
          ADD_FAILURE() << f->full_name();
      }
    }
  }
}

using assay::testing::Dice;

v1::AttributionOptions DrawOptions(Dice& dice) {
  v1::AttributionOptions o;
  o.set_seed(static_cast<uint64_t>(dice.Below(100)));
  o.set_audit(dice.Chance(40) ? v1::AUDIT_FULL : v1::AUDIT_LEDGER);
  o.set_reference_score(dice.Chance(50) ? 1 : 0.8);
  o.mutable_message_rewards()->set_evidence(static_cast<v1::Evidence>(dice.Below(6)));
  o.mutable_message_rewards()->set_weigh_by_tokens(dice.Chance(30));
  o.mutable_message_rewards()->set_redundancy(static_cast<v1::Redundancy>(dice.Below(3)));
  o.mutable_first_error()->set_definition(static_cast<v1::ErrorDefinition>(dice.Below(4)));
  o.mutable_first_error()->set_soft_rewards(dice.Chance(30));
  o.mutable_advantages()->set_scale(static_cast<v1::OutcomeScale>(dice.Below(4)));
  o.mutable_preferences()->set_margin(dice.Chance(30) ? 0.1 : 0);
  switch (dice.Below(4)) {
    case 0:
      o.mutable_named()->set_name("oracle");
      o.mutable_estimator()->set_samples_per_question(1 + dice.Below(3));
      break;
    case 1:
      o.set_scorer("oracle");
      break;
    default:
      break;  // by the episode
  }
  return o;
}

v1::Episode DrawEpisode(int number, Dice& dice) {
  v1::Episode e;
  e.set_id(absl::StrCat("e", number));
  e.mutable_task()->set_id(dice.Chance(50) ? "one" : "other");
  const int agents = 1 + dice.Below(4);
  for (int i = 0; i < agents; ++i) {
    e.add_agents()->set_id(absl::StrCat("agent", i));
    if (dice.Chance(50)) e.mutable_agents(i)->set_policy(dice.Chance(50) ? "p" : "q");
  }
  for (int t = 1 + dice.Below(8); t > 0; --t) {
    const int index = e.messages_size();
    const bool context = index > 0 && dice.Chance(15);
    v1::Message* m = e.add_messages();
    if (!context) m->set_agent_id(absl::StrCat("agent", dice.Below(agents)));
    m->set_content(absl::StrCat("the text of message ", dice.Below(4), " says so"));
    m->set_round(dice.Below(3));
    m->set_token_count(dice.Below(20));
    if (dice.Chance(60)) m->set_answer(dice.Chance(50) ? "A" : "B");
    if (dice.Chance(20)) m->set_prefix_value(dice.Unit());
    if (dice.Chance(20)) m->set_redundancy(dice.Unit());
    if (dice.Chance(20)) {
      const int trials = dice.Below(5);
      m->mutable_prefix_rollouts()->set_trials(trials);
      m->mutable_prefix_rollouts()->set_successes(dice.Below(trials + 1));
    }
    if (context) continue;
    if (dice.Chance(40)) m->set_process_score(2 * dice.Unit() - 1);
    if (dice.Chance(20)) {
      m->add_judge_scores()->set_judge("j");
      m->mutable_judge_scores(0)->set_score(2 * dice.Unit() - 1);
    }
    if (dice.Chance(20)) {
      m->add_alternatives()->set_content("another way");
      m->mutable_alternatives(0)->set_value(dice.Unit());
    }
    if (dice.Chance(20)) {
      m->add_token_spans()->set_start(dice.Below(5));
      m->mutable_token_spans(0)->set_end(5 + dice.Below(5));
    }
    const int before = dice.Below(index + 1);
    if (before < index && dice.Chance(25) && !e.messages(before).agent_id().empty()) {
      m->set_repairs(before);
    }
  }
  if (dice.Chance(50)) e.mutable_task()->set_reference_answer("A");
  if (dice.Chance(30)) {
    for (int s = 0; s < 1 << agents; ++s) e.mutable_values()->add_coalition_values(dice.Unit());
  }
  if (dice.Chance(90)) e.mutable_outcome()->set_score(dice.Chance(40) ? 1 : dice.Unit());
  e.mutable_outcome()->set_truncated(dice.Chance(10));
  if (dice.Chance(70)) {
    e.mutable_group()->set_id("g");
    e.mutable_group()->set_size(dice.Chance(50) ? 6 : 0);
  }
  return e;
}

// Six drawn episodes on a stream: their results, and those of their group.
TEST(WireGoldenDrawn, Streams) {
  assay::testing::Golden golden("service");
  for (int k = 0; k < 24; ++k) {
    Dice dice(k);
    World world;
    world.catalog.evaluators["oracle"] = std::make_shared<Oracle>();
    Recorder recorder(&world);
    v1::StreamSignalsRequest request;
    *request.mutable_options() = DrawOptions(dice);
    recorder.Send(request);
    for (int e = 0; e < 6; ++e) {
      *request.mutable_episode() = DrawEpisode(e, dice);
      recorder.Send(request);
    }
    recorder.HalfClose();
    EXPECT_TRUE(recorder.end.ok()) << recorder.end;
    std::vector<double> numbers;
    for (const auto& response : Messages<v1::StreamSignalsResponse>(recorder.bytes, true)) {
      Flatten(response, numbers);
    }
    golden.Expect(absl::StrCat(k), numbers);
  }
}

class WireGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(WireGolden, TheSameBytesAsEver) {
  const std::string name = GetParam();
  const std::vector<v1::Episode> episodes = ReadSample(name);
  ExpectGolden<v1::ComputeSignalsResponse>(name + ".call", Call(episodes), false);
  ExpectGolden<v1::StreamSignalsResponse>(name + ".stream", Stream(episodes, false), true);
}

INSTANTIATE_TEST_SUITE_P(Samples, WireGolden,
                         ::testing::Values("coding_team", "debate", "lost_debate", "newcomer",
                                           "pipeline", "research_team"),
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
