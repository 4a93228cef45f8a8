// The LLVM back end where this installation has it: a module that is loaded when it is first asked
// for.
#pragma once

#include <sluice/status.hpp>

#include "compiler/object/llvm_module.hpp"

namespace sluice::driver {

// `unavailable`, with what to do, where there is no module or one of another build. The file is
// what the environment variable SLUICE_LLVM_MODULE names, else the one beside the library, else
// what the system's loader finds.
[[nodiscard]] Result<const object::LlvmModule*> llvm();

}  // namespace sluice::driver
