// A real server in this process on a free port, and the simplest client that can talk to it.
#ifndef ASSAY_TESTS_INTEGRATION_HARNESS_H_
#define ASSAY_TESTS_INTEGRATION_HARNESS_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "assay/v1/signal_service.grpc.pb.h"
#include "server/runtime/assay_server.h"
#include "tests/hangs.h"

namespace assay::testing {

// Asks again and again; false where it never comes true. For what is seen of a call from outside,
// a moment after its client has its answer.
bool BecomesTrue(const std::function<bool()>& condition);

class TestServer {
 public:
  explicit TestServer(const runtime::Config& config = {}, const service::Catalog& catalog = {});
  ~TestServer();

  std::unique_ptr<v1::SignalService::Stub> Stub() const;
  std::shared_ptr<grpc::Channel> Channel() const;
  runtime::AssayServer& server() { return *server_; }
  int port() const { return server_->port(); }
  // Body of GET /metrics.
  std::string Scrape() const;
  // Value of a sample such as `assay_streams` or `assay_episodes_total{outcome="ok"}`; NaN: not
  // there.
  double Metric(const std::string& sample) const;

 private:
  telemetry::Log log_;
  std::unique_ptr<runtime::AssayServer> server_;
};

// Loopback, free ports.
runtime::Config LocalConfig(int workers = 2);

// One stream, synchronous. Every test ends by its deadline.
class TestStream {
 public:
  explicit TestStream(v1::SignalService::Stub* stub);

  bool Send(const v1::StreamSignalsRequest& request) { return stream_->Write(request); }
  bool SendOptions(const v1::AttributionOptions& options);
  bool SendEpisode(const v1::Episode& episode);
  void HalfClose() { stream_->WritesDone(); }
  // Fails the test where the stream has ended.
  v1::StreamSignalsResponse Next();
  v1::EpisodeResult NextResult();
  bool Read(v1::StreamSignalsResponse* response) { return stream_->Read(response); }
  // Reads what is left, and the status.
  grpc::Status Finish(std::vector<v1::StreamSignalsResponse>* rest = nullptr);
  void Cancel() { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::StreamSignalsRequest, v1::StreamSignalsResponse>>
      stream_;
};

// Sends all, within credits, and gathers results by id and groups by id.
struct StreamOutcome {
  v1::StreamReady ready;
  std::map<std::string, v1::EpisodeResult> results;
  std::map<std::string, v1::GroupResult> groups;
  grpc::Status status;
};
StreamOutcome RunStream(v1::SignalService::Stub* stub, const v1::AttributionOptions& options,
                        const std::vector<v1::Episode>& episodes);

// A debate that votes: `agents` agents, two rounds; ballots drawn from `seed`.
v1::Episode Debate(const std::string& id, int agents, unsigned seed);
// Outcome and messages, nothing else.
v1::Episode Plain(const std::string& id, double score, int messages = 4);

}  // namespace assay::testing

#endif  // ASSAY_TESTS_INTEGRATION_HARNESS_H_
