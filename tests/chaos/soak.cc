// Hours of mixed load on one assayd, at a modest rate: streams with groups, a caller and a remote
// evaluator, full audits, single calls, HTTP, mistakes, aborted streams, lost connections. Its
// memory, threads and descriptors must not grow; every episode must be answered once.
//
//   soak --assayd=build/release/server/assayd --minutes=60 --samples=soak.csv
//
// Prints one line a figure, NAME VALUE UNIT; exit code 1 where an answer is missing or wrong, or,
// from 30 minutes on, where something grows.
#include <curl/curl.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "assay/client.h"
#include "assay/v1/signal_service.grpc.pb.h"
#include "server/base/json.h"
#include "tests/chaos/child_server.h"
#include "tests/chaos/faulty_evaluator.h"
#include "tests/chaos/real_episodes.h"
#include "tests/chaos/replay.h"
#include "tests/chaos/tcp_proxy.h"
#include "tests/chaos/trend.h"
#include "tests/chaos/usage_series.h"

ABSL_FLAG(std::string, assayd, "", "path of the server");
ABSL_FLAG(double, minutes, 60, "how long");
ABSL_FLAG(double, rate, 20, "turns a second; a turn is an episode on each of three streams");
ABSL_FLAG(std::string, samples, "", "CSV file to write: seconds, bytes, threads, descriptors, CPU");
ABSL_FLAG(double, max_slope, 1, "of memory after warm-up, MiB an hour");

namespace assay::chaos {
namespace {

constexpr int kGroupSize = 4;
constexpr int kTurnsToAct = 10;           // one of the other calls every so many turns
constexpr int kTurnsToRenew = 1200;       // streams are closed and opened again
constexpr int64_t kCacheBytes = 1 << 20;  // full within minutes, so that it turns over
constexpr absl::Duration kBetweenSamples = absl::Seconds(5);
constexpr double kMinutesToJudge = 30;
constexpr double kMaxGrowth = 1.5;  // of a median count; half of a thread is noise

// Every hundredth call is told to come again, and every hundredth is slow.
Fault Hiccup(int64_t call) {
  Fault fault;
  if (call % 100 == 17) fault.code = grpc::UNAVAILABLE;
  if (call % 100 == 71) fault.latency = absl::Milliseconds(200);
  return fault;
}

// Episodes without end, each with an id of its own.
class Source {
 public:
  explicit Source(const std::vector<EpisodeFile>& files) {
    for (const EpisodeFile& file : files) {
      templates_.insert(templates_.end(), file.episodes.begin(), file.episodes.end());
    }
    for (v1::Episode& episode : templates_) episode.clear_group();
  }
  v1::Episode Next() {
    // A prime step: neighbours come from different files.
    v1::Episode episode = templates_[static_cast<size_t>(next_) * 7919 % templates_.size()];
    episode.set_id(absl::StrCat("e", next_++));
    return episode;
  }

 private:
  std::vector<v1::Episode> templates_;
  int64_t next_ = 0;
};

struct Totals {
  std::atomic<int64_t> written = 0;
  std::atomic<int64_t> scored = 0;
  std::atomic<int64_t> failed = 0;
  std::atomic<int64_t> groups = 0;
};

// One stream of the client library and the thread that reads it.
class Feed {
 public:
  Feed(client::SignalClient* client, const client::StreamConfig& config, Totals* totals)
      : totals_(totals), stream_(client->Stream(config)), reader_([this] { Read(); }) {}
  ~Feed() {
    stream_->WritesDone();
    reader_.join();
    const absl::Status end = stream_->Finish();
    if (!end.ok()) std::fprintf(stderr, "a stream ended: %s\n", end.ToString().c_str());
  }
  void Write(v1::Episode episode) {
    if (stream_->Write(std::move(episode)).ok()) ++totals_->written;
  }

 private:
  void Read() {
    while (const auto result = stream_->Read()) {
      const auto* episode = std::get_if<v1::EpisodeResult>(&*result);
      if (episode == nullptr) {
        ++totals_->groups;
      } else if (episode->has_signals()) {
        ++totals_->scored;
      } else {
        ++totals_->failed;
        std::fprintf(stderr, "failed: %s\n", episode->ShortDebugString().c_str());
      }
    }
  }

  Totals* const totals_;
  const std::unique_ptr<client::SignalStream> stream_;
  std::thread reader_;
};

size_t Discard(char* /*data*/, size_t size, size_t count, void* /*user*/) { return size * count; }

// Status of the answer; 0: none came.
long Http(int port, const std::string& path, const std::string* body) {
  CURL* curl = curl_easy_init();
  const std::string url = absl::StrCat("http://127.0.0.1:", port, path);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Discard);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
  if (body != nullptr) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body->size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->data());
  }
  long status = 0;
  if (curl_easy_perform(curl) == CURLE_OK) {
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  }
  curl_easy_cleanup(curl);
  return status;
}

class Load {
 public:
  Load(const ChildServer& server, Source source)
      : server_(server), source_(std::move(source)), proxy_(server.port()) {
    client_ = client::SignalClient::Connect(server_.address());
    proxied_ = client::SignalClient::Connect(absl::StrCat("127.0.0.1:", proxy_.port()));
    acts_ = {
        [this] { Unary(); },
        [this] { HttpSignals(); },
        [this] { Protocol(); },
        [this] { Abort(); },
        [this] { FreshConnection(); },
        [this] { HttpMistake(); },
        [this] { Advantages(); },
        [this] { proxy_.DropConnections(); },
        [this] { Check("metrics", Http(server_.metrics_port(), "/metrics", nullptr) == 200); },
    };
  }

  void Turn() {
    if (turn_ % kTurnsToRenew == 0) Renew();
    v1::Episode member = source_.Next();
    member.mutable_group()->set_id(absl::StrCat("g", turn_ / kGroupSize));
    member.mutable_group()->set_size(kGroupSize);
    votes_->Write(std::move(member));
    caller_->Write(source_.Next());
    remote_->Write(source_.Next());
    if (turn_ % kTurnsToAct == 0) acts_[static_cast<size_t>(turn_ / kTurnsToAct) % acts_.size()]();
    ++turn_;
  }

  // Ends the streams; false where an answer is missing, or something went as it must not.
  bool Finish() {
    votes_.reset();
    caller_.reset();
    remote_.reset();
    client_.reset();
    proxied_.reset();
    std::printf("episodes %lld count\nepisodes_failed %lld count\ngroups %lld count\n",
                static_cast<long long>(totals_.written), static_cast<long long>(totals_.failed),
                static_cast<long long>(totals_.groups));
    Check("each episode answered once", totals_.scored + totals_.failed == totals_.written);
    Check("no episode failed", totals_.failed == 0);
    return good_;
  }

 private:
  void Check(const char* what, bool good) {
    if (!good) std::fprintf(stderr, "wrong: %s (turn %lld)\n", what, static_cast<long long>(turn_));
    good_ = good_ && good;
  }

  void Renew() {
    client::StreamConfig config;
    votes_.reset();
    votes_ = std::make_unique<Feed>(proxied_.get(), config, &totals_);
    config.options.set_audit(v1::AUDIT_FULL);
    config.options.mutable_caller()->set_batch_size(16);
    config.evaluate = &AnswerByTeamValue;
    caller_.reset();
    caller_ = std::make_unique<Feed>(client_.get(), config, &totals_);
    config.options.mutable_named()->set_name("remote");
    remote_.reset();
    remote_ = std::make_unique<Feed>(client_.get(), config, &totals_);
  }

  v1::ComputeSignalsRequest Request() {
    v1::ComputeSignalsRequest request;
    for (int i = 0; i < 4; ++i) *request.add_episodes() = source_.Next();
    return request;
  }
  void Unary() {
    const auto response = client_->ComputeSignals(Request(), absl::Seconds(60));
    Check("ComputeSignals", response.ok() && response->results_size() == 4);
  }
  void Advantages() {
    const auto signals = client_->ComputeSignals(Request(), absl::Seconds(60));
    if (!signals.ok()) return Check("ComputeSignals", false);
    v1::ComputeAdvantagesRequest request;
    for (const v1::EpisodeResult& result : signals->results()) {
      *request.add_episodes() = result.signals();
      request.mutable_episodes()->rbegin()->mutable_group()->set_id("g");
    }
    Check("ComputeAdvantages", client_->ComputeAdvantages(request, absl::Seconds(60)).ok());
    Check("GetServerInfo", client_->GetServerInfo(absl::Seconds(60)).ok());
  }
  void HttpSignals() {
    const std::string body = ToJson(Request(), JsonStyle::kComplete);
    Check("HTTP", Http(server_.http_port(), "/v1/signals", &body) == 200);
  }
  void HttpMistake() {
    const std::string garbage = "{\"episodes\": [{\"id\": 3";
    Check("bad JSON", Http(server_.http_port(), "/v1/signals", &garbage) == 400);
    Check("no such path", Http(server_.http_port(), "/nowhere", &garbage) == 404);
  }

  using RawStream = grpc::ClientReaderWriter<v1::StreamSignalsRequest, v1::StreamSignalsResponse>;
  // A bad episode costs the stream nothing, a second set of options ends it.
  void Protocol() {
    const auto stub = NewStub();
    grpc::ClientContext context;
    const std::unique_ptr<RawStream> stream = stub->StreamSignals(&context);
    v1::StreamSignalsRequest options;
    options.mutable_options();
    v1::StreamSignalsRequest bad;
    bad.mutable_episode()->set_id("without messages");
    v1::StreamSignalsResponse response;
    stream->Write(options);
    stream->Write(bad);
    const bool ready = stream->Read(&response) && response.has_ready();
    Check("a bad episode is rejected",
          ready && stream->Read(&response) && response.result().has_error());
    stream->Write(options);
    while (stream->Read(&response)) {
    }
    Check("a broken protocol ends", stream->Finish().error_code() == grpc::INVALID_ARGUMENT);
  }
  // Gone while episodes are in flight and questions are open.
  void Abort() {
    const auto stub = NewStub();
    grpc::ClientContext context;
    const std::unique_ptr<RawStream> stream = stub->StreamSignals(&context);
    v1::StreamSignalsRequest request;
    request.mutable_options()->mutable_caller();
    stream->Write(request);
    for (int i = 0; i < 8; ++i) {
      *request.mutable_episode() = source_.Next();
      stream->Write(request);
    }
    v1::StreamSignalsResponse response;
    stream->Read(&response);
    context.TryCancel();
    stream->Finish();
  }
  // Connects, asks, and leaves.
  void FreshConnection() {
    const auto fresh = ConnectAlone(server_.address());
    Feed feed(fresh.get(), {}, &totals_);
    for (int i = 0; i < 4; ++i) feed.Write(source_.Next());
  }
  std::unique_ptr<v1::SignalService::Stub> NewStub() {
    return v1::SignalService::NewStub(
        grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials()));
  }

  const ChildServer& server_;
  Source source_;
  TcpProxy proxy_;
  Totals totals_;
  std::unique_ptr<client::SignalClient> client_;
  std::unique_ptr<client::SignalClient> proxied_;
  std::unique_ptr<Feed> votes_;
  std::unique_ptr<Feed> caller_;
  std::unique_ptr<Feed> remote_;
  std::vector<std::function<void()>> acts_;
  int64_t turn_ = 0;
  bool good_ = true;
};

bool Judge(const Series& series) {
  const size_t warm = series.WarmUp();
  const double slope =
      TheilSen(Series::From(series.hours, warm), Series::From(series.mebibytes, warm));
  const double threads = GrowthOfMedian(Series::From(series.threads, warm));
  const double descriptors = GrowthOfMedian(Series::From(series.descriptors, warm));
  const double hours = series.hours.empty() ? 0 : series.hours.back();
  std::printf("memory_slope %.3f MiB/hour\nmemory_first %.1f MiB\nmemory_last %.1f MiB\n", slope,
              series.mebibytes[warm], series.mebibytes.back());
  std::printf("threads_growth %.1f count\ndescriptors_growth %.1f count\n", threads, descriptors);
  std::printf("server_cpu %.1f percent\n", absl::ToDoubleHours(series.cpu) / hours * 100);
  if (hours * 60 < kMinutesToJudge) {
    std::printf("growth is not judged: the run was too short\n");
    return true;
  }
  return slope < absl::GetFlag(FLAGS_max_slope) && threads < kMaxGrowth && descriptors < kMaxGrowth;
}

std::string Config(int evaluator_port) {
  return absl::StrCat(R"({"evaluators": [{"name": "remote", "cacheBytes": ")", kCacheBytes,
                      R"(", "remote": {"endpoints": ["127.0.0.1:)", evaluator_port, R"("]}}]})");
}

int Run() {
  auto files = ReadSharedLogs();
  if (files.ok() && files->empty()) files = ReadSamples();
  if (!files.ok()) {
    std::fprintf(stderr, "%s\n", files.status().ToString().c_str());
    return 2;
  }
  FaultyEvaluator evaluator(TeamValue, Hiccup);
  ChildServerOptions options;
  options.program = absl::GetFlag(FLAGS_assayd);
  options.config_json = Config(evaluator.port());
  auto server = ChildServer::Start(options);
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.status().ToString().c_str());
    return 2;
  }
  std::FILE* csv = absl::GetFlag(FLAGS_samples).empty()
                       ? nullptr
                       : std::fopen(absl::GetFlag(FLAGS_samples).c_str(), "w");
  Series series;
  Load load(**server, Source(*files));
  const absl::Time start = absl::Now();
  const absl::Time end = start + absl::Minutes(absl::GetFlag(FLAGS_minutes));
  const absl::Duration turn = absl::Seconds(1 / absl::GetFlag(FLAGS_rate));
  absl::Time sample_at = start + kBetweenSamples;
  // Turns that are late are not made up for: a stalled machine must not be followed by a flood.
  for (absl::Time due = start; due < end; due = std::max(due + turn, absl::Now())) {
    absl::SleepFor(due - absl::Now());
    load.Turn();
    if (absl::Now() < sample_at) continue;
    sample_at += kBetweenSamples;
    const auto usage = (*server)->ReadUsage();
    if (!usage.ok()) break;
    series.Add(absl::Now() - start, *usage);
    if (csv == nullptr) continue;
    std::fprintf(csv, "%.1f,%lld,%d,%d,%.2f\n", series.hours.back() * 3600,
                 static_cast<long long>(usage->resident_bytes), usage->threads, usage->descriptors,
                 absl::ToDoubleSeconds(usage->cpu));
    std::fflush(csv);
  }
  if (csv != nullptr) std::fclose(csv);
  const bool answered = load.Finish();
  const bool steady = !series.hours.empty() && Judge(series);
  const auto code = (*server)->Stop();
  const bool clean = code.ok() && *code == 0;
  if (!clean) std::fprintf(stderr, "assayd did not end well:\n%s\n", (*server)->Log().c_str());
  return answered && steady && clean ? 0 : 1;
}

}  // namespace
}  // namespace assay::chaos

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return assay::chaos::Run();
}
