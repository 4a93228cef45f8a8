// Kernels that map bytes to bytes by a table in registers.
#pragma once

#include "compiler/object/code_object.hpp"
#include "compiler/schedule/byte_map.hpp"
#include "support/target.hpp"

namespace sluice::x64 {

// The kernel's code and then its table, for a target that has a level. xbyak's exceptions pass.
[[nodiscard]] object::CodeObject write_byte_map(const schedule::ByteMap& map, const Target& target);

}  // namespace sluice::x64
