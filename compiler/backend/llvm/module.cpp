// The module's one symbol.
#include "compiler/backend/llvm/emit.hpp"
#include "compiler/object/llvm_module.hpp"

extern "C" __attribute__((visibility("default"))) const sluice::object::LlvmModule*
sluice_llvm_module() {
  static constexpr sluice::object::LlvmModule kModule{.emit = &sluice::llvm_backend::emit,
                                                      .show = &sluice::llvm_backend::show};
  return &kModule;
}
