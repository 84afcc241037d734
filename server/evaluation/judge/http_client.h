// Asynchronous HTTP requests on one thread: libcurl's multi interface.
#ifndef ASSAY_SERVER_EVALUATION_JUDGE_HTTP_CLIENT_H_
#define ASSAY_SERVER_EVALUATION_JUDGE_HTTP_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace assay::evaluation {

struct HttpClientOptions {
  std::string ca_file;       // PEM; empty: the system's roots
  int max_connections = 64;  // more requests wait for one
  int64_t max_response_bytes = int64_t{8} << 20;
};

struct HttpRequest {
  std::string url;                   // http or https
  std::vector<std::string> headers;  // "Name: value"
  std::string body;                  // sent by POST
  absl::Duration timeout = absl::InfiniteDuration();
};

// Thread safe.
class HttpClient {
 public:
  using RequestId = uint64_t;
  // Takes the body of a 2xx answer, or an error. It is called once, on the client's thread, and
  // must return soon. Errors contain nothing of what was sent or received: DEADLINE_EXCEEDED at the
  // timeout, RESOURCE_EXHAUSTED for 429, UNAVAILABLE for 408, 5xx and failures of the connection,
  // UNAUTHENTICATED for 401, PERMISSION_DENIED for 403, OUT_OF_RANGE for an answer that is too
  // large, and FAILED_PRECONDITION for any other status. They carry the answer's Retry-After.
  using Done = absl::AnyInvocable<void(absl::StatusOr<std::string>)>;

  explicit HttpClient(HttpClientOptions options);
  // Requests that are on their way end CANCELLED before this returns; where it runs on the client's
  // own thread they end afterwards.
  ~HttpClient();

  RequestId Post(HttpRequest request, Done done);
  // The request ends CANCELLED, unless it has ended already.
  void Cancel(RequestId id);

 private:
  class Impl;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_JUDGE_HTTP_CLIENT_H_
