// Structure-aware mutation: an input is a message, and a mutation changes one of its fields by
// reflection, so that nearly every input parses. (Debian has no libprotobuf-mutator.)
#ifndef ASSAY_TESTS_FUZZ_MUTATOR_H_
#define ASSAY_TESTS_FUZZ_MUTATOR_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "google/protobuf/message.h"

namespace assay::fuzz {

using Random = std::minstd_rand;

inline uint32_t Below(Random& random, uint32_t limit) {
  return static_cast<uint32_t>(random()) % limit;
}
inline bool Chance(Random& random, int percent) {
  return Below(random, 100) < static_cast<uint32_t>(percent);
}

// The serialised message, or its text form where the first byte is '#': inputs written by hand can
// be read. False: it is neither.
bool Parse(const uint8_t* data, size_t size, google::protobuf::Message* message);

// One change somewhere inside.
void Mutate(google::protobuf::Message* message, Random& random);

// Puts right what random changes break most often, so that most inputs get past validation.
using Mend = void (*)(google::protobuf::Message* message, Random& random);

// libFuzzer's two hooks, for inputs of the type of `scratch`.
size_t MutateInput(uint8_t* data, size_t size, size_t max_size, uint32_t seed,
                   google::protobuf::Message* scratch, Mend mend);
size_t CrossInputs(const uint8_t* data1, size_t size1, const uint8_t* data2, size_t size2,
                   uint8_t* out, size_t max_size, uint32_t seed, google::protobuf::Message* into,
                   google::protobuf::Message* from);

// Ends the run as a crash that libFuzzer keeps.
[[noreturn]] inline void Fail(const char* what, const char* detail) {
  std::fprintf(stderr, "violated: %s %s\n", what, detail);
  std::abort();
}
inline void Check(bool holds, const char* what, const char* detail = "") {
  if (!holds) Fail(what, detail);
}

}  // namespace assay::fuzz

// A target: `Type` is the input's message, `Run` takes one, `Mender` may be null.
#define ASSAY_FUZZ_TARGET(Type, Run, Mender)                                                    \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {                     \
    Type input;                                                                                 \
    if (assay::fuzz::Parse(data, size, &input)) Run(input);                                     \
    return 0;                                                                                   \
  }                                                                                             \
  extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,        \
                                            unsigned seed) {                                    \
    Type input;                                                                                 \
    return assay::fuzz::MutateInput(data, size, max_size, seed, &input, Mender);                \
  }                                                                                             \
  extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,               \
                                              const uint8_t* data2, size_t size2, uint8_t* out, \
                                              size_t max_size, unsigned seed) {                 \
    Type into, from;                                                                            \
    return assay::fuzz::CrossInputs(data1, size1, data2, size2, out, max_size, seed, &into,     \
                                    &from);                                                     \
  }

#endif  // ASSAY_TESTS_FUZZ_MUTATOR_H_
