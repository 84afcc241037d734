// Hints about episodes that are probably mistakes (v1::Notice): for people, and without an
// influence on any result.
#ifndef ASSAY_SERVER_WIRE_NOTICES_NOTICES_H_
#define ASSAY_SERVER_WIRE_NOTICES_NOTICES_H_

#include <cstdint>
#include <vector>

#include "assay/v1/episode.pb.h"
#include "assay/v1/signal_service.pb.h"
#include "server/signals/options.h"

namespace assay::service {

// The notices of one stream, or one call: at most one of each kind. Not thread safe.
class Notices {
 public:
  // What an episode is a reason for, of what was not said yet: one bit for each kind. Linear in the
  // episode's messages.
  uint32_t ReasonsIn(const v1::Episode& episode, const signals::Options& options) const;

  // What the result of that episode bears out.
  std::vector<v1::Notice> Take(uint32_t reasons, const v1::EpisodeResult& result);

 private:
  uint32_t said_ = 0;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_NOTICES_NOTICES_H_
