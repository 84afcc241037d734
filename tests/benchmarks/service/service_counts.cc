// Answers episodes of the wire benchmark in process, and nothing else: what counts.py counts. The
// same work on every machine.
//
// Usage: service_counts EPISODES [full]. Prints `allocations VALUE`, calls of operator new an
// episode; 64 others go before.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "server/audit/result.h"
#include "server/calls/arena_message.h"
#include "server/engine/asio_executor.h"
#include "server/engine/engine.h"
#include "tests/benchmarks/service/requests.h"

namespace {
std::atomic<long long> allocations{0};
}  // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

namespace assay::benchmarks {
namespace {

// As a worker answers it: bytes in, bytes out.
void AnswerBytes(const std::string& bytes, engine::Engine& engine,
                 const std::shared_ptr<const service::ResolvedOptions>& options) {
  auto request = service::MakeOnArena<v1::StreamSignalsRequest>();
  if (!request->ParseFromString(bytes)) std::abort();
  service::EpisodeWork work = Accept(std::move(request), options);
  engine::EpisodeJob job = work.Job(absl::InfiniteDuration());
  bool answered = false;
  auto done = [&answered,
               work = std::move(work)](absl::StatusOr<signals::Signals> signals) mutable {
    auto response = service::MakeOnArena<v1::StreamSignalsResponse>();
    service::MakeResult(work, std::move(signals), response->mutable_result());
    answered = !response->SerializeAsString().empty() && response->result().has_signals();
  };
  engine.Make(std::move(job), std::move(done))->StartHere();
  if (!answered) std::abort();
}

}  // namespace
}  // namespace assay::benchmarks

int main(int argc, char** argv) {
  using namespace assay::benchmarks;
  const int episodes = argc > 1 ? std::atoi(argv[1]) : 0;
  if (episodes < 1) return 2;
  assay::engine::AsioExecutor executor(1, nullptr);
  assay::engine::Engine engine(&executor, nullptr);
  const auto options = Options(argc > 2);
  const std::vector<std::string> requests = Requests(4096);
  for (const std::string& request : requests) AnswerBytes(request, engine, options);
  const long long before = allocations.load();
  for (int k = 0; k < episodes; ++k) AnswerBytes(requests[k % requests.size()], engine, options);
  std::printf("allocations %.2f\n", static_cast<double>(allocations.load() - before) / episodes);
  return 0;
}
