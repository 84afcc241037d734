// tests/data/streams.jsonl in simulation: the real call, session and engine under a virtual clock,
// with the latencies and the order of tasks that a seed draws, and a client that keeps the contract
// of retry_after. Outcomes are those of the C++ and the Python client.
#include "tests/scripted_streams.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/calls/stream_call.h"
#include "server/engine/engine.h"
#include "tests/simulation/episodes.h"
#include "tests/simulation/virtual_executor.h"

namespace assay::simulation {
namespace {

using testing::ScriptedEpisode;
using testing::ScriptedGroup;
using testing::ScriptedStream;
using v1::StreamSignalsRequest;
using v1::StreamSignalsResponse;

constexpr int kMaxRetries = 8;  // of all clients
constexpr int64_t kMaxEpisodes = 1000;
constexpr service::Load kRoom = {kMaxEpisodes, int64_t{1} << 30};

v1::Episode Scripted(const ScriptedEpisode& script) {
  v1::Episode episode;
  episode.set_id(script.id);
  episode.add_agents()->set_id("amy");
  v1::Message* message = episode.add_messages();
  message->set_agent_id("amy");
  message->set_content("x");
  episode.mutable_outcome()->set_score(script.fails ? 7 : 1);
  if (!script.group.empty()) {
    episode.mutable_group()->set_id(script.group);
    episode.mutable_group()->set_size(script.size);
  }
  return episode;
}

class World final : public service::StreamTransport {
 public:
  World(const ScriptedStream& stream, uint64_t seed)
      : stream_(stream), random_(seed), executor_(seed | 1), engine_(&executor_, nullptr) {
    service::ServiceDeps deps;
    deps.engine = &engine_;
    deps.executor = &executor_;
    deps.config = &config_;
    deps.catalog = &catalog_;
    deps.callers = &callers_;
    call_ = std::make_shared<service::StreamCall>(
        deps, service::CallContext{callers_.Share("client"), {}}, config_, absl::Seconds(5), 1);
    call_->Attach(this);
  }

  void Run() {
    auto options = std::make_shared<StreamSignalsRequest>();
    options->mutable_options();
    Send([this, options] { call_->OnRequest(options); });
    for (const ScriptedEpisode& script : stream_.episodes) waiting_.push_back(&script);
    open_ = static_cast<int>(waiting_.size());
    SendMore();
    executor_.RunFor(absl::Minutes(30));
  }

  // What came of it.
  bool ended() const { return status_.has_value(); }
  const absl::Status& status() const { return *status_; }
  const std::set<std::string>& errors() const { return errors_; }
  std::multiset<ScriptedGroup> groups() const {
    std::multiset<ScriptedGroup> found;
    for (const v1::GroupResult& result : groups_) {
      ScriptedGroup group{result.group_id(), given_up_.count(result.group_id()) > 0, {}};
      for (const auto& member : result.signals().episodes()) {
        if (!group.given_up) group.members.insert(member.episode_id());
      }
      found.insert(std::move(group));
    }
    return found;
  }

  void Write(const StreamSignalsResponse* response, bool) override {
    const StreamSignalsResponse copy = *response;
    executor_.After(Latency(), [this, copy] {
      call_->OnWriteDone();
      Receive(copy);
    });
  }
  void Finish(const absl::Status& status) override {
    executor_.After(Latency(), [this, status] {
      status_ = status;
      call_->Detach();
    });
  }
  void Abort() override { status_ = absl::AbortedError("aborted"); }

 private:
  absl::Duration Latency() { return absl::Milliseconds(Below(random_, 20)); }

  // In the order sent, each a latency after the one before at the earliest.
  void Send(std::function<void()> deliver) {
    arrives_ = std::max(arrives_, executor_.Now() + Latency());
    uplink_.push_back(std::move(deliver));
    executor_.After(arrives_ - executor_.Now(), [this] {
      const std::function<void()> next = std::move(uplink_.front());
      uplink_.pop_front();
      next();
    });
  }

  // All but what belongs to a group of an id whose last group is full and not answered yet.
  void SendMore() {
    std::deque<const ScriptedEpisode*> later;
    for (const ScriptedEpisode* script : waiting_) {
      const bool alone = script->group.empty() || script->size == 0;
      int& room = room_.try_emplace(script->group, script->size).first->second;
      if (!alone && room == 0) {
        later.push_back(script);
        continue;
      }
      --room;
      Send([this, script] { Deliver(*script); });
    }
    waiting_ = std::move(later);
  }

  // Somebody else has all the room that is left while an episode arrives that is to be turned away.
  void Deliver(const ScriptedEpisode& script) {
    const bool full = attempts_[script.id]++ < script.turned_away;
    const service::Load rest = {kMaxEpisodes - admission_.episodes(), 1};
    if (full) {
      ASSERT_EQ(admission_.Enter(rest, {}), service::Admission::Entry::kEntered);
    }
    auto request = std::make_shared<StreamSignalsRequest>();
    *request->mutable_episode() = Scripted(script);
    call_->OnRequest(std::move(request));
    if (full) admission_.Leave(rest);
  }

  void Receive(const StreamSignalsResponse& response) {
    if (response.has_group()) {
      groups_.push_back(response.group());
      room_.erase(response.group().group_id());
      SendMore();
    }
    if (!response.has_result()) return;
    const v1::EpisodeResult& result = response.result();
    for (const ScriptedEpisode& script : stream_.episodes) {
      if (script.id == result.episode_id()) Settle(script, result);
    }
    if (open_ == 0) Send([this] { call_->OnHalfClose(); });
  }

  void Settle(const ScriptedEpisode& script, const v1::EpisodeResult& result) {
    if (result.error().has_retry_after() && attempts_[script.id] <= kMaxRetries) {
      executor_.After(absl::Milliseconds(100 + Below(random_, 400)),
                      [this, &script] { Send([this, &script] { Deliver(script); }); });
      return;
    }
    --open_;
    if (result.has_error()) errors_.insert(script.id);
    if (result.error().has_retry_after()) given_up_.insert(script.group);
  }

  const ScriptedStream& stream_;
  Random random_;
  VirtualExecutor executor_;
  engine::Engine engine_;
  service::SessionConfig config_;
  service::Catalog catalog_;
  service::Admission admission_{kRoom};
  service::Callers callers_{kRoom, &admission_};
  std::shared_ptr<service::StreamCall> call_;
  absl::Time arrives_ = absl::InfinitePast();
  std::deque<std::function<void()>> uplink_;
  std::deque<const ScriptedEpisode*> waiting_;
  std::map<std::string, int> room_;  // of the group that is open, by id
  std::map<std::string, int> attempts_;
  int open_ = 0;  // without a last word
  std::set<std::string> errors_;
  std::set<std::string> given_up_;
  std::vector<v1::GroupResult> groups_;
  std::optional<absl::Status> status_;
};

TEST(ScriptedStreams, HaveTheOutcomesOfTheClientsInSimulation) {
  for (const ScriptedStream& stream : testing::ScriptedStreams()) {
    for (uint64_t seed = 1; seed <= 200; ++seed) {
      SCOPED_TRACE(absl::StrCat(stream.name, ", seed ", seed));
      World world(stream, seed);
      world.Run();
      ASSERT_TRUE(world.ended());
      ASSERT_TRUE(world.status().ok()) << world.status();
      ASSERT_EQ(world.errors(), stream.errors);
      ASSERT_TRUE(world.groups() == stream.groups);
    }
  }
}

}  // namespace
}  // namespace assay::simulation
