#include "tests/simulation/schedule.h"

#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/audit/replay.h"
#include "server/calls/stream_call.h"
#include "server/engine/engine.h"
#include "server/session/admission.h"

namespace assay::simulation {
namespace {

// A remote evaluator that answers on the virtual clock, and fails now and then.
class Remote final : public evaluation::Evaluator {
 public:
  Remote(VirtualExecutor* executor, Random random, bool faulty)
      : executor_(executor), random_(random), faulty_(faulty) {
    traits_.kind = signals::EvaluatorKind::kNamed;
    traits_.supports = signals::Bit(signals::QuestionKind::kCoalition) |
                       signals::Bit(signals::QuestionKind::kPrefix) |
                       signals::Bit(signals::QuestionKind::kTeam);
    traits_.free = false;
  }
  absl::string_view name() const override { return kRemote; }
  const signals::EvaluatorTraits& traits() const override { return traits_; }

  evaluation::CancelFn Evaluate(evaluation::Batch batch, evaluation::BatchDone done) override {
    auto call = std::make_shared<std::optional<evaluation::BatchDone>>(std::move(done));
    const auto finish = [call](absl::StatusOr<evaluation::Answers> answers) {
      if (!call->has_value()) return;
      evaluation::BatchDone last = std::move(**call);
      call->reset();
      last(std::move(answers));
    };
    const int fate = faulty_ ? Below(random_, 12) : 99;
    if (fate != 0) {  // 0: never answers; the episode's timeout ends it
      executor_->After(
          absl::Milliseconds(1 + Below(random_, 300)),
          [this, finish, fate, batch = std::move(batch)] { finish(Answer(batch, fate)); });
    }
    return [finish] { finish(absl::CancelledError("cancelled")); };
  }

 private:
  absl::StatusOr<evaluation::Answers> Answer(const evaluation::Batch& batch, int fate) const {
    if (fate == 1) return absl::UnavailableError("down");
    evaluation::Answers answers(batch.questions.size());
    for (size_t k = 0; k < answers.size(); ++k) {
      answers[k].mean = Value(*batch.context, batch.questions[k]);
    }
    if (fate == 2) answers[0].mean = std::numeric_limits<double>::quiet_NaN();
    if (fate == 3) answers.pop_back();
    return answers;
  }

  VirtualExecutor* const executor_;
  Random random_;
  const bool faulty_;
  signals::EvaluatorTraits traits_;
};

struct Scenario {
  Answerer answerer;
  Behaviour behaviour;
  bool faulty_remote = false;
  service::SessionConfig config;
  v1::AttributionOptions options;
  std::vector<v1::Episode> episodes;
  std::map<std::string, std::string> expected;  // by id of a valid episode: its signals
  struct Group {
    int size = 1;
    int agents = 0;       // of every episode; 0: drawn for each
    bool rounds = false;  // all messages stand in one round
    bool parallel = false;
  };
  std::map<std::string, Group> groups;
  absl::Duration drain_after = absl::InfiniteDuration();

  bool well_behaved() const {
    return !behaviour.faulty_answers && !behaviour.floods && behaviour.stops_reading_after < 0 &&
           !behaviour.violates && behaviour.disconnects_after == absl::InfiniteDuration();
  }
  bool quiet() const {
    return well_behaved() && !faulty_remote && drain_after == absl::InfiniteDuration();
  }
};

Behaviour DrawBehaviour(Random& random) {
  Behaviour behaviour;
  behaviour.faulty_answers = Chance(random, 30);
  behaviour.half_closes_early = Chance(random, 30);
  behaviour.floods = Chance(random, 10);
  if (Chance(random, 8)) behaviour.stops_reading_after = Below(random, 12);
  behaviour.violates = Chance(random, 8);
  if (Chance(random, 10)) {
    behaviour.disconnects_after = absl::Milliseconds(Below(random, 1000));
  }
  return behaviour;
}

Scenario::Group DrawGroup(Random& random) {
  Scenario::Group group;
  group.size = 1 + Below(random, 4);
  if (Chance(random, 80)) group.agents = 1 + Below(random, 3);
  group.rounds = Chance(random, 60);
  group.parallel = Chance(random, 30);
  return group;
}

void DrawEpisodes(Random& random, Scenario& scenario) {
  const int count = Below(random, 9);
  std::map<std::string, int> members;
  for (int e = 0; e < count; ++e) {
    std::string id = absl::StrCat("e", e);
    // An id of before: refused while it is unanswered, welcome afterwards.
    const bool again = e > 0 && Chance(random, 10);
    if (again) id = absl::StrCat("e", Below(random, e));
    const std::string name = absl::StrCat("g", Below(random, 2));
    const auto [known, opened] = scenario.groups.try_emplace(name);
    const Scenario::Group& group = known->second;
    if (opened) known->second = DrawGroup(random);
    // A group never has more members than it announced: one more would begin it anew.
    const bool joins = !again && Chance(random, 60) && members[name] < group.size;
    v1::Episode episode = GoodEpisode(id, random, joins ? group.agents : 0);
    if (joins) {
      ++members[name];
      episode.mutable_group()->set_id(name);
      episode.mutable_group()->set_size(group.size);
      episode.mutable_group()->set_parallel(group.parallel);
      if (group.rounds) {
        for (v1::Message& message : *episode.mutable_messages()) message.set_round(1);
      }
    }
    if (Chance(random, 15)) Spoil(episode, random);
    scenario.episodes.push_back(std::move(episode));
  }
}

Scenario Draw(Random& random) {
  Scenario scenario;
  scenario.answerer = static_cast<Answerer>(Below(random, 5));
  scenario.behaviour = DrawBehaviour(random);
  scenario.faulty_remote = scenario.answerer == Answerer::kNamed && Chance(random, 40);
  const bool may_time_out = scenario.behaviour.faulty_answers || scenario.faulty_remote;
  scenario.options = MakeOptions(scenario.answerer, may_time_out, random);
  scenario.config.max_episodes_in_flight = 1 + Below(random, 4);
  scenario.config.max_started = 1 + Below(random, 3);
  scenario.config.max_bytes_in_flight = Chance(random, 80) ? 1 << 20 : 2048;
  if (Chance(random, 20)) {
    scenario.drain_after = absl::Milliseconds(Below(random, 2000));
  }
  DrawEpisodes(random, scenario);
  return scenario;
}

class World {
 public:
  World(uint64_t seed, Bug bug)
      : random_(seed),
        executor_(seed | 1),
        engine_(&executor_, nullptr),
        admission_({1000, int64_t{1} << 30}),
        callers_({1000, int64_t{1} << 30}, &admission_),
        scenario_(Draw(random_)) {
    catalog_.evaluators[kRemote] =
        std::make_shared<Remote>(&executor_, Random(random_()), scenario_.faulty_remote);
    service::ServiceDeps deps;
    deps.engine = &engine_;
    deps.executor = &executor_;
    deps.config = &scenario_.config;
    deps.catalog = &catalog_;
    deps.callers = &callers_;
    call_ = std::make_shared<service::StreamCall>(
        deps, service::CallContext{callers_.Share("client"), {}}, scenario_.config,
        absl::Seconds(5), 1);
    client_ =
        std::make_unique<Client>(&executor_, Random(random_()), scenario_.behaviour, call_, bug);
    call_->Attach(client_.get());
  }

  Verdict Run() {
    if (scenario_.drain_after != absl::InfiniteDuration()) {
      executor_.After(scenario_.drain_after, [this] {
        client_->OnDrainBegins();
        call_->Drain("test", absl::Seconds(20));
      });
    }
    client_->Run(scenario_.options, scenario_.episodes);
    executor_.RunFor(absl::Minutes(30));
    Verdict verdict;
    for (const auto& [id, times] : client_->delivered()) verdict.episodes += times;
    verdict.violation = Check(verdict);
    return verdict;
  }

 private:
  std::string Check(Verdict& verdict);
  std::string CheckEnd() const;
  std::string CheckCounts() const;
  std::string CheckResult(const v1::EpisodeResult& result) const;
  std::string CheckGroups() const;
  std::string CheckTeams(const v1::GroupSignals& signals) const;
  service::RecordedMember Find(const std::string& id, const std::string& group) const;
  std::string CheckLedger(const v1::EpisodeSignals& signals) const;

  Random random_;
  VirtualExecutor executor_;
  engine::Engine engine_;
  service::Catalog catalog_;
  service::Admission admission_;
  service::Callers callers_;
  Scenario scenario_;
  std::shared_ptr<service::StreamCall> call_;
  std::unique_ptr<Client> client_;
};

std::string World::CheckEnd() const {
  if (!client_->ended()) return "the stream does not end";
  if (admission_.episodes() != 0 || admission_.bytes() != 0) return "admission was not left";
  const absl::Status& status = client_->status();
  if (status.ok()) return "";
  if (scenario_.quiet()) {
    return absl::StrCat("a well-behaved client's stream ended ", status.ToString());
  }
  return "";
}

std::string World::CheckCounts() const {
  std::map<std::string, int> results;
  for (const v1::StreamSignalsResponse& response : client_->received()) {
    if (response.has_result()) ++results[response.result().episode_id()];
  }
  for (const auto& [id, count] : results) {
    const auto read = client_->delivered().find(id);
    const int delivered = read == client_->delivered().end() ? 0 : read->second;
    if (count > delivered) return absl::StrCat(id, " has ", count, " results for ", delivered);
  }
  if (!client_->status().ok()) return "";
  for (const auto& [id, delivered] : client_->delivered()) {
    if (results[id] != delivered) {
      return absl::StrCat(id, " was read ", delivered, " times and answered ", results[id]);
    }
  }
  return "";
}

std::string World::CheckLedger(const v1::EpisodeSignals& signals) const {
  double rewards = 0;
  for (const v1::MessageSignal& message : signals.messages()) {
    if (!std::isfinite(message.reward()) || std::abs(message.reward()) > 2) return "unbounded";
    rewards += message.reward();
  }
  const v1::Conservation& ledger = signals.conservation();
  if (std::abs(rewards + ledger.unallocated() - ledger.target()) > 1e-9) {
    return absl::StrCat(signals.episode_id(), ": the ledger does not balance");
  }
  return "";
}

// Signals are always the right ones, whatever happened on the way.
std::string World::CheckResult(const v1::EpisodeResult& result) const {
  if (!result.has_signals()) {
    const int code = result.error().code();
    if (code == 0 || result.error().message().empty()) return "an error that says nothing";
    return "";
  }
  if (std::string wrong = CheckLedger(result.signals()); !wrong.empty()) return wrong;
  if (result.signals().partial()) return "partial without leave";
  for (const v1::Episode& sent : scenario_.episodes) {
    if (sent.id() != result.episode_id()) continue;
    service::Catalog catalog = catalog_;
    const auto make_caller = [](const signals::EvaluatorTraits& traits,
                                const evaluation::CallerLimits& limits) {
      return evaluation::MakeCaller(traits, limits, nullptr, nullptr);
    };
    auto options = service::ResolveOptions(scenario_.options, scenario_.config.limits, catalog,
                                           service::MakeCallerFn(make_caller));
    if (!options.ok()) return "options that were refused gave signals";
    const auto work = service::AcceptEpisode(
        std::make_shared<v1::Episode>(sent), static_cast<int64_t>(sent.ByteSizeLong()),
        std::make_shared<const service::ResolvedOptions>(*std::move(options)),
        scenario_.config.limits);
    const bool may_fail = scenario_.behaviour.faulty_answers || scenario_.faulty_remote;
    if (work.ok() && IsWhatWasToBeFound(ExpectedSignals(*work), result.signals(), may_fail)) {
      return "";
    }
  }
  return absl::StrCat(result.episode_id(), ": not the signals of any episode of this id");
}

service::RecordedMember World::Find(const std::string& id, const std::string& group) const {
  service::RecordedMember member;
  for (const v1::Episode& episode : scenario_.episodes) {
    if (episode.id() == id && episode.group().id() == group) member.episode = &episode;
  }
  for (const v1::StreamSignalsResponse& response : client_->received()) {
    const v1::EpisodeSignals& signals = response.result().signals();
    if (signals.episode_id() == id && signals.group().id() == group) member.signals = &signals;
  }
  return member;
}

// What the record of a group says, its numbers say; and a group does without its teams only for a
// reason.
std::string World::CheckTeams(const v1::GroupSignals& signals) const {
  const bool has_values = signals.episodes_size() > 0 && signals.episodes(0).recombined_size() > 0;
  if (signals.recombined().has_error()) {
    const int code = signals.recombined().error().code();
    if (has_values || code == 0) return "recombined values in spite of an error";
    const bool room = code != static_cast<int>(absl::StatusCode::kResourceExhausted);
    const bool waited = !scenario_.behaviour.half_closes_early &&
                        signals.missing_episode_ids().empty() && signals.never_sent() == 0;
    if (room && scenario_.quiet() && waited) {
      return absl::StrCat(signals.group_id(), " does without its teams for no reason: ",
                          signals.recombined().error().message());
    }
  }
  if (!signals.audit().has_options()) return "";
  for (const v1::AskedQuestion& asked : signals.audit().questions()) {
    if (!asked.counterfactual().has_team() || signals.recombined().evaluator() == "vote") continue;
    if (asked.mean() != Value(signals.group_id(), asked.counterfactual())) return "a wrong answer";
  }
  const absl::Status verified =
      service::Verify(signals, [&](const std::string& id) { return Find(id, signals.group_id()); });
  return verified.ok() ? "" : absl::StrCat(signals.group_id(), ": ", verified.ToString());
}

std::string World::CheckGroups() const {
  std::map<std::string, int> seen;
  for (const v1::StreamSignalsResponse& response : client_->received()) {
    if (!response.has_group()) continue;
    const v1::GroupResult& group = response.group();
    if (++seen[group.group_id()] > 1 && scenario_.quiet()) {
      return absl::StrCat(group.group_id(), " was answered twice");
    }
    if (!group.has_signals()) continue;
    const v1::GroupSignals& signals = group.signals();
    if (signals.used() != signals.episodes_size()) return "a group counts wrong";
    const auto sent = scenario_.groups.find(group.group_id());
    if (sent == scenario_.groups.end()) return "a group that was never sent";
    if (signals.used() > sent->second.size) return "a group larger than announced";
    if (std::string wrong = CheckTeams(signals); !wrong.empty()) return wrong;
  }
  if (!client_->status().ok() || !scenario_.quiet()) return "";
  for (const v1::Episode& episode : scenario_.episodes) {
    const bool accepted = episode.has_group() && client_->delivered().count(episode.id()) > 0;
    if (!accepted) continue;
    for (const v1::StreamSignalsResponse& response : client_->received()) {
      const bool answered = response.has_result() && response.result().has_signals() &&
                            response.result().signals().group().id() == episode.group().id();
      if (answered && seen[episode.group().id()] == 0) {
        return absl::StrCat(episode.group().id(), " was never answered");
      }
    }
  }
  return "";
}

std::string World::Check(Verdict& verdict) {
  if (!client_->violation().empty()) return client_->violation();
  if (std::string wrong = CheckEnd(); !wrong.empty()) return wrong;
  if (std::string wrong = CheckCounts(); !wrong.empty()) return wrong;
  int go_aways = 0;
  for (const v1::StreamSignalsResponse& response : client_->received()) {
    go_aways += response.has_go_away() ? 1 : 0;
    if (response.has_group() && response.group().signals().has_recombined()) {
      ++(response.group().signals().recombined().has_error() ? verdict.without
                                                             : verdict.recombined);
    }
    if (!response.has_result()) continue;
    verdict.signals += response.result().has_signals() ? 1 : 0;
    if (std::string wrong = CheckResult(response.result()); !wrong.empty()) return wrong;
  }
  if (go_aways > 1) return "two go_aways";
  return CheckGroups();
}

}  // namespace

Verdict RunSchedule(uint64_t seed, Bug bug) {
  World world(seed, bug);
  return world.Run();
}

}  // namespace assay::simulation
