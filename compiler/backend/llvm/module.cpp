// The module's one symbol.
#include "compiler/backend/llvm/emit.hpp"
#include "compiler/object/llvm_module.hpp"
#include "support/build_digest.hpp"

extern "C" __attribute__((visibility("default"))) const sluice::object::LlvmModule*
sluice_llvm_module() {
  static const sluice::object::LlvmModule kModule{
      sluice::build_digest(), &sluice::llvm_backend::emit, &sluice::llvm_backend::show};
  return &kModule;
}
