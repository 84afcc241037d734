// The SignalStream behind SignalClient, over any connection: gRPC in the product, a script in
// tests.
#ifndef ASSAY_CLIENT_CPP_RECONNECTING_STREAM_H_
#define ASSAY_CLIENT_CPP_RECONNECTING_STREAM_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "assay/client.h"
#include "assay/v1/signal_service.pb.h"

namespace assay::client {

// One StreamSignals call. One thread reads, another writes; Cancel may come from any thread, at any
// time before Finish, and makes Read and Write return false.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual bool Read(v1::StreamSignalsResponse* response) = 0;
  virtual bool Write(const v1::StreamSignalsRequest& request) = 0;
  virtual void WritesDone() = 0;
  virtual void Cancel() = 0;
  // After Read has returned false.
  virtual absl::Status Finish() = 0;
};

using ConnectFn = std::function<std::unique_ptr<Connection>()>;

// `target`: the server's address, which errors name; empty: not known.
std::unique_ptr<SignalStream> NewReconnectingStream(StreamConfig config, ConnectFn connect,
                                                    const std::string& target = "");

}  // namespace assay::client

#endif  // ASSAY_CLIENT_CPP_RECONNECTING_STREAM_H_
