// A stream of signals over one HTTP request: lines of JSON in, lines of JSON out as they come.
//
//   POST /v1/signals, Content-Type: application/x-ndjson
//
// The first line may be {"options": AttributionOptions}; every other line is an Episode. The answer
// has a line with an EpisodeResult for each episode, in the order in which they are ready, one with
// a GroupResult for each group, after its episodes, and {"notice": Notice} for what is probably a
// mistake. `assay-rl signals` writes the same lines, and other commands read them. A line that is
// no episode gets an EpisodeResult with an error that names the line. A stream that ends early ends
// with {"error": Error}. The caller evaluator is not offered over HTTP. The server reads ahead no
// more than gRPC's credits allow, and in pieces of 4 KiB: a client that waits for an answer before
// the end of its body has to fill the piece up with empty lines.
#ifndef ASSAY_SERVER_TRANSPORT_HTTP_STREAM_H_
#define ASSAY_SERVER_TRANSPORT_HTTP_STREAM_H_

#include <cstddef>
#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/calls/batch_call.h"

namespace assay::service {

// Both block, and are called on two threads at the same time.
struct HttpDuplex {
  std::function<int(char*, size_t)> read;        // bytes of the body; 0 or less: it is over
  std::function<bool(absl::string_view)> write;  // of the answer; false: the peer is gone
  std::function<void()> stop_reading;            // makes `read` end
};

// Serves the stream until it is over. Returns why it was refused before anything was written; OK
// otherwise.
absl::Status ServeLines(const ServiceDeps& deps, CallContext context, absl::string_view peer,
                        HttpDuplex duplex);

}  // namespace assay::service

#endif  // ASSAY_SERVER_TRANSPORT_HTTP_STREAM_H_
