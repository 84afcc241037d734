// What a message costs before it is parsed. An empty part takes two bytes on the wire and hundreds
// in memory: whoever parses first and counts then has already paid.
#ifndef ASSAY_SERVER_BASE_MESSAGE_MEMORY_H_
#define ASSAY_SERVER_BASE_MESSAGE_MEMORY_H_

#include <cstdint>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/zero_copy_stream.h"

namespace assay {

// Bytes of memory that a message of type `type` takes once it is parsed from `bytes`: never less
// than it does, and of ordinary messages at most a few times as much. Counting ends above `limit`.
// Where the bytes are no such message it counts up to the fault, which the parser will find.
// O(size), without the insides of texts.
int64_t MemoryOnceParsed(const google::protobuf::Descriptor& type,
                         google::protobuf::io::ZeroCopyInputStream* bytes, int64_t limit);

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_MESSAGE_MEMORY_H_
