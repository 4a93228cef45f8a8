// What the back end's tests share: compiling a graph for a target, running it, and comparing every
// bit with the op table's meaning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "compiler/backend/x64/emit.hpp"
#include "compiler/object/executable_memory.hpp"
#include "compiler/schedule/element_program.hpp"
#include "support/target.hpp"

namespace sluice::x64::check {

// The targets that this processor runs. Those it lacks are named on standard output, once.
[[nodiscard]] const std::vector<Target>& targets();

struct Compiled {
  schedule::ElementProgram program;
  object::CodeObject code;
  object::ExecutableMemory memory;

  [[nodiscard]] schedule::KernelEntry entry() const;
};

// A kernel for a graph of inputs and outputs in the compute type. Fails the test where it can't be
// made.
[[nodiscard]] Compiled compile(const ir::Graph& graph, const Target& target,
                               std::int64_t stream_from = 0);

// n elements of every buffer, each between two pages that may not be touched: flush against the one
// behind, or, with `offset` bytes, that much after the one before. Bits are those of the compute
// type.
class GuardedBuffer {
 public:
  GuardedBuffer(std::size_t bytes, std::size_t offset_from_start, bool flush_end);
  GuardedBuffer(GuardedBuffer&& other) noexcept;
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;
  ~GuardedBuffer();
  [[nodiscard]] unsigned char* data() const { return data_; }

 private:
  void* base_ = nullptr;
  std::size_t mapped_ = 0;
  unsigned char* data_ = nullptr;
};

// Column i holds the bits of input i, one entry an element (one entry where the input is scalar).
using Columns = std::vector<std::vector<std::uint64_t>>;

struct Case {
  const ir::Graph* graph = nullptr;
  Columns inputs;
  std::vector<std::uint64_t> params;
  std::size_t count = 0;
  bool flush_end = true;
  std::size_t offset = 0;  // of buffers from the first page, when not flush with the end
  bool in_place = false;   // the first output is the first input's buffer
};

// Runs the kernel and compares; the text of the first difference, if any.
[[nodiscard]] std::optional<std::string> difference(const Compiled& compiled, const Case& test);

// A number for lanes of this type: special values, tiny and huge ones, near ones, any bits.
[[nodiscard]] std::uint64_t any_number(ir::Elem elem, std::mt19937_64& random);

}  // namespace sluice::x64::check
