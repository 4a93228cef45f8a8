// What is done while calls fail: each case is a whole life, from a runtime's making to its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <sluice/row_state.h>

namespace faults {

// What a case computed, as a number: the bits of all results.
class Bits {
 public:
  void add(const void* results, std::size_t size) {
    const auto* const bytes = static_cast<const unsigned char*>(results);
    for (std::size_t i = 0; i < size; ++i) sum_ = (sum_ ^ bytes[i]) * 0x100000001b3;  // FNV-1a
  }
  [[nodiscard]] std::uint64_t sum() const { return sum_; }

 private:
  std::uint64_t sum_ = 0xcbf29ce484222325;
};

struct Case {
  const char* name;
  sluice_status (*run)(Bits& bits);
  // Each attempt in a process of its own: there is something that a process does once.
  bool in_child = false;
  // Memory is refused to the library alone, and not where others of the process would have it.
  bool memory = true;
  // What it may end in where files fail; whatever is not its business to read is done without.
  sluice_status files = SLUICE_OK;
};

std::span<const Case> compile_cases();
std::span<const Case> disk_cases();
std::span<const Case> interface_cases();

// A folder of the test's own, for disk stores and files. What one attempt leaves for the next is
// there, but for what before_attempt() removes.
const char* folder();
void before_attempt();
void remove_folder();

// A handle of the C interface, given back at the end of a scope.
template <typename T, void (*give_back)(T*)>
class Handle {
 public:
  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { give_back(handle_); }
  T** place() { return &handle_; }
  operator T*() const { return handle_; }

 private:
  T* handle_ = nullptr;
};
using Runtime = Handle<sluice_runtime, sluice_runtime_destroy>;
using Program = Handle<sluice_program, sluice_program_release>;
using Key = Handle<sluice_key, sluice_key_release>;
using Kernel = Handle<sluice_kernel, sluice_kernel_release>;
using StateKernel = Handle<sluice_state_kernel, sluice_state_kernel_release>;
using RowState = Handle<sluice_row_state, sluice_row_state_destroy>;
using Text = Handle<char, sluice_text_release>;

// The first status that is not SLUICE_OK ends a case.
#define SLUICE_TRY(call)                                                                           \
  if (const sluice_status tried = (call); tried != SLUICE_OK) return tried

// A spec of f32 operands of one shape, by place.
class Spec {
 public:
  Spec(const char* function, sluice_pass pass, std::span<const std::int64_t> shape);
  Spec(const Spec&) = delete;
  Spec& operator=(const Spec&) = delete;
  operator const sluice_spec*() const { return &spec_; }
  sluice_spec* operator->() { return &spec_; }
  [[nodiscard]] std::size_t count() const { return spec_.operand_count; }

 private:
  sluice_operand operands_[3];
  sluice_spec spec_;
};

// Compiles, calls with numbers of the test's own in the shape of the spec, and adds the results.
sluice_status compile_and_call(sluice_runtime* runtime, const Spec& spec, Bits& bits);
sluice_status call(const sluice_kernel* kernel, const Spec& spec, Bits& bits);

}  // namespace faults
