#include "compiler/backend/llvm/emit.hpp"

#include <utility>

#include <llvm/IR/LLVMContext.h>

#include "compiler/backend/llvm/link.hpp"
#include "compiler/backend/llvm/machine.hpp"
#include "compiler/backend/llvm/translate.hpp"

namespace sluice::llvm_backend {
namespace {

bool is_v4(const Target& target) { return target.level == Level::x86_64_v4; }

// As they are made ahead of time too.
const object::AheadTarget& machine_of(const Target& target) {
  return *object::find_ahead_target(to_string(Target{target.level}));
}

}  // namespace

Result<object::CodeObject> emit(const schedule::ElementProgram& program, const Target& target) {
  llvm::LLVMContext context;
  llvm::Module module(program.name, context);
  const object::AheadTarget& here = machine_of(target);
  if (Outcome done = translate(program, {.target = here}, module); !done.ok()) return done.error();
  auto machine = make_machine(here);
  if (!machine.ok()) return machine.error();
  auto file = object_file(module, **machine);
  if (!file.ok()) return file.error();
  auto code = link(*file);
  if (code.ok()) code->name = program.name + (is_v4(target) ? ".llvm.v4[n]" : ".llvm.v3[n]");
  return code;
}

}  // namespace sluice::llvm_backend
