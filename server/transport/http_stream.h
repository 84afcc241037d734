// A stream of signals over one HTTP request: lines of JSON in, lines of JSON out as they come.
//
//   POST /v1/signals, Content-Type: application/x-ndjson
//
// In: first, if at all, {"options": AttributionOptions}; then an Episode a line. Out: an
// EpisodeResult for each episode in the order in which they are ready, a GroupResult for each group
// after its episodes, and {"notice": Notice} for what is probably a mistake: what `assay-rl
// signals` writes, and its other commands read. A line that is no episode gets an EpisodeResult
// with an error that names the line. A stream that ends early ends with {"error": Error}.
// Evaluators that ask the caller are not for HTTP. The server reads ahead no more than gRPC's
// credits allow, and in pieces of 4 KiB: who waits for an answer before the body's end fills up
// with empty lines.
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
