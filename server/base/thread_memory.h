// Keeps the many idle threads of civetweb, the HTTP library, from holding on to freed memory.
#ifndef ASSAY_SERVER_BASE_THREAD_MEMORY_H_
#define ASSAY_SERVER_BASE_THREAD_MEMORY_H_

#include <cstddef>

// The control function of the allocator jemalloc. Null where another allocator is linked.
extern "C" int mallctl(const char* name, void* old_value, size_t* old_size, void* new_value,
                       size_t new_size) __attribute__((weak));

struct mg_context;

namespace assay {

// Turns jemalloc's cache off for the calling thread. The cache of a thread goes on filling for
// hours, to half a megabyte and more, which is too much for many threads that have little to do
// each. The signature is that of civetweb's callback `init_thread`.
inline void* KeepNoFreedMemory(const mg_context* /*context*/, int /*thread_type*/) {
  bool cache = false;
  if (mallctl != nullptr) {
    mallctl("thread.tcache.enabled", nullptr, nullptr, &cache, sizeof(cache));
  }
  return nullptr;
}

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_THREAD_MEMORY_H_
