// x86-64 code for a scheduled program: AVX2 with FMA for x86-64-v3, AVX-512 for x86-64-v4.
#pragma once

#include <sluice/status.hpp>

#include "compiler/object/code_object.hpp"
#include "compiler/schedule/byte_map.hpp"
#include "compiler/schedule/element_program.hpp"
#include "support/target.hpp"

namespace sluice::x64 {

struct EmitOptions {
  bool annotate = false;  // note what stands where, for a listing; costs time
};

// The code is a schedule::KernelEntry. Runs on any host; the result needs a processor of the
// target.
[[nodiscard]] Result<object::CodeObject> emit(const schedule::ElementProgram& program,
                                              const Target& target, EmitOptions options = {});
// The same for a table.
[[nodiscard]] Result<object::CodeObject> emit(const schedule::ByteMap& map, const Target& target);

}  // namespace sluice::x64
