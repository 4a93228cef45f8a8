// Machine code as text, for `sluice show --emit asm`.
#pragma once

#include <string>

#include "compiler/object/code_object.hpp"

namespace sluice::tools {

// One line an instruction, "offset  text" in Intel's syntax, jump targets as offsets; above an
// instruction the annotations that stand there, as comments; after the code the constants' size.
[[nodiscard]] std::string disassemble(const object::CodeObject& code);

}  // namespace sluice::tools
