#include "server/evaluation/judge/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "server/base/mutex.h"
#include "server/base/retry_after.h"

namespace assay::evaluation {
namespace {

using CurlLong = long;  // NOLINT(google-runtime-int): what libcurl's variadic functions take

constexpr int kPollMs = 1000;
constexpr CurlLong kConnectTimeoutMs = 10'000;

// One request on its way; of the client's thread.
struct Transfer {
  Transfer() : easy(curl_easy_init()) {}
  ~Transfer() {
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* const easy;
  HttpClient::RequestId id = 0;
  curl_slist* headers = nullptr;
  HttpRequest request;
  HttpClient::Done done;
  std::string response;
  int64_t max_response_bytes = 0;
  bool too_large = false;
};

size_t Receive(char* data, size_t /*one*/, size_t size, void* context) {
  auto* transfer = static_cast<Transfer*>(context);
  if (static_cast<int64_t>(transfer->response.size() + size) > transfer->max_response_bytes) {
    transfer->too_large = true;
    return 0;
  }
  transfer->response.append(data, size);
  return size;
}

absl::Status FromCode(CurlLong code) {
  const std::string message = absl::StrCat("HTTP status ", code);
  if (code == 429) return absl::ResourceExhaustedError(message);
  if (code == 401) return absl::UnauthenticatedError(message);
  if (code == 403) return absl::PermissionDeniedError(message);
  if (code == 408 || code >= 500) return absl::UnavailableError(message);
  return absl::FailedPreconditionError(message);
}

absl::Status Outcome(Transfer& transfer, CURLcode result) {
  if (transfer.too_large) return absl::OutOfRangeError("the HTTP answer is too large");
  if (result == CURLE_OPERATION_TIMEDOUT) {
    return absl::DeadlineExceededError("no complete HTTP answer in time");
  }
  if (result != CURLE_OK) {
    return absl::UnavailableError(absl::StrCat("HTTP: ", curl_easy_strerror(result)));
  }
  CurlLong code = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &code);
  if (code >= 200 && code < 300) return absl::OkStatus();
  curl_off_t seconds = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RETRY_AFTER, &seconds);
  const absl::Status status = FromCode(code);
  return seconds > 0 ? WithRetryAfter(status, absl::Seconds(seconds)) : status;
}

}  // namespace

class HttpClient::Impl : public std::enable_shared_from_this<HttpClient::Impl> {
 public:
  explicit Impl(HttpClientOptions options) : options_(std::move(options)) {
    static const CURLcode kGlobal = curl_global_init(CURL_GLOBAL_DEFAULT);
    static_cast<void>(kGlobal);
    multi_ = curl_multi_init();
    curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                      static_cast<CurlLong>(options_.max_connections));
  }
  ~Impl() { curl_multi_cleanup(multi_); }

  void Start() {
    thread_ = std::thread([self = shared_from_this()] { self->Loop(); });
  }

  void Close() {
    {
      MutexLock lock(&mutex_);
      closed_ = true;
    }
    curl_multi_wakeup(multi_);
    if (thread_.get_id() == std::this_thread::get_id()) {
      thread_.detach();  // it holds this, and ends when it comes back to its loop
    } else {
      thread_.join();
    }
  }

  RequestId Post(HttpRequest request, Done done) {
    auto transfer = std::make_unique<Transfer>();
    transfer->request = std::move(request);
    transfer->done = std::move(done);
    transfer->max_response_bytes = options_.max_response_bytes;
    RequestId id = 0;
    {
      MutexLock lock(&mutex_);
      id = ++last_id_;
      new_.emplace(id, std::move(transfer));
    }
    curl_multi_wakeup(multi_);
    return id;
  }

  void Cancel(RequestId id) {
    {
      MutexLock lock(&mutex_);
      cancelled_.push_back(id);
    }
    curl_multi_wakeup(multi_);
  }

 private:
  void Loop() {
    while (TakeCommands()) {
      int running = 0;
      curl_multi_perform(multi_, &running);
      Collect();
      curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr);
    }
    while (!running_.empty()) {
      End(running_.begin()->first, absl::CancelledError("the HTTP client is closed"));
    }
  }

  // False: the client is closed.
  bool TakeCommands() {
    std::map<RequestId, std::unique_ptr<Transfer>> added;
    std::vector<RequestId> cancelled;
    bool closed = false;
    {
      MutexLock lock(&mutex_);
      added.swap(new_);
      cancelled.swap(cancelled_);
      closed = closed_;
    }
    for (auto& [id, transfer] : added) Begin(id, std::move(transfer));
    for (const RequestId id : cancelled) End(id, absl::CancelledError("cancelled"));
    return !closed;
  }

  void Begin(RequestId id, std::unique_ptr<Transfer> transfer) {
    CURL* const easy = transfer->easy;
    for (const std::string& header : transfer->request.headers) {
      transfer->headers = curl_slist_append(transfer->headers, header.c_str());
    }
    // No "Expect: 100-continue", which costs a round trip and which some servers ignore.
    transfer->headers = curl_slist_append(transfer->headers, "Expect:");
    curl_easy_setopt(easy, CURLOPT_URL, transfer->request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(transfer->request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->request.body.data());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer.get());
    transfer->id = id;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer.get());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    if (transfer->request.timeout < absl::InfiniteDuration()) {
      const int64_t left = absl::ToInt64Milliseconds(transfer->request.timeout);
      curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<CurlLong>(std::max<int64_t>(1, left)));
    }
    if (!options_.ca_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_CAINFO, options_.ca_file.c_str());
    }
    running_.emplace(id, std::move(transfer));
    if (const CURLMcode code = curl_multi_add_handle(multi_, easy); code != CURLM_OK) {
      End(id, absl::InternalError(absl::StrCat("HTTP: ", curl_multi_strerror(code))));
    }
  }

  void Collect() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      const CURLcode result = message->data.result;
      End(transfer->id, Outcome(*transfer, result));
    }
  }

  void End(RequestId id, const absl::Status& status) {
    const auto found = running_.find(id);
    if (found == running_.end()) return;
    std::unique_ptr<Transfer> transfer = std::move(found->second);
    running_.erase(found);
    curl_multi_remove_handle(multi_, transfer->easy);
    if (status.ok()) {
      transfer->done(std::move(transfer->response));
    } else {
      transfer->done(status);
    }
  }

  const HttpClientOptions options_;
  CURLM* multi_ = nullptr;
  std::map<RequestId, std::unique_ptr<Transfer>> running_;  // of the thread
  Mutex mutex_;
  RequestId last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<RequestId, std::unique_ptr<Transfer>> new_ ABSL_GUARDED_BY(mutex_);
  std::vector<RequestId> cancelled_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

HttpClient::HttpClient(HttpClientOptions options)
    : impl_(std::make_shared<Impl>(std::move(options))) {
  impl_->Start();
}
HttpClient::~HttpClient() { impl_->Close(); }
HttpClient::RequestId HttpClient::Post(HttpRequest request, Done done) {
  return impl_->Post(std::move(request), std::move(done));
}
void HttpClient::Cancel(RequestId id) { impl_->Cancel(id); }

}  // namespace assay::evaluation
