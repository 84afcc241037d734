// What a thread of civetweb keeps of the memory that it has freed.
#ifndef ASSAY_SERVER_BASE_THREAD_MEMORY_H_
#define ASSAY_SERVER_BASE_THREAD_MEMORY_H_

#include <cstddef>

// jemalloc's; null where another allocator is linked.
extern "C" int mallctl(const char* name, void* old_value, size_t* old_size, void* new_value,
                       size_t new_size) __attribute__((weak));

struct mg_context;

namespace assay {

// For threads of which there are many, each with little to do: the cache that jemalloc would keep
// for each goes on filling for hours, to half a megabyte and more. Civetweb's `init_thread`.
inline void* KeepNoFreedMemory(const mg_context* /*context*/, int /*thread_type*/) {
  bool cache = false;
  if (mallctl != nullptr) {
    mallctl("thread.tcache.enabled", nullptr, nullptr, &cache, sizeof(cache));
  }
  return nullptr;
}

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_THREAD_MEMORY_H_
