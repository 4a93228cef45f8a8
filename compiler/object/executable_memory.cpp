// Mapping of code: pages are written while not executable and executed while not writable.
#include "compiler/object/executable_memory.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace sluice::object {
namespace {

std::size_t page_size() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

Error failure(const char* what, int code) {
  const bool memory = code == ENOMEM || code == EAGAIN || code == EMFILE || code == ENFILE;
  std::string message(what);
  message.append(": ").append(std::strerror(code));
  if (!memory) message.append("; this system forbids code made at run time");
  return {memory ? Status::out_of_memory : Status::denied, std::move(message)};
}

std::size_t pages_of(std::size_t bytes) {
  return bytes == 0 ? 1 : (bytes + page_size() - 1) / page_size();
}

// Address space without access, with a guard page before and after; null where there is none.
void* reserve(std::size_t size) {
  void* base = mmap(nullptr, size + 2 * page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return base == MAP_FAILED ? nullptr : static_cast<char*>(base) + page_size();
}

void release(void* reserved, std::size_t size) {
  munmap(static_cast<char*>(reserved) - page_size(), size + 2 * page_size());
}

// Zero, or the error's number.
int write_then_protect(void* code, std::size_t size, std::span<const std::uint8_t> bytes) {
  if (mprotect(code, size, PROT_READ | PROT_WRITE) != 0) return errno;
  std::copy(bytes.begin(), bytes.end(), static_cast<std::uint8_t*>(code));
  return mprotect(code, size, PROT_READ | PROT_EXEC) == 0 ? 0 : errno;
}

// Writes a memory file through a mapping of its own, which is gone before the executable one is
// made over `code`.
int write_through_file(void* code, std::size_t size, std::span<const std::uint8_t> bytes) {
  const int file = memfd_create("sluice", MFD_CLOEXEC);
  if (file < 0) return errno;
  int code_of_error = 0;
  const auto check = [&](bool ok) {
    if (!ok) code_of_error = errno;
    return ok;
  };
  void* view = MAP_FAILED;
  if (check(ftruncate(file, static_cast<off_t>(size)) == 0)) {
    view = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (check(view != MAP_FAILED)) {
      std::copy(bytes.begin(), bytes.end(), static_cast<std::uint8_t*>(view));
      munmap(view, size);
      check(mmap(code, size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED);
    }
  }
  close(file);
  return code_of_error;
}

// Puts code into reserved pages: zero, or the error's number.
int fill(void* code, std::size_t size, std::span<const std::uint8_t> bytes,
         ExecutableMemory::Method method) {
  using Method = ExecutableMemory::Method;
  int error = EPERM;
  if (method != Method::memory_file) error = write_then_protect(code, size, bytes);
  if (method != Method::protect && (error == EACCES || error == EPERM))
    error = write_through_file(code, size, bytes);
  return error;
}

constexpr const char* kNoSpace = "no address space for code";
constexpr const char* kNoPages = "code memory";

}  // namespace

ExecutableMemory::ExecutableMemory(ExecutableMemory&& other) noexcept
    : code_(std::exchange(other.code_, nullptr)), size_(std::exchange(other.size_, 0)),
      arenas_(std::move(other.arenas_)), unwind_(std::move(other.unwind_)) {}

ExecutableMemory& ExecutableMemory::operator=(ExecutableMemory&& other) noexcept {
  std::swap(code_, other.code_);
  std::swap(size_, other.size_);
  std::swap(arenas_, other.arenas_);
  std::swap(unwind_, other.unwind_);
  return *this;
}

ExecutableMemory::~ExecutableMemory() {
  if (code_ == nullptr) return;
  unwind_.reset();
  if (arenas_)
    arenas_->give_back(code_, size_);
  else
    release(code_, size_);
}

Result<ExecutableMemory> ExecutableMemory::map(std::span<const std::uint8_t> bytes, Method method) {
  const std::size_t size = pages_of(bytes.size()) * page_size();
  void* code = reserve(size);
  if (code == nullptr) return failure(kNoSpace, errno);
  ExecutableMemory memory(code, size, nullptr);
  const int error = fill(code, size, bytes, method);
  if (error != 0) return failure(kNoPages, error);
  return memory;
}

struct CodeArenas::Arena {
  static constexpr std::size_t kPages = 64;

  struct Pages {
    char* begin = static_cast<char*>(reserve(size()));

    Pages() = default;
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;
    ~Pages() {
      if (begin != nullptr) release(begin, size());
    }
  };

  Pages pages;                                         // may be none
  std::atomic<std::uint64_t> free{~std::uint64_t{0}};  // a bit a page
  UnwindTable unwind{pages.begin, kPages, page_size()};
  Arena* older = nullptr;

  [[nodiscard]] static std::size_t size() { return kPages * page_size(); }
  [[nodiscard]] std::size_t page_of(const void* code) const {
    return static_cast<std::size_t>(static_cast<const char*>(code) - pages.begin) / page_size();
  }

  // The first of so many pages in a row, which are the caller's then; null where there are none.
  char* take(std::size_t count) {
    const std::uint64_t run = (std::uint64_t{1} << count) - 1;
    std::uint64_t seen = free.load(std::memory_order_relaxed);
    while (true) {
      std::uint64_t starts = seen;
      for (std::size_t i = 1; i < count; ++i) starts &= seen >> i;
      if (starts == 0) return nullptr;
      const auto first = static_cast<unsigned>(std::countr_zero(starts));
      // What was done to them before they were free is done.
      if (free.compare_exchange_weak(seen, seen & ~(run << first), std::memory_order_acquire,
                                     std::memory_order_relaxed))
        return pages.begin + first * page_size();
    }
  }
};

CodeArenas::~CodeArenas() {
  for (Arena* arena = newest_.load(std::memory_order_acquire); arena != nullptr;)
    delete std::exchange(arena, arena->older);
}

CodeArenas::Place CodeArenas::take(std::size_t pages) {
  for (Arena* arena = newest_.load(std::memory_order_acquire); arena != nullptr;
       arena = arena->older)
    if (char* code = arena->take(pages)) return {code, arena};
  auto fresh = std::make_unique<Arena>();
  if (fresh->pages.begin == nullptr) return {};
  char* code = fresh->take(pages);
  Arena* arena = fresh.release();
  arena->older = newest_.load(std::memory_order_relaxed);
  while (!newest_.compare_exchange_weak(arena->older, arena, std::memory_order_release,
                                        std::memory_order_relaxed)) {
  }
  return {code, arena};
}

// New pages without access in the place of those there: pages that can't be had stay taken.
void CodeArenas::give_back(void* code, std::size_t size) const {
  if (mmap(code, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
    return;
  const std::uint64_t run = (std::uint64_t{1} << size / page_size()) - 1;
  for (Arena* arena = newest_.load(std::memory_order_acquire); arena != nullptr;
       arena = arena->older) {
    if (code < arena->pages.begin || code >= arena->pages.begin + Arena::size()) continue;
    arena->free.fetch_or(run << arena->page_of(code), std::memory_order_release);
    return;
  }
}

Result<ExecutableMemory> CodeArenas::map(const CodeObject& code, Method method) {
  constexpr std::size_t kMostPages = Arena::kPages / 4;
  const std::size_t pages = pages_of(code.bytes.size());
  if (pages > kMostPages) {
    auto own = ExecutableMemory::map(code.bytes, method);
    if (!own.ok()) return own.error();
    own->unwind_ = std::make_unique<UnwindTable>(own->entry(), pages, page_size());
    own->unwind_->describe(0, pages, code.frame);
    return own;
  }
  const Place place = take(pages);
  if (place.code == nullptr) return failure(kNoSpace, errno);
  ExecutableMemory memory(place.code, pages * page_size(), shared_from_this());
  const int error = fill(place.code, memory.size_, code.bytes, method);
  if (error != 0) return failure(kNoPages, error);
  place.arena->unwind.describe(place.arena->page_of(place.code), pages, code.frame);
  return memory;
}

}  // namespace sluice::object
