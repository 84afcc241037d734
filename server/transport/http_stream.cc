#include "server/transport/http_stream.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/base/json.h"
#include "server/base/json_shape.h"
#include "server/calls/arena_message.h"
#include "server/calls/stream_call.h"
#include "server/transport/http_json.h"
#include "server/wire/errors.h"

namespace assay::service {
namespace {

// civetweb waits until as much is there, or the body has ended.
constexpr size_t kReadBytes = 4 << 10;
constexpr absl::Duration kLinger = absl::Seconds(5);  // for the last line to get through
// Lines that are ready at once are written together, up to so many bytes and the last line.
constexpr size_t kWriteBytes = 32 << 10;

// Whether the first line says the options.
bool HoldsOptions(absl::string_view line) {
  line = absl::StripLeadingAsciiWhitespace(line);
  if (line.empty() || line.front() != '{') return false;
  line = absl::StripLeadingAsciiWhitespace(line.substr(1));
  return line.substr(0, 9) == "\"options\"";
}

class LineStream final : public StreamTransport {
 public:
  LineStream(const ServiceDeps& deps, CallContext context, HttpDuplex duplex)
      : duplex_(std::move(duplex)), limits_(deps.config->limits) {
    SessionConfig config = *deps.config;
    config.max_age = absl::InfiniteDuration();  // a request is not told to come again
    call_ = std::make_shared<StreamCall>(deps, std::move(context), config, kLinger, 0);
    call_->Attach(this);
  }

  // StreamTransport: hands over to the writing thread.
  void Write(const v1::StreamSignalsResponse* response, bool /*more*/) override {
    Tell([&] { response_ = response; });
  }
  void Finish(const absl::Status& status) override {
    Tell([&] { finished_ = status; });
  }
  void Abort() override {
    Tell([&] { finished_ = absl::CancelledError("cut off"); });
  }

  absl::Status Serve(absl::string_view peer, const SessionObservers& observers) {
    std::thread reader([this] { Read(); });
    WriteAll();
    Tell([this] { over_ = true; });
    duplex_.stop_reading();
    reader.join();
    StreamSummary summary = call_->Detach();
    summary.peer = std::string(peer);
    observers.Tell(&SessionObserver::OnStreamClosed, summary);
    if (finished_.has_value() && !finished_->ok()) {
      if (!wrote_) return *finished_;
      (void)duplex_.write(absl::StrCat("{\"error\":", ToJson(ErrorToWire(*finished_)), "}\n"));
    }
    return absl::OkStatus();
  }

 private:
  template <class Change>
  void Tell(Change change) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      change();
    }
    changed_.notify_all();
  }

  // The reading thread.

  void Read() {
    std::string held;
    std::string chunk(kReadBytes, '\0');
    size_t searched = 0;
    for (int n = 0; (n = duplex_.read(chunk.data(), chunk.size())) > 0;) {
      held.append(chunk, 0, static_cast<size_t>(n));
      size_t begin = 0;
      for (size_t end = 0; (end = held.find('\n', std::max(begin, searched))) != std::string::npos;
           begin = end + 1) {
        if (!OnLine(absl::string_view(held).substr(begin, end - begin))) return;
      }
      held.erase(0, begin);
      searched = held.size();
      if (static_cast<int64_t>(held.size()) > limits_.max_transport_bytes) {
        return call_->Refuse(OverLimit(absl::StrCat("line ", line_ + 1),
                                       static_cast<int64_t>(held.size()),
                                       limits_.max_transport_bytes));
      }
    }
    if (OnLine(held)) Begin(), call_->OnHalfClose();
  }

  // False: nothing more is to be read.
  bool OnLine(absl::string_view line) {
    ++line_;
    if (absl::StripAsciiWhitespace(line).empty()) return true;
    if (!begun_ && HoldsOptions(line)) return OnOptions(line);
    Begin();
    auto request = MakeOnArena<v1::StreamSignalsRequest>();
    v1::Episode* episode = request->mutable_episode();
    if (absl::Status parsed = Parse(line, episode); !parsed.ok()) {
      v1::EpisodeResult failed;
      failed.set_episode_id(episode->id());
      *failed.mutable_error() = ErrorToWire(parsed);
      Tell([&] { own_.push_back(ToJson(failed)); });
      return true;
    }
    if (!TakeCredit(*episode)) return false;
    call_->OnRequest(std::move(request));
    return true;
  }

  absl::Status Parse(absl::string_view line, google::protobuf::Message* message) const {
    const int64_t limit = limits_.max_parsed_bytes();
    const bool is_short = static_cast<int64_t>(line.size()) <= limit / kMaxJsonMemoryOfByte;
    if (!is_short && JsonMemory(line) > limit) return ParsedTooLarge(limit);
    return ParseJson(absl::StrCat("line ", line_), line, message);
  }

  bool OnOptions(absl::string_view line) {
    begun_ = true;
    auto request = std::make_shared<v1::StreamSignalsRequest>();
    absl::Status status = Parse(line, request.get());
    if (status.ok() && request->options().has_caller()) {
      status = Invalid("options.caller", "asks the caller, which HTTP cannot do");
    }
    if (!status.ok()) return call_->Refuse(status), false;
    call_->OnRequest(std::move(request));
    return true;
  }

  void Begin() {
    if (begun_) return;
    begun_ = true;
    auto request = std::make_shared<v1::StreamSignalsRequest>();
    request->mutable_options();
    call_->OnRequest(std::move(request));
  }

  // Waits until one more episode may be on its way. False: the stream is over.
  bool TakeCredit(const v1::Episode& episode) {
    const int64_t bytes = static_cast<int64_t>(episode.ByteSizeLong());
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] {
      const bool room = flying_.size() < static_cast<size_t>(ready_.max_episodes_in_flight()) &&
                        (flying_.empty() || bytes_ + bytes <= ready_.max_bytes_in_flight());
      return over_ || finished_.has_value() || room;
    });
    if (over_ || finished_.has_value()) return false;
    flying_.emplace(episode.id(), bytes);
    bytes_ += bytes;
    return true;
  }

  // The writing thread.

  void WriteAll() {
    std::string lines;  // to be written
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      if (lines.size() >= kWriteBytes || (!lines.empty() && !IsReady())) {
        lock.unlock();
        wrote_ = true;
        if (!duplex_.write(lines)) return call_->OnCancel();
        lines.clear();
        lock.lock();
      }
      changed_.wait(lock, [this] { return IsReady() || finished_.has_value(); });
      if (!own_.empty()) {
        absl::StrAppend(&lines, own_.front(), "\n");
        own_.pop_front();
      } else if (response_ != nullptr) {
        const v1::StreamSignalsResponse* response = std::exchange(response_, nullptr);
        GiveBack(*response);
        lock.unlock();
        changed_.notify_all();
        AppendLine(*response, &lines);
        call_->OnWriteDone();
        lock.lock();
      } else {
        return;
      }
    }
  }

  bool IsReady() const { return response_ != nullptr || !own_.empty(); }

  void GiveBack(const v1::StreamSignalsResponse& response) {
    if (response.has_ready()) ready_ = response.ready();
    const auto found = flying_.find(response.result().episode_id());
    if (!response.has_result() || found == flying_.end()) return;
    bytes_ -= found->second;
    flying_.erase(found);
  }

  static void AppendLine(const v1::StreamSignalsResponse& response, std::string* lines) {
    if (response.has_result()) {
      absl::StrAppend(lines, ToJson(response.result()), "\n");
    } else if (response.has_group()) {
      absl::StrAppend(lines, ToJson(response.group()), "\n");
    } else if (response.has_notice()) {
      absl::StrAppend(lines, "{\"notice\":", ToJson(response.notice()), "}\n");
    }  // ready and go_away are between the two ends of a stream
  }

  const HttpDuplex duplex_;
  const Limits& limits_;
  std::shared_ptr<StreamCall> call_;
  std::mutex mutex_;
  std::condition_variable changed_;
  const v1::StreamSignalsResponse* response_ = nullptr;  // to be written
  std::deque<std::string> own_;                          // likewise: of lines that are no episodes
  std::optional<absl::Status> finished_;
  bool over_ = false;  // nobody writes any more
  v1::StreamReady ready_;
  std::multimap<std::string, int64_t> flying_;  // unanswered episodes by id: their bytes
  int64_t bytes_ = 0;                           // their sum
  // Of the reading thread.
  bool begun_ = false;
  int64_t line_ = 0;
  // Of the writing thread.
  bool wrote_ = false;
};

}  // namespace

absl::Status ServeLines(const ServiceDeps& deps, CallContext context, absl::string_view peer,
                        HttpDuplex duplex) {
  const std::shared_ptr<CallerShare> share = context.share;
  ++share->streams;
  deps.observers.Tell(&SessionObserver::OnStreamOpen);
  absl::Status status =
      LineStream(deps, std::move(context), std::move(duplex)).Serve(peer, deps.observers);
  --share->streams;
  return status;
}

}  // namespace assay::service
