// The boundary between the C interface and the C++ behind it: statuses with a message for the
// calling thread, structures of any version, handles. No exception passes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sluice/kernel.hpp>
#include <sluice/runtime.hpp>
#include <sluice/sluice.h>
#include <sluice/status.hpp>

// A runtime of the caller's own, or the process's.
struct sluice_runtime {
  explicit sluice_runtime(const sluice::RuntimeOptions& options)
      : own(std::in_place, options), runtime(*own) {}
  explicit sluice_runtime(sluice::Runtime& shared) : runtime(shared) {}

  std::optional<sluice::Runtime> own;
  sluice::Runtime& runtime;
};

namespace sluice::c {

// Leaves a message for the calling thread; where there is no memory for it, one that says so.
sluice_status fail(Status status, std::string_view message) noexcept;
inline sluice_status fail(const Error& error) noexcept { return fail(error.status, error.message); }

// SLUICE_OK or the failure of `body`, a function without arguments that gives an Outcome.
template <typename Body>
sluice_status guarded(Body&& body) noexcept {
  try {
    const Outcome outcome = body();
    return outcome.ok() ? sluice_status{SLUICE_OK} : fail(outcome.error());
  } catch (const std::bad_alloc&) {
    return fail(Status::out_of_memory, "out of memory");
  } catch (const std::length_error&) {
    return fail(Status::limit_exceeded, "a list or a text is longer than memory can be");
  } catch (...) {
    return fail(Status::invalid_argument, "an exception left a function that the caller handed in");
  }
}

inline Error null(const char* what) {
  return {Status::invalid_argument, std::string(what) + " is NULL"};
}

// Copies what this version knows of a structure of `size` bytes; what a newer caller has beyond
// must be zero, the default.
Outcome copy_known(void* known, std::size_t known_size, const void* given, std::size_t size,
                   const char* what);

// The size of a structure up to and with a field: of the last one of its first version.
#define SLUICE_SIZE_UP_TO(type, field) (offsetof(type, field) + sizeof(type::field))

// A structure that begins with its size, as this version knows it: what an older caller's lacks has
// the value of `defaults`. `first_size` is that of the structure's first version.
template <typename T>
Result<T> read(const T* given, const T& defaults, std::size_t first_size, const char* what) {
  if (given == nullptr) return defaults;
  const std::size_t size = given->size;
  if (size < first_size)
    return Error{Status::invalid_argument, std::string(what) + " has the size " +
                                               std::to_string(size) +
                                               ": set it to the structure's sizeof"};
  T known = defaults;
  if (Outcome ok = copy_known(&known, sizeof(T), given, size, what); !ok.ok()) return ok.error();
  return known;
}

// Fills a caller's structure as far as it reaches; of a newer caller's, the rest is zero.
template <typename T>
Outcome give(T* out, T value, const char* what) {
  if (out == nullptr) return null(what);
  const std::size_t size = out->size;
  if (size < sizeof(std::size_t))
    return Error{Status::invalid_argument,
                 std::string(what) + " has no size: set it to the structure's sizeof"};
  value.size = size;
  std::memcpy(out, &value, size < sizeof(T) ? size : sizeof(T));
  if (size > sizeof(T))
    std::memset(reinterpret_cast<unsigned char*>(out) + sizeof(T), 0, size - sizeof(T));
  return Unit{};
}

// A copy for the caller, for sluice_text_release().
Outcome give_text(char** out, std::string_view text);

// The element type of a caller's number, if it is one.
[[nodiscard]] std::optional<Dtype> dtype_of(sluice_dtype number);

// Handles that are the C++ objects themselves.
inline const Kernel& of(const sluice_kernel* kernel) {
  return *reinterpret_cast<const Kernel*>(kernel);
}
inline const sluice_kernel* handle(const Kernel* kernel) {
  return reinterpret_cast<const sluice_kernel*>(kernel);
}
inline const Key& of(const sluice_key* key) { return *reinterpret_cast<const Key*>(key); }

// A new handle for the caller.
inline Outcome give_kernel(sluice_kernel** out, const Result<Kernel>& kernel) {
  if (!kernel.ok()) return kernel.error();
  *out = reinterpret_cast<sluice_kernel*>(new Kernel(*kernel));
  return Unit{};
}

}  // namespace sluice::c
