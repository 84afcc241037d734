// The other end of client streams, without a wire: each connection is served by a script.
#ifndef ASSAY_TESTS_UNIT_CLIENT_SCRIPTED_SERVER_H_
#define ASSAY_TESTS_UNIT_CLIENT_SCRIPTED_SERVER_H_

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "client/cpp/reconnecting_stream.h"

namespace assay::client {

// What both ends of one connection share.
class Link {
 public:
  // The server's end. Unset: the client has half-closed or is gone.
  std::optional<v1::StreamSignalsRequest> Receive() {
    const auto event = [this] { return !requests_.empty() || writes_done_ || cut_; };
    const absl::MutexLock lock(&mu_, absl::Condition(&event));
    if (requests_.empty()) return std::nullopt;
    v1::StreamSignalsRequest request = std::move(requests_.front());
    requests_.pop_front();
    return request;
  }

  void Send(v1::StreamSignalsResponse response) {
    const absl::MutexLock lock(&mu_);
    responses_.push_back(std::move(response));
  }

  void Ready(int episodes, int64_t bytes = 1 << 30) {
    v1::StreamSignalsResponse response;
    response.mutable_ready()->set_max_episodes_in_flight(episodes);
    response.mutable_ready()->set_max_bytes_in_flight(bytes);
    response.mutable_ready()->mutable_limits()->set_max_transport_bytes(1 << 20);
    Send(std::move(response));
  }

  void Result(const std::string& id) {
    v1::StreamSignalsResponse response;
    response.mutable_result()->set_episode_id(id);
    response.mutable_result()->mutable_signals()->set_episode_id(id);
    Send(std::move(response));
  }

  void Group(const std::string& id) {
    v1::StreamSignalsResponse response;
    response.mutable_group()->set_group_id(id);
    response.mutable_group()->mutable_signals();
    Send(std::move(response));
  }

  void GoAway(int grace_seconds) {
    v1::StreamSignalsResponse response;
    response.mutable_go_away()->mutable_grace()->set_seconds(grace_seconds);
    Send(std::move(response));
  }

  void Evaluate(const std::string& evaluation, const std::string& episode, int questions) {
    v1::StreamSignalsResponse response;
    response.mutable_evaluate()->set_evaluation_id(evaluation);
    response.mutable_evaluate()->set_episode_id(episode);
    for (int i = 0; i < questions; ++i) response.mutable_evaluate()->add_questions();
    Send(std::move(response));
  }

  // The next message, which must be an episode; its id. Empty: there is none.
  std::string Episode() {
    const auto request = Receive();
    return request.has_value() ? request->episode().id() : "";
  }

  // Waits until the client has cancelled.
  void AwaitCut() { const absl::MutexLock lock(&mu_, absl::Condition(&cut_)); }

  // While on, the client's writes wait.
  void HoldWrites(bool on) {
    const absl::MutexLock lock(&mu_);
    hold_ = on;
  }

 private:
  friend class ScriptedServer;
  friend class LinkedConnection;

  absl::Mutex mu_;
  std::deque<v1::StreamSignalsRequest> requests_;
  std::deque<v1::StreamSignalsResponse> responses_;
  bool writes_done_ = false;
  bool cut_ = false;
  bool hold_ = false;
  bool ended_ = false;
  absl::Status status_;
};

class LinkedConnection : public Connection {
 public:
  explicit LinkedConnection(std::shared_ptr<Link> link) : link_(std::move(link)) {}

  bool Read(v1::StreamSignalsResponse* response) override {
    const auto event = [this] {
      return !link_->responses_.empty() || link_->ended_ || link_->cut_;
    };
    const absl::MutexLock lock(&link_->mu_, absl::Condition(&event));
    if (link_->responses_.empty() || link_->cut_) return false;
    *response = std::move(link_->responses_.front());
    link_->responses_.pop_front();
    return true;
  }

  bool Write(const v1::StreamSignalsRequest& request) override {
    const auto event = [this] { return !link_->hold_ || link_->ended_ || link_->cut_; };
    const absl::MutexLock lock(&link_->mu_, absl::Condition(&event));
    if (link_->ended_ || link_->cut_) return false;
    link_->requests_.push_back(request);
    return true;
  }

  void WritesDone() override {
    const absl::MutexLock lock(&link_->mu_);
    link_->writes_done_ = true;
  }

  void Cancel() override {
    const absl::MutexLock lock(&link_->mu_);
    link_->cut_ = true;
  }

  absl::Status Finish() override {
    const absl::MutexLock lock(&link_->mu_);
    return link_->cut_ ? absl::CancelledError("cut") : link_->status_;
  }

 private:
  const std::shared_ptr<Link> link_;
};

// Serves one connection; what it returns is the status of the stream. The options have been read.
using Script = std::function<absl::Status(Link&)>;

// The first script serves the first connection, and so on; the last one serves all that follow.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<Script> scripts) : scripts_(std::move(scripts)) {}
  ~ScriptedServer() {
    for (std::thread& thread : threads_) thread.join();
  }

  ConnectFn connect() {
    return [this]() -> std::unique_ptr<Connection> {
      auto link = std::make_shared<Link>();
      const size_t index = std::min(threads_.size(), scripts_.size() - 1);
      threads_.emplace_back([link, script = scripts_[index]] {
        absl::Status status = absl::CancelledError("no options");
        const auto first = link->Receive();
        if (first.has_value() && first->has_options()) status = script(*link);
        const absl::MutexLock lock(&link->mu_);
        link->status_ = status;
        link->ended_ = true;
      });
      return std::make_unique<LinkedConnection>(link);
    };
  }

  size_t connections() const { return threads_.size(); }

 private:
  const std::vector<Script> scripts_;
  std::vector<std::thread> threads_;
};

}  // namespace assay::client

#endif  // ASSAY_TESTS_UNIT_CLIENT_SCRIPTED_SERVER_H_
