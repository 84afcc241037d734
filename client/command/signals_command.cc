#include "client/command/signals_command.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "client/command/progress.h"
#include "client/command/step_summary.h"
#include "client/command/table.h"
#include "server/base/json.h"
#include "server/base/utf8.h"

namespace assay::command {
namespace {

// A reader that is not protobuf would take a missing reward for a failure.
constexpr JsonStyle kLine = JsonStyle::kComplete;

v1::EpisodeResult ErrorResult(const std::string& id, const absl::Status& status) {
  v1::EpisodeResult result;
  result.set_episode_id(id);
  result.mutable_error()->set_code(static_cast<int>(status.code()));
  result.mutable_error()->set_message(std::string(CutText(status.message(), 1024)));
  return result;
}

// Where results go, and what is counted of them. Thread safe. A table of an episode that belongs to
// a group waits for the group, whose advantages come first in it.
class Printer {
 public:
  // summary: may be null.
  Printer(OutputFormat format, FILE* output, Progress* progress, StepSummary* summary)
      : format_(format), output_(output), progress_(progress), summary_(summary) {}

  // A table shows the words of its episode; JSON needs none of them.
  void Expect(const v1::Episode& episode) {
    const absl::MutexLock lock(&mu_);
    unanswered_.try_emplace(episode.id(), next_++);
    if (summary_ != nullptr) summary_->Expect(episode);
    if (format_ == OutputFormat::kTable) episodes_.try_emplace(episode.id(), episode);
  }

  // Of an episode that has no answer of a server.
  void PrintUnanswered(const v1::EpisodeResult& result) {
    Count(result);
    PrintFault(result);
  }

  // Of a record that is no episode.
  void PrintFault(const v1::EpisodeResult& result) {
    progress_->OnResult(result);
    const absl::MutexLock lock(&mu_);
    Write(format_ == OutputFormat::kJson ? ToJson(result, kLine) + "\n"
                                         : EpisodeTable(result, nullptr, nullptr));
  }

  void Print(v1::EpisodeResult result) {
    progress_->OnResult(result);
    Count(result);
    const absl::MutexLock lock(&mu_);
    unanswered_.erase(result.episode_id());
    if (format_ == OutputFormat::kJson) return Write(ToJson(result, kLine) + "\n");
    const std::string group = result.has_signals() ? result.signals().group().id() : "";
    if (!group.empty() && !printed_groups_.contains(group)) {
      waiting_[group].push_back(std::move(result));
    } else {
      WriteTable(result, nullptr);
    }
  }

  void Print(const v1::GroupResult& result) {
    progress_->OnGroup(result);
    Count(result);
    const absl::MutexLock lock(&mu_);
    if (format_ == OutputFormat::kJson) return Write(ToJson(result, kLine) + "\n");
    Write(GroupTable(result));
    printed_groups_.insert(result.group_id());  // latecomers need not wait for it
    absl::flat_hash_map<absl::string_view, const v1::EpisodeAdvantages*> advantages;
    for (const auto& episode : result.signals().episodes()) {
      advantages.emplace(episode.episode_id(), &episode);
    }
    const auto waiting = waiting_.extract(result.group_id());
    if (waiting.empty()) return;
    for (const v1::EpisodeResult& episode : waiting.mapped()) {
      const auto found = advantages.find(episode.episode_id());
      WriteTable(episode, found == advantages.end() ? nullptr : found->second);
    }
  }

  // Nothing more will come: what waits for its group is printed without, and what is unanswered
  // with the reason, `status`.
  void Finish(const absl::Status& status) {
    std::map<int64_t, std::string> unanswered;
    {
      const absl::MutexLock lock(&mu_);
      for (const auto& [group, results] : waiting_) {
        for (const v1::EpisodeResult& result : results) WriteTable(result, nullptr);
      }
      waiting_.clear();
      for (const auto& [id, number] : unanswered_) unanswered.emplace(number, id);
    }
    for (const auto& [number, id] : unanswered) PrintUnanswered(ErrorResult(id, status));
  }

  // False: the output could not be written.
  bool ok() const {
    const absl::MutexLock lock(&mu_);
    return ok_;
  }

 private:
  template <class Result>
  void Count(const Result& result) {
    const absl::MutexLock lock(&mu_);
    if (summary_ != nullptr) summary_->Add(result);
  }

  void WriteTable(const v1::EpisodeResult& result, const v1::EpisodeAdvantages* advantages)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const auto episode = episodes_.extract(result.episode_id());
    Write(EpisodeTable(result, episode.empty() ? nullptr : &episode.mapped(), advantages));
  }

  void Write(const std::string& text) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    ok_ &= std::fwrite(text.data(), 1, text.size(), output_) == text.size();
    ok_ &= std::fflush(output_) == 0;
  }

  const OutputFormat format_;
  FILE* const output_;
  Progress* const progress_;
  StepSummary* const summary_ ABSL_PT_GUARDED_BY(mu_);
  mutable absl::Mutex mu_;
  bool ok_ ABSL_GUARDED_BY(mu_) = true;
  // Ids, each with its place among those sent.
  absl::flat_hash_map<std::string, int64_t> unanswered_ ABSL_GUARDED_BY(mu_);
  int64_t next_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<std::string, v1::Episode> episodes_ ABSL_GUARDED_BY(mu_);
  // Results that wait for their group, in the order in which they came.
  std::map<std::string, std::vector<v1::EpisodeResult>> waiting_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_set<std::string> printed_groups_ ABSL_GUARDED_BY(mu_);
};

// Several streams and the threads that read them.
class Streams {
 public:
  // Where a stream fails, `input` is stopped: whoever feeds it may wait for results.
  Streams(client::SignalClient* client, const SignalsFlags& flags, Printer* printer,
          EpisodeReader* input) {
    client::StreamConfig config;
    config.options = flags.options;
    config.reconnect_timeout = flags.reconnect_timeout;
    config.on_notice = PrintNotice;
    for (int i = 0; i < flags.streams; ++i) {
      streams_.push_back(client->Stream(config));
      readers_.emplace_back([stream = streams_.back().get(), printer, input] {
        while (const auto result = stream->Read()) {
          std::visit([printer](const auto& r) { printer->Print(r); }, *result);
        }
        if (!stream->Finish().ok()) input->Stop();
      });
    }
  }

  absl::Status Write(v1::Episode episode) {
    const size_t slot =
        episode.has_group() ? std::hash<std::string>()(episode.group().id()) : next_++;
    return streams_[slot % streams_.size()]->Write(std::move(episode));
  }

  // The first stream's error, or OK.
  absl::Status Finish() {
    for (const auto& stream : streams_) stream->WritesDone();
    for (std::thread& reader : readers_) reader.join();
    absl::Status first;
    for (const auto& stream : streams_) first.Update(stream->Finish());
    return first;
  }

 private:
  std::vector<std::unique_ptr<client::SignalStream>> streams_;
  std::vector<std::thread> readers_;
  size_t next_ = 0;
};

// Until the end of the input or of the streams. False: a record was no episode.
bool Feed(EpisodeReader* reader, Streams* streams, Printer* printer, Progress* progress) {
  bool readable = true;
  while (printer->ok()) {
    std::optional<absl::StatusOr<v1::Episode>> episode = reader->Next();
    if (!episode.has_value()) break;
    progress->OnRead();
    if (!episode->ok()) {
      readable = false;
      printer->PrintFault(ErrorResult("", episode->status()));
      continue;
    }
    const std::string id = (*episode)->id();
    printer->Expect(**episode);
    const absl::Status status = streams->Write(**std::move(episode));
    if (absl::IsAlreadyExists(status)) {
      printer->PrintUnanswered(ErrorResult(id, status));
    } else if (!status.ok()) {
      break;
    }
  }
  return readable;
}

}  // namespace

int RunSignals(client::SignalClient* client, const SignalsFlags& flags,
               const std::vector<std::string>& inputs, FILE* output) {
  Progress progress;
  std::optional<StepSummary> summary;
  if (!flags.summary.empty()) {
    summary.emplace(flags.step.has_value() ? flags.step : StepOfName(flags.summary));
  }
  Printer printer(flags.output, output, &progress, summary.has_value() ? &*summary : nullptr);
  EpisodeReader reader(inputs, flags.input);
  Streams streams(client, flags, &printer, &reader);
  const bool readable = Feed(&reader, &streams, &printer, &progress);
  const absl::Status status = streams.Finish();
  printer.Finish(status);
  progress.Finish();
  absl::Status written;
  if (summary.has_value() && reader.status().ok()) written = summary->Write(flags.summary);
  if (!reader.status().ok()) absl::FPrintF(stderr, "assay: %s\n", reader.status().message());
  if (!status.ok()) {
    absl::FPrintF(stderr, "assay: %s: %s\n", absl::StatusCodeToString(status.code()),
                  status.message());
  }
  if (!printer.ok()) absl::FPrintF(stderr, "assay: the output cannot be written\n");
  if (!written.ok()) {
    absl::FPrintF(stderr, "assay: the output cannot be written: %s\n", written.message());
  }
  if (!reader.status().ok() || !readable) return 2;
  return status.ok() && printer.ok() && written.ok() && progress.AllAnswered() ? 0 : 1;
}

}  // namespace assay::command
