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
  // The body of a 2xx answer; called once, on the client's thread, which must not be kept. Errors,
  // never with a word of what was sent or received: DEADLINE_EXCEEDED; RESOURCE_EXHAUSTED for 429;
  // UNAVAILABLE for 408, 5xx and whatever breaks on the way; UNAUTHENTICATED for 401;
  // PERMISSION_DENIED for 403; OUT_OF_RANGE for an answer that is too large; FAILED_PRECONDITION
  // for any other. Retry-After is carried along.
  using Done = absl::AnyInvocable<void(absl::StatusOr<std::string>)>;

  explicit HttpClient(HttpClientOptions options);
  // What is on its way ends CANCELLED, before this returns unless it runs on the client's own
  // thread.
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
