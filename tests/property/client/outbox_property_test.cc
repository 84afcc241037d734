// Whatever a server does that keeps the protocol, every episode and group reaches the caller once.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cpp/outbox.h"

namespace assay::client {
namespace {

constexpr int kGroups = 3;

// A server that keeps its own account of one stream.
struct Stream {
  int64_t credits = 0;
  std::vector<std::string> read;                        // not answered yet
  std::map<std::string, std::set<std::string>> groups;  // members answered, of unanswered groups
};

class Exchange {
 public:
  explicit Exchange(int episodes) {
    for (int i = 0; i < episodes; ++i) {
      auto episode = std::make_shared<v1::Episode>();
      episode->set_id(absl::StrCat("e", i));
      const int group = *rc::gen::inRange(-1, kGroups);
      if (group >= 0) {
        episode->mutable_group()->set_id(absl::StrCat("g", group));
        members_[absl::StrCat("g", group)].insert(episode->id());
        group_of_[episode->id()] = absl::StrCat("g", group);
      }
      RC_ASSERT(outbox_.Add(episode).ok());
    }
  }

  void Open() {
    outbox_.StartStream();
    stream_ = Stream{};
    stream_.credits = *rc::gen::inRange(1, 6);
    outbox_.SetCredits({stream_.credits, 1 << 20});
  }

  void Send() {
    const auto episode = outbox_.Take(now_);
    if (episode == nullptr) return;
    stream_.read.push_back(episode->id());
    RC_ASSERT(static_cast<int64_t>(stream_.read.size()) <= stream_.credits);
    RC_ASSERT(std::set<std::string>(stream_.read.begin(), stream_.read.end()).size() ==
              stream_.read.size());
  }

  void AnswerSome() {
    if (stream_.read.empty()) return;
    const size_t at = *rc::gen::inRange<size_t>(0, stream_.read.size());
    const std::string id = stream_.read[at];
    stream_.read.erase(stream_.read.begin() + static_cast<int64_t>(at));
    v1::EpisodeResult result;
    result.set_episode_id(id);
    const bool later = *rc::gen::inRange(0, 4) == 0;
    if (later) {
      result.mutable_error()->set_code(8);
      result.mutable_error()->mutable_retry_after()->set_seconds(1);
    } else {
      result.mutable_signals();
    }
    if (outbox_.OnResult(result, now_)) RC_ASSERT(delivered_.insert(id).second);
    RC_ASSERT(!outbox_.OnResult(result, now_));
    if (!later && group_of_.contains(id)) AnswerMember(id);
  }

  // Sends and answers, without another loss, until nothing is left.
  void Drain() {
    for (int step = 0; !outbox_.empty(); ++step) {
      RC_ASSERT(step < 10000);
      now_ += absl::Seconds(1);
      Send();
      AnswerSome();
    }
    RC_ASSERT(outbox_.all_answered());
    RC_ASSERT(outbox_.waiting_bytes() == 0);
  }

  void Pass(absl::Duration time) { now_ += time; }

  const std::set<std::string>& delivered() const { return delivered_; }
  const std::set<std::string>& groups() const { return groups_delivered_; }
  const std::map<std::string, std::set<std::string>>& members() const { return members_; }

 private:
  void AnswerMember(const std::string& id) {
    const std::string& group = group_of_[id];
    std::set<std::string>& answered = stream_.groups[group];
    answered.insert(id);
    if (answered != members_[group]) return;
    v1::GroupResult result;
    result.set_group_id(group);
    if (outbox_.OnGroup(result)) RC_ASSERT(groups_delivered_.insert(group).second);
  }

  Outbox outbox_{1000};
  absl::Time now_ = absl::FromUnixSeconds(1);
  Stream stream_;
  std::map<std::string, std::string> group_of_;
  std::map<std::string, std::set<std::string>> members_;
  std::set<std::string> delivered_;
  std::set<std::string> groups_delivered_;
};

TEST(OutboxProperty, EveryEpisodeAndGroupIsDeliveredOnceHoweverStreamsAreLost) {
  EXPECT_TRUE(rc::check([] {
    const int episodes = *rc::gen::inRange(0, 30);
    Exchange exchange(episodes);
    exchange.Open();
    const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 12));
    for (const int step : steps) {
      if (step < 6) {
        exchange.Send();
      } else if (step < 10) {
        exchange.AnswerSome();
      } else if (step == 10) {
        exchange.Open();
      } else {
        exchange.Pass(absl::Milliseconds(700));
      }
    }
    exchange.Drain();
    RC_ASSERT(static_cast<int>(exchange.delivered().size()) == episodes);
    RC_ASSERT(exchange.groups().size() == exchange.members().size());
  }));
}

}  // namespace
}  // namespace assay::client
