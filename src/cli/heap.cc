#include "cli/heap.h"

#include <cstdint>
#include <cstdlib>  // also tells whether this is glibc

#ifdef __GLIBC__
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#endif

namespace pumice::cli {

void prepare_heap() {
#ifdef __GLIBC__
  // Address space that large pages may back: untouched, it costs no memory.
  constexpr size_t kReach = size_t{512} << 20, kPage = 4096;
  // Under a limit on address space the rest of the work needs it more.
  rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY) return;
  mallopt(M_MMAP_THRESHOLD, 1 << 30);  // blocks of weights come and go: reuse their pages
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  void* reach = std::malloc(kReach);
  if (!reach) return;
  const uintptr_t from = (reinterpret_cast<uintptr_t>(reach) + kPage - 1) / kPage * kPage;
  const uintptr_t to = (reinterpret_cast<uintptr_t>(reach) + kReach) / kPage * kPage;
  madvise(reinterpret_cast<void*>(from), to - from, MADV_HUGEPAGE);
  std::free(reach);  // back to the heap's top, where the next allocations come from
#endif
}

}  // namespace pumice::cli
