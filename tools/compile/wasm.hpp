// A library made ahead of time as a module of WebAssembly, and as one of JavaScript that calls it.
#pragma once

#include <string>

#include <sluice/status.hpp>

#include "tools/compile/library.hpp"

namespace sluice::tools {

// A module that imports nothing and exports the functions of the archive, `memory` and
// `__heap_base`, where what is free of it begins. Errors: `unavailable` where there is no wasm-ld.
[[nodiscard]] Result<std::string> wasm_module(const AheadLibrary& library,
                                              const std::string& archive);

// NAME.mjs: `instantiate(bytes)` gives the functions, of typed arrays.
[[nodiscard]] std::string script_text(const AheadLibrary& library);

}  // namespace sluice::tools
