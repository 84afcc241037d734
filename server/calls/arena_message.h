// Messages whose parts lie in one block of memory, or few: an episode and its signals are many
// small objects that are made together, read once and dropped together.
#ifndef ASSAY_SERVER_CALLS_ARENA_MESSAGE_H_
#define ASSAY_SERVER_CALLS_ARENA_MESSAGE_H_

#include <cstddef>
#include <memory>
#include <utility>

#include "google/protobuf/arena.h"

namespace assay::service {

// The first block. About ten messages with their signals fit in, apart from their texts.
inline constexpr size_t kArenaBlockBytes = 4096;

struct ArenaBlock {
  ArenaBlock() : arena(bytes, sizeof(bytes)) {}
  alignas(8) char bytes[kArenaBlockBytes];
  google::protobuf::Arena arena;
};

template <class Message>
std::shared_ptr<Message> MakeOnArena() {
  auto block = std::make_shared<ArenaBlock>();
  Message* const message = google::protobuf::Arena::CreateMessage<Message>(&block->arena);
  return std::shared_ptr<Message>(std::move(block), message);
}

}  // namespace assay::service

#endif  // ASSAY_SERVER_CALLS_ARENA_MESSAGE_H_
