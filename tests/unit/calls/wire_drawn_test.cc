// Drawn episodes on a stream: their results, and those of their group.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/unit/audit/oracle.h"
#include "tests/unit/calls/recorder.h"
#include "tests/unit/golden.h"

namespace assay::service {
namespace {

using assay::testing::Dice;

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
    for (const auto& response : Messages(recorder.bytes)) {
      if (!response.has_ready()) Flatten(response, numbers);
    }
    golden.Expect(absl::StrCat(k), numbers);
  }
}

}  // namespace
}  // namespace assay::service
