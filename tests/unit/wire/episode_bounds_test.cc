// Where the range of each field of an episode, or of a member of a group, ends.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <string>

#include "tests/unit/session/episodes.h"
#include "tests/unit/wire/validated.h"

namespace assay::service {
namespace {

// The last value that is taken, and the first that is not.
TEST(Validate, BoundsAreWhereTheySay) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  constexpr auto kRange = absl::StatusCode::kOutOfRange;
  constexpr auto kTaken = absl::StatusCode::kOk;
  using Change = std::function<void(v1::Episode*)>;
  const auto message = [](const std::function<void(v1::Message*)>& change) -> Change {
    return [change](v1::Episode* e) { change(e->mutable_messages(1)); };
  };
  const auto process_score = [&](double v) {
    return message([v](v1::Message* m) { m->set_process_score(v); });
  };
  const auto prefix_value = [&](double v) {
    return message([v](v1::Message* m) { m->set_prefix_value(v); });
  };
  const auto redundancy = [&](double v) {
    return message([v](v1::Message* m) { m->set_redundancy(v); });
  };
  const auto rollouts = [&](int successes, int trials) {
    return message([=](v1::Message* m) {
      m->mutable_prefix_rollouts()->set_successes(successes);
      m->mutable_prefix_rollouts()->set_trials(trials);
    });
  };
  const auto judge = [&](const std::string& name, double score) {
    return message([=](v1::Message* m) {
      m->add_judge_scores()->set_judge(name);
      m->mutable_judge_scores(0)->set_score(score);
    });
  };
  const auto judges = [&](int count) {
    return message([count](v1::Message* m) {
      for (int i = 0; i < count; ++i) m->add_judge_scores()->set_judge(absl::StrCat("j", i));
    });
  };
  const auto span = [&](int start, int end, size_t id = 0) {
    return message([=](v1::Message* m) {
      v1::TokenSpan* span = m->add_token_spans();
      span->set_start(start);
      span->set_end(end);
      span->set_sample_id(std::string(id, 's'));
    });
  };
  const auto group = [](const std::string& id, int size) -> Change {
    return [=](v1::Episode* e) {
      e->mutable_group()->set_id(id);
      e->mutable_group()->set_size(size);
    };
  };
  const auto repairs = [](int message, int target) -> Change {
    return [=](v1::Episode* e) { e->mutable_messages(message)->set_repairs(target); };
  };
  const auto score = [](double v) -> Change {
    return [v](v1::Episode* e) { e->mutable_outcome()->set_score(v); };
  };
  const auto agent = [](const std::string& id, size_t policy) -> Change {
    return [=](v1::Episode* e) {
      e->mutable_agents(1)->set_id(id);
      e->mutable_agents(1)->set_policy(std::string(policy, 'p'));
      e->mutable_messages(1)->set_agent_id(id);
      e->mutable_messages(3)->set_agent_id(id);
    };
  };
  const auto agents = [](int count) -> Change {
    return [count](v1::Episode* e) {
      while (e->agents_size() < count) e->add_agents()->set_id(absl::StrCat(e->agents_size()));
    };
  };
  const auto messages = [](int count) -> Change {
    return [count](v1::Episode* e) {
      while (e->messages_size() < count) e->add_messages();
    };
  };
  const auto table = [](int agents) -> Change {
    return [agents](v1::Episode* e) {
      while (e->agents_size() < agents) e->add_agents()->set_id(absl::StrCat(e->agents_size()));
      for (int i = 0; i < 1 << agents; ++i) e->mutable_values()->add_coalition_values(i % 2);
    };
  };
  const auto first_errors = [](int a, int b) -> Change {
    return [=](v1::Episode* e) {
      e->mutable_messages(a)->set_first_error(true);
      e->mutable_messages(b)->set_first_error(true);
    };
  };
  const struct {
    absl::StatusCode code;
    const char* field;
    Change change;
  } cases[] = {
      {kTaken, "", [](v1::Episode* e) { e->set_id(std::string(256, 'i')); }},
      {kTaken, "", [](v1::Episode* e) { e->mutable_task()->set_id(std::string(256, 't')); }},
      {kRange, "task.id", [](v1::Episode* e) { e->mutable_task()->set_id(std::string(257, 't')); }},
      {kTaken, "", group("g", 1024)},
      {kTaken, "", group("g", 0)},
      {kInvalid, "group.size", group("g", -1)},
      {kInvalid, "group.id", group("", 2)},
      {kRange, "group.id", group(std::string(257, 'g'), 2)},
      {kTaken, "", agents(64)},
      {kTaken, "", agent(std::string(256, 'a'), 256)},
      {kRange, "agents[1].id", agent(std::string(257, 'a'), 0)},
      {kRange, "agents[1].policy", agent("b", 257)},
      {kInvalid, "agents[1].id", agent("", 0)},
      {kTaken, "", messages(65'536)},
      {kRange, "messages", messages(65'537)},
      {kTaken, "", table(20)},
      {kTaken, "", process_score(-1)},
      {kTaken, "", process_score(1)},
      {kInvalid, "messages[1].process_score", process_score(-1.001)},
      {kTaken, "", prefix_value(0)},
      {kTaken, "", prefix_value(1)},
      {kInvalid, "messages[1].prefix_value", prefix_value(-0.001)},
      {kInvalid, "messages[1].prefix_value", prefix_value(1.001)},
      {kTaken, "", redundancy(0)},
      {kTaken, "", redundancy(1)},
      {kInvalid, "messages[1].redundancy", redundancy(1.001)},
      {kTaken, "", rollouts(0, 0)},
      {kTaken, "", rollouts(3, 3)},
      {kTaken, "", rollouts(0, 1'000'000)},
      {kInvalid, "messages[1].prefix_rollouts.trials", rollouts(0, -1)},
      {kInvalid, "messages[1].prefix_rollouts.successes", rollouts(-1, 2)},
      {kTaken, "", judge("j", -1)},
      {kTaken, "", judge(std::string(256, 'j'), 1)},
      {kInvalid, "messages[1].judge_scores[0].score", judge("j", 1.001)},
      {kInvalid, "messages[1].judge_scores[0].judge", judge("", 1)},
      {kRange, "messages[1].judge_scores[0].judge", judge(std::string(257, 'j'), 1)},
      {kTaken, "", judges(64)},
      {kRange, "messages[1].judge_scores", judges(65)},
      {kInvalid, "messages[1].judge_scores[2].judge", message([](v1::Message* m) {
         for (const char* name : {"j", "k", "k"}) m->add_judge_scores()->set_judge(name);
       })},
      {kInvalid, "messages[1].alternatives[1].value", message([](v1::Message* m) {
         m->add_alternatives()->set_content("without a value");
         m->add_alternatives()->set_value(-0.001);
       })},
      {kTaken, "", span(5, 5, 256)},
      {kTaken, "", span(0, 1)},
      {kInvalid, "messages[1].token_spans[0].start", span(-1, 1)},
      {kRange, "messages[1].token_spans[0].sample_id", span(0, 1, 257)},
      {kTaken, "", repairs(1, 0)},
      {kTaken, "", repairs(3, 2)},
      {kInvalid, "messages[1].repairs", repairs(1, -1)},
      {kInvalid, "messages[3].repairs",
       [](v1::Episode* e) {
         e->mutable_messages(3)->clear_agent_id();
         e->mutable_messages(3)->set_repairs(0);
       }},
      {kTaken, "", first_errors(2, 2)},
      {kInvalid, "messages[2].first_error", first_errors(0, 2)},
      {kTaken, "",
       [](v1::Episode* e) {
         e->mutable_messages(3)->clear_agent_id();
         e->mutable_messages(3)->set_first_error(true);
       }},
      {kInvalid, "agents[1].kind",
       [](v1::Episode* e) { e->mutable_agents(1)->set_kind(static_cast<v1::AgentKind>(9)); }},
      {kInvalid, "messages[3].repairs",
       [](v1::Episode* e) {
         e->mutable_agents(1)->set_kind(v1::AGENT_KIND_TOOL);
         e->mutable_messages(3)->set_agent_id(e->agents(1).id());
         e->mutable_messages(3)->set_repairs(0);
       }},
      {kInvalid, "messages",
       [](v1::Episode* e) {
         for (v1::Agent& agent : *e->mutable_agents()) agent.set_kind(v1::AGENT_KIND_HUMAN);
       }},
      {kInvalid, "messages[1].token_count",
       message([](v1::Message* m) { m->set_token_count(-1); })},
      {kTaken, "", score(0)},
      {kTaken, "", score(1)},
      {kInvalid, "outcome.score", score(-0.001)},
      {kRange, "outcome.components[0].name",
       [](v1::Episode* e) {
         e->mutable_outcome()->add_components()->set_name(std::string(257, 'c'));
       }},
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    v1::Episode episode = SmallEpisode("e", 1);
    cases[i].change(&episode);
    const absl::Status status = Validate(episode);
    EXPECT_EQ(status.code(), cases[i].code) << "case " << i << ": " << status;
    EXPECT_EQ(FieldOf(status), cases[i].field) << "case " << i;
  }
}

TEST(Validate, MembersOfAGroupAreChecked) {
  using Change = std::function<void(v1::EpisodeSignals*)>;
  const struct {
    absl::StatusCode code;
    const char* field;
    Change change;
  } cases[] = {
      {absl::StatusCode::kOk, "", [](auto* s) { s->set_score(1); }},
      {absl::StatusCode::kOk, "", [](auto* s) { s->set_score(0); }},
      {absl::StatusCode::kInvalidArgument, "m.score", [](auto* s) { s->set_score(1.001); }},
      {absl::StatusCode::kInvalidArgument, "m.episode_id", [](auto* s) { s->clear_episode_id(); }},
      {absl::StatusCode::kInvalidArgument, "m.group.id", [](auto* s) { s->clear_group(); }},
      {absl::StatusCode::kInvalidArgument, "m.agents[0].agent_id",
       [](auto* s) { s->mutable_agents(0)->clear_agent_id(); }},
      {absl::StatusCode::kInvalidArgument, "m.agents[1].agent_id",
       [](auto* s) { s->add_agents()->set_agent_id("a"); }},
      {absl::StatusCode::kOk, "",
       [](auto* s) {
         while (s->agents_size() < 64)
           s->add_agents()->set_agent_id(absl::StrCat(s->agents_size()));
       }},
      {absl::StatusCode::kOutOfRange, "m.agents",
       [](auto* s) {
         while (s->agents_size() < 65)
           s->add_agents()->set_agent_id(absl::StrCat(s->agents_size()));
       }},
      {absl::StatusCode::kOk, "",
       [](auto* s) {
         while (s->messages_size() < 65'536) s->add_messages()->set_agent_id("a");
       }},
      {absl::StatusCode::kOutOfRange, "m.messages",
       [](auto* s) {
         while (s->messages_size() < 65'537) s->add_messages()->set_agent_id("a");
       }},
      {absl::StatusCode::kInvalidArgument, "m.messages[0].agent_id",
       [](auto* s) { s->mutable_messages(0)->set_agent_id("b"); }},
      {absl::StatusCode::kInvalidArgument, "m.agents[0].credit",
       [](auto* s) { s->mutable_agents(0)->set_credit(std::nan("")); }},
      {absl::StatusCode::kInvalidArgument, "m.agents[0].std_error",
       [](auto* s) { s->mutable_agents(0)->set_std_error(-0.1); }},
      {absl::StatusCode::kOk, "", [](auto* s) { s->mutable_agents(0)->set_value_without(1); }},
      {absl::StatusCode::kInvalidArgument, "m.agents[0].value_without",
       [](auto* s) { s->mutable_agents(0)->set_value_without(1.001); }},
      {absl::StatusCode::kOutOfRange, "m.agents[0].policy",
       [](auto* s) { s->mutable_agents(0)->set_policy(std::string(257, 'p')); }},
      {absl::StatusCode::kInvalidArgument, "m.messages[0].credit",
       [](auto* s) {
         s->mutable_messages(0)->set_credit(std::numeric_limits<double>::infinity());
       }},
      {absl::StatusCode::kOk, "", [](auto* s) { s->mutable_messages(0)->set_value_change(-1); }},
      {absl::StatusCode::kInvalidArgument, "m.messages[0].value_change",
       [](auto* s) { s->mutable_messages(0)->set_value_change(-1.001); }},
      {absl::StatusCode::kInvalidArgument, "m.messages[0].value_change_variance",
       [](auto* s) { s->mutable_messages(0)->set_value_change_variance(-1e-9); }},
      {absl::StatusCode::kInvalidArgument, "m.messages[0].process_score",
       [](auto* s) { s->mutable_messages(0)->set_process_score(1.001); }},
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    v1::EpisodeSignals member;
    member.set_episode_id("e");
    member.mutable_group()->set_id("g");
    member.add_agents()->set_agent_id("a");
    member.add_messages()->set_agent_id("a");
    cases[i].change(&member);
    const absl::Status status = ValidateMember(member, {}, Limits(), "m.");
    EXPECT_EQ(status.code(), cases[i].code) << "case " << i << ": " << status;
    EXPECT_EQ(FieldOf(status), cases[i].field) << "case " << i;
  }
}

}  // namespace
}  // namespace assay::service
