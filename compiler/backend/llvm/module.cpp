// The module's one symbol.
#include "compiler/backend/llvm/ahead.hpp"
#include "compiler/backend/llvm/emit.hpp"
#include "compiler/object/llvm_module.hpp"
#include "support/build_digest.hpp"

extern "C" __attribute__((visibility("default"))) const sluice::object::LlvmModule*
sluice_llvm_module() {
  static const sluice::object::LlvmModule kModule{.build = sluice::build_digest(),
                                                  .emit = &sluice::llvm_backend::emit,
                                                  .archive = &sluice::llvm_backend::archive,
                                                  .assembly = &sluice::llvm_backend::assembly_of,
                                                  .ir = &sluice::llvm_backend::ir_of};
  return &kModule;
}
