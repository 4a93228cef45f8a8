// Memory: operator new of the whole program, and the library's malloc and aligned_alloc, which the
// linker turns to here (--wrap).
#include <cerrno>
#include <cstddef>
#include <new>
#include <utility>

#include "faults.hpp"

namespace {

using faults::Kind;

bool planned = false;
faults::Plan plan{};
long until_failure = 0;
bool failed = false;

void* counted(void* memory) {
  ++faults::allocations;
  if (memory != nullptr) ++faults::held.allocations;
  return memory;
}

}  // namespace

namespace faults {

Held held{};
long allocations = 0;

void start(const Plan& next, long number) {
  plan = next;
  until_failure = number;
  failed = false;
  planned = true;
}

bool stop() {
  planned = false;
  return failed;
}

bool fails(Kind kind) {
  if (!planned || kind != plan.kind) return false;
  if (failed ? !plan.lasting : until_failure-- > 0) return false;
  failed = true;
  errno = plan.error;
  return true;
}

Pause::Pause() : planned_(std::exchange(planned, false)) {}
Pause::~Pause() { planned = planned_; }

}  // namespace faults

extern "C" {

void* __real_malloc(std::size_t size);
void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
void __real_free(void* memory);

void* __wrap_malloc(std::size_t size) {
  return counted(faults::fails(Kind::memory) ? nullptr : __real_malloc(size));
}
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
  return counted(faults::fails(Kind::memory) ? nullptr : __real_aligned_alloc(alignment, size));
}
int __real_posix_memalign(void** memory, std::size_t alignment, std::size_t size);
int __wrap_posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  if (faults::fails(Kind::memory)) return ENOMEM;
  const int error = __real_posix_memalign(memory, alignment, size);
  counted(error == 0 ? *memory : nullptr);
  return error;
}
void __wrap_free(void* memory) {
  if (memory != nullptr) --faults::held.allocations;
  __real_free(memory);
}

}  // extern "C"

namespace {

void* allocate(std::size_t size) noexcept { return __wrap_malloc(size == 0 ? 1 : size); }

void* allocate(std::size_t size, std::align_val_t alignment) noexcept {
  const auto step = static_cast<std::size_t>(alignment);
  return __wrap_aligned_alloc(step, (size + step - 1) / step * step);
}

void* or_throw(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return or_throw(allocate(size)); }
void* operator new[](std::size_t size) { return or_throw(allocate(size)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return or_throw(allocate(size, alignment));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(size, alignment);
}
void operator delete(void* memory) noexcept { __wrap_free(memory); }
void operator delete[](void* memory) noexcept { __wrap_free(memory); }
void operator delete(void* memory, std::size_t) noexcept { __wrap_free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { __wrap_free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { __wrap_free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { __wrap_free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { __wrap_free(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  __wrap_free(memory);
}
