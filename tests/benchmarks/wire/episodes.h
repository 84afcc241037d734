// Episodes of a given size, made from a seed: what the load generator sends.
#ifndef ASSAY_TESTS_BENCHMARKS_WIRE_EPISODES_H_
#define ASSAY_TESTS_BENCHMARKS_WIRE_EPISODES_H_

#include <cstdint>

#include "assay/v1/signal_service.pb.h"

namespace assay::benchmarks {

struct EpisodeShape {
  int agents = 4;
  int messages = 8;
  int bytes = 4096;              // of the serialised episode, to a few bytes
  bool given_redundancy = true;  // otherwise the server computes it
};

// A debate in which every message has an answer; the id is `index` in decimal.
v1::Episode MakeEpisode(const EpisodeShape& shape, int64_t index);

}  // namespace assay::benchmarks

#endif  // ASSAY_TESTS_BENCHMARKS_WIRE_EPISODES_H_
