// x86-64 code for a scheduled program: AVX2 with FMA for x86-64-v3, AVX-512 for x86-64-v4.
#pragma once

#include <sluice/status.hpp>

#include "compiler/object/code_object.hpp"
#include "compiler/schedule/byte_map.hpp"
#include "compiler/schedule/element_program.hpp"
#include "compiler/schedule/row_program.hpp"
#include "support/target.hpp"

namespace sluice::x64 {

struct EmitOptions {
  bool annotate = false;  // note what stands where, for a listing; costs time
};

// The code is a schedule::KernelEntry. Runs on any host; the result needs a processor of the
// target.
[[nodiscard]] Result<object::CodeObject> emit(const schedule::ElementProgram& program,
                                              const Target& target, EmitOptions options = {});
// Which rows the code is for.
struct RowForm {
  std::int64_t columns = 0;  // exactly, in registers; 0: any number up to a block, in sweeps
  bool across = false;       // any number, in rows that lie next to each other
};
// The same of rows: the code is a schedule::RowEntry. `unsupported` and `limit_exceeded` where that
// cannot be done; other kernels may do.
[[nodiscard]] Result<object::CodeObject> emit(const schedule::RowProgram& program,
                                              const RowForm& form, const Target& target);
// The same for a table.
[[nodiscard]] Result<object::CodeObject> emit(const schedule::ByteMap& map, const Target& target);

}  // namespace sluice::x64
