// Mapping of code: pages are written while not executable and executed while not writable.
#include "compiler/object/executable_memory.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace sluice::object {
namespace {

std::size_t page_size() {
  return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

Error failure(const char* what, int code) {
  const bool memory = code == ENOMEM || code == EAGAIN || code == EMFILE || code == ENFILE;
  std::string message(what);
  message.append(": ").append(std::strerror(code));
  if (!memory) message.append("; this system forbids code made at run time");
  return {memory ? Status::out_of_memory : Status::denied, std::move(message)};
}

// Address space of one mapping: a guard page, the code's pages, a guard page.
struct Reservation {
  void* base = MAP_FAILED;
  std::size_t size = 0;

  explicit Reservation(std::size_t code_size)
      : base(mmap(nullptr, code_size + 2 * page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                  0)),
        size(code_size + 2 * page_size()) {}
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  ~Reservation() {
    if (base != MAP_FAILED) munmap(base, size);
  }

  [[nodiscard]] bool ok() const { return base != MAP_FAILED; }
  [[nodiscard]] void* code() const { return static_cast<char*>(base) + page_size(); }
  void* release() { return std::exchange(base, MAP_FAILED); }
};

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

bool forbidden(int code) { return code == EACCES || code == EPERM; }

}  // namespace

ExecutableMemory::ExecutableMemory(void* base, std::size_t reserved, const void* code,
                                   std::size_t mapped)
    : base_(base), reserved_(reserved), code_(code), mapped_bytes_(mapped) {}

ExecutableMemory::ExecutableMemory(ExecutableMemory&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), reserved_(std::exchange(other.reserved_, 0)),
      code_(std::exchange(other.code_, nullptr)),
      mapped_bytes_(std::exchange(other.mapped_bytes_, 0)) {}

ExecutableMemory& ExecutableMemory::operator=(ExecutableMemory&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(reserved_, other.reserved_);
  std::swap(code_, other.code_);
  std::swap(mapped_bytes_, other.mapped_bytes_);
  return *this;
}

ExecutableMemory::~ExecutableMemory() {
  if (base_ != nullptr) munmap(base_, reserved_);
}

Result<ExecutableMemory> ExecutableMemory::map(std::span<const std::uint8_t> bytes, Method method) {
  const std::size_t page = page_size();
  const std::size_t size = bytes.empty() ? page : (bytes.size() + page - 1) / page * page;
  Reservation reservation(size);
  if (!reservation.ok()) return failure("no address space for code", errno);
  int error = EPERM;
  if (method != Method::memory_file) error = write_then_protect(reservation.code(), size, bytes);
  if (method != Method::protect && forbidden(error))
    error = write_through_file(reservation.code(), size, bytes);
  if (error != 0) return failure("code memory", error);
  const void* code = reservation.code();
  const std::size_t reserved = reservation.size;
  return ExecutableMemory(reservation.release(), reserved, code, size);
}

}  // namespace sluice::object
