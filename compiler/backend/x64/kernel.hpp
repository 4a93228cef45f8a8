// The kernel around the blocks: entry, loops, tail, streaming and exit.
#pragma once

#include <cstdint>

#include "compiler/backend/x64/allocate.hpp"
#include "compiler/backend/x64/select.hpp"
#include "compiler/object/code_object.hpp"
#include "compiler/schedule/element_program.hpp"

namespace sluice::x64 {

// The blocks of a kernel, allocated.
struct Blocks {
  Allocation once;
  Allocation loop;                  // `copies` vectors at a time
  Allocation tail;                  // one vector, or what is left of one
  std::vector<std::int8_t> pinned;  // registers of invariants during the loop
  int copies = 1;
  bool pairs = false;  // the loop's vectors are pairs of bf16 (select.hpp)
};

// Adds to the pool what the kernel itself needs, and writes the kernel: the code and then the pool.
[[nodiscard]] object::CodeObject write_kernel(const schedule::ElementProgram& program,
                                              Machine machine, Selection& selection,
                                              const Blocks& blocks, bool annotate);

}  // namespace sluice::x64
