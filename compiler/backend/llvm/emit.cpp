#include "compiler/backend/llvm/emit.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <llvm/IR/LegacyPassManager.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

#include "compiler/backend/llvm/link.hpp"
#include "compiler/backend/llvm/translate.hpp"

namespace sluice::llvm_backend {
namespace {

void initialize() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
}

struct Cpu {
  const char* name;
  unsigned vector_bytes;
};

Cpu cpu_of(const Target& target) {
  return target.level == Level::x86_64_v4 ? Cpu{"x86-64-v4", 64} : Cpu{"x86-64-v3", 32};
}

Result<std::unique_ptr<llvm::TargetMachine>> make_machine(const Cpu& cpu) {
  constexpr const char* kTriple = "x86_64-unknown-linux-gnu";
  initialize();
  std::string message;
  const llvm::Target* const found = llvm::TargetRegistry::lookupTarget(kTriple, message);
  if (found == nullptr) return Error{Status::unavailable, "LLVM: " + message};
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  std::unique_ptr<llvm::TargetMachine> machine(
      found->createTargetMachine(kTriple, cpu.name, "", options, llvm::Reloc::PIC_,
                                 llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
  if (machine == nullptr) return Error{Status::unavailable, "LLVM makes no code for this machine"};
  return machine;
}

}  // namespace

Result<object::CodeObject> emit(const schedule::ElementProgram& program, const Target& target) {
  const Cpu cpu = cpu_of(target);
  llvm::LLVMContext context;
  auto module = translate(program, cpu.vector_bytes, context);
  if (!module.ok()) return module.error();
  auto machine = make_machine(cpu);
  if (!machine.ok()) return machine.error();
  (*module)->setTargetTriple((*machine)->getTargetTriple().str());
  (*module)->setDataLayout((*machine)->createDataLayout());
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    return Error{Status::unavailable, "LLVM writes no object files for this machine"};
  passes.run(**module);
  auto code = link({object.data(), object.size()});
  if (code.ok())
    code->name = program.name + (target.level == Level::x86_64_v4 ? ".llvm.v4[n]" : ".llvm.v3[n]");
  return code;
}

Result<std::string> show(const schedule::ElementProgram& program, const Target& target) {
  llvm::LLVMContext context;
  auto module = translate(program, cpu_of(target).vector_bytes, context);
  if (!module.ok()) return module.error();
  std::string text;
  llvm::raw_string_ostream stream(text);
  (*module)->print(stream, nullptr);
  return text;
}

}  // namespace sluice::llvm_backend
