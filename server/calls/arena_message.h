// A message whose parts lie in one block, or few: an episode and its signals are many small
// objects, made together, read once and dropped together.
#ifndef ASSAY_SERVER_CALLS_ARENA_MESSAGE_H_
#define ASSAY_SERVER_CALLS_ARENA_MESSAGE_H_

#include <cstddef>
#include <memory>
#include <utility>

#include "google/protobuf/arena.h"

namespace assay::service {

// As much as some ten messages and their signals take, without their texts.
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
