// Episodes of the wire benchmark between the bytes that come in and those that go out: what the
// benchmarks of the service time and count. Whatever fails aborts.
#ifndef ASSAY_TESTS_BENCHMARKS_SERVICE_REQUESTS_H_
#define ASSAY_TESTS_BENCHMARKS_SERVICE_REQUESTS_H_

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "assay/v1/signal_service.pb.h"
#include "server/session/episode_work.h"
#include "server/wire/limits.h"
#include "server/wire/resolve_options.h"
#include "tests/benchmarks/wire/episodes.h"

namespace assay::benchmarks {

// Votes, and the audit's ledger or its full record.
inline std::shared_ptr<const service::ResolvedOptions> Options(bool full_audit) {
  v1::AttributionOptions options;
  options.mutable_vote();
  options.set_audit(full_audit ? v1::AUDIT_FULL : v1::AUDIT_LEDGER);
  auto resolved = service::ResolveOptions(options, service::Limits(), {}, std::nullopt);
  if (!resolved.ok()) std::abort();
  return std::make_shared<service::ResolvedOptions>(*std::move(resolved));
}

// 64 requests on the wire. Successes and failures, in turn: they take different ways.
inline std::vector<std::string> Requests(int bytes) {
  EpisodeShape shape;
  shape.bytes = bytes;
  std::vector<std::string> requests;
  for (int i = 0; i < 64; ++i) {
    v1::StreamSignalsRequest request;
    *request.mutable_episode() = MakeEpisode(shape, i);
    requests.push_back(request.SerializeAsString());
  }
  return requests;
}

inline service::EpisodeWork Accept(const std::shared_ptr<const v1::StreamSignalsRequest>& request,
                                   std::shared_ptr<const service::ResolvedOptions> options) {
  std::shared_ptr<const v1::Episode> episode(request, &request->episode());
  const auto bytes = static_cast<int64_t>(episode->ByteSizeLong());
  auto work =
      service::AcceptEpisode(std::move(episode), bytes, std::move(options), service::Limits());
  if (!work.ok()) std::abort();
  return *std::move(work);
}

}  // namespace assay::benchmarks

#endif  // ASSAY_TESTS_BENCHMARKS_SERVICE_REQUESTS_H_
