// An object file of one function as code that may lie anywhere: its sections one behind the other,
// references between them resolved, none to the outside.
#pragma once

#include <string_view>

#include <sluice/status.hpp>

#include "compiler/object/code_object.hpp"

namespace sluice::llvm_backend {

// `object`: ELF for x86-64, the entry the first thing in its text. `unsupported` where it calls
// what it does not hold.
[[nodiscard]] Result<object::CodeObject> link(std::string_view object);

}  // namespace sluice::llvm_backend
