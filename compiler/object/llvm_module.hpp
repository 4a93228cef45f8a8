// What the LLVM back end's module gives to those who load it. The library itself neither includes
// nor links LLVM; the module holds both the back end and what it needs of the library.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <sluice/status.hpp>

#include "compiler/object/ahead.hpp"
#include "compiler/object/code_object.hpp"
#include "compiler/schedule/element_program.hpp"
#include "support/target.hpp"

namespace sluice::object {

struct LlvmModule {
  // build_digest() of the module, which is used by its own build alone.
  std::string_view build;
  // Code for this machine, of the target's level.
  Result<CodeObject> (*emit)(const schedule::ElementProgram& program, const Target& target);
  // A static library for one architecture: the functions, and `int PREFIX_available(void)`, which
  // is 0 where the processor has none of the targets. `targets`: the lowest first.
  Result<std::string> (*archive)(std::span<const AheadFunction> functions,
                                 std::span<const AheadTarget> targets, const std::string& prefix);
  // The functions as one module of assembly, of a GPU as PTX.
  Result<std::string> (*assembly)(std::span<const AheadFunction> functions,
                                  const AheadTarget& target);
  // The same as LLVM IR.
  Result<std::string> (*ir)(std::span<const AheadFunction> functions, const AheadTarget& target);
};

// Of the module, under the name kLlvmModuleSymbol.
using LlvmModuleEntry = const LlvmModule* (*)();
inline constexpr const char* kLlvmModuleSymbol = "sluice_llvm_module";
inline constexpr const char* kLlvmModuleFile = "libsluice_llvm.so";

}  // namespace sluice::object
