// An HTTP server on a loopback port whose every answer the test writes byte by byte.
#ifndef ASSAY_TESTS_CHAOS_SCRIPTED_HTTP_SERVER_H_
#define ASSAY_TESTS_CHAOS_SCRIPTED_HTTP_SERVER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"

namespace assay::chaos {

struct HttpAnswer {
  std::string bytes;     // status line, headers and body as they go out
  absl::Duration pause;  // before each byte: a slow drip
};

// A whole answer with this body.
HttpAnswer JsonAnswer(int status, const std::string& body, const std::string& headers = "");

class ScriptedHttpServer {
 public:
  // `answer(k, head, body)` answers the k-th request; called from many threads.
  using Script = std::function<HttpAnswer(int k, const std::string& head, const std::string& body)>;
  explicit ScriptedHttpServer(Script script);
  ~ScriptedHttpServer();

  std::string url() const;
  int requests() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace assay::chaos

#endif  // ASSAY_TESTS_CHAOS_SCRIPTED_HTTP_SERVER_H_
