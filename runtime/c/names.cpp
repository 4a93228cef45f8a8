// Statuses, messages and names of the C interface.
#include <algorithm>
#include <cstdlib>
#include <new>

#include <sluice/dtype.hpp>
#include <sluice/pass.hpp>
#include <sluice/spec.hpp>

#include "compiler/driver/llvm.hpp"
#include "runtime/c/boundary.hpp"
#include "support/target.hpp"

namespace sluice::c {
namespace {

// What stands in a C enumeration is the C++ one's number, of statuses after SLUICE_OK.
static_assert(SLUICE_INVALID_SOURCE == static_cast<int>(Status::invalid_source) + 1);
static_assert(SLUICE_IO_ERROR == static_cast<int>(Status::io_error) + 1);
static_assert(SLUICE_BOOL == static_cast<int>(Dtype::boolean));
static_assert(SLUICE_FORWARD_BACKWARD == static_cast<int>(Pass::forward_backward));
static_assert(SLUICE_RUNG_INTERPRETER == static_cast<int>(Rung::interpreter));
static_assert(SLUICE_SAVED_AUTO == static_cast<int>(Saved::automatic));
static_assert(SLUICE_REDUCTION_MEAN == static_cast<int>(Reduction::mean));
static_assert(SLUICE_EMPTY_ZERO == static_cast<int>(Empty::zero));

struct Message {
  std::string text;
  const char* shown = "";
};
thread_local Message last_message;

// Names are literals, and so end in a zero.
const char* text_of(std::string_view literal) { return literal.data(); }

// Not where there is no memory to look for it, either.
bool has_llvm() noexcept {
  try {
    return driver::llvm().ok();
  } catch (const std::bad_alloc&) {
    return false;
  }
}

bool is_one_of(std::int32_t number, std::int32_t greatest) {
  return number >= 0 && number <= greatest;
}

}  // namespace

sluice_status fail(Status status, std::string_view message) noexcept {
  try {
    last_message.text = message;
    last_message.shown = last_message.text.c_str();
  } catch (...) {
    last_message.shown = "out of memory, for the message too";
  }
  return static_cast<sluice_status>(status) + 1;
}

Outcome copy_known(void* known, std::size_t known_size, const void* given, std::size_t size,
                   const char* what) {
  std::memcpy(known, given, std::min(size, known_size));
  const auto* bytes = static_cast<const unsigned char*>(given);
  for (std::size_t i = known_size; i < size; ++i)
    if (bytes[i] != 0)
      return Error{Status::unsupported, std::string(what) +
                                            " sets a field that this library, version " +
                                            SLUICE_VERSION + ", does not know"};
  return Unit{};
}

Outcome give_text(char** out, std::string_view text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  *out = copy;
  return Unit{};
}

std::optional<Dtype> dtype_of(sluice_dtype number) {
  if (!is_one_of(number, SLUICE_BOOL)) return std::nullopt;
  return static_cast<Dtype>(number);
}

}  // namespace sluice::c

using namespace sluice;

extern "C" {

const char* sluice_status_name(sluice_status status) {
  if (status == SLUICE_OK) return "ok";
  if (!c::is_one_of(status, SLUICE_IO_ERROR)) return "unknown status";
  return c::text_of(name(static_cast<Status>(status - 1)));
}

const char* sluice_message(void) { return c::last_message.shown; }

const char* sluice_version(void) { return SLUICE_VERSION; }

const char* sluice_host_target(void) {
  const char* target = nullptr;
  (void)c::guarded([&]() -> Outcome {
    static const std::string text = to_string(host_target());
    target = text.c_str();
    return Unit{};
  });
  return target;
}

int32_t sluice_rung_available(sluice_rung rung) {
  if (rung == SLUICE_RUNG_X64)
    return SLUICE_HAVE_X64 != 0 && host_target().level != Level::interpreter ? 1 : 0;
  if (rung == SLUICE_RUNG_LLVM)
    return c::has_llvm() && host_target().level != Level::interpreter ? 1 : 0;
  return rung == SLUICE_RUNG_INTERPRETER ? 1 : 0;
}

const char* sluice_dtype_name(sluice_dtype dtype) {
  const auto known = c::dtype_of(dtype);
  return known ? c::text_of(name(*known)) : nullptr;
}

size_t sluice_dtype_size(sluice_dtype dtype) {
  const auto known = c::dtype_of(dtype);
  return known ? size_of(*known) : 0;
}

sluice_status sluice_dtype_from_name(const char* name, sluice_dtype* dtype) {
  return c::guarded([&]() -> Outcome {
    if (name == nullptr) return c::null("the name");
    if (dtype == nullptr) return c::null("the place for the element type");
    const auto known = dtype_from_name(name);
    if (!known)
      return Error{Status::unknown_name, "there is no element type '" + std::string(name) + "'"};
    *dtype = static_cast<sluice_dtype>(*known);
    return Unit{};
  });
}

const char* sluice_pass_name(sluice_pass pass) {
  if (!c::is_one_of(pass, SLUICE_FORWARD_BACKWARD)) return nullptr;
  return c::text_of(name(static_cast<Pass>(pass)));
}

const char* sluice_rung_name(sluice_rung rung) {
  if (!c::is_one_of(rung, SLUICE_RUNG_INTERPRETER)) return nullptr;
  return c::text_of(name(static_cast<Rung>(rung)));
}

void sluice_text_release(char* text) { std::free(text); }

}  // extern "C"
