#include "compiler/backend/llvm/machine.hpp"

#include <mutex>

#include <llvm/IR/LegacyPassManager.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>

namespace sluice::llvm_backend {
namespace {

void initialize() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
  });
}

Result<std::string> code(llvm::Module& module, llvm::TargetMachine& machine,
                         llvm::CodeGenFileType kind) {
  module.setTargetTriple(machine.getTargetTriple().str());
  module.setDataLayout(machine.createDataLayout());
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, kind))
    return Error{Status::unavailable, "LLVM writes no such files for this machine"};
  passes.run(module);
  return std::string(bytes.data(), bytes.size());
}

}  // namespace

Result<std::unique_ptr<llvm::TargetMachine>> make_machine(const object::AheadTarget& target) {
  const std::string triple(target.triple);
  initialize();
  std::string message;
  const llvm::Target* const found = llvm::TargetRegistry::lookupTarget(triple, message);
  if (found == nullptr) return Error{Status::unavailable, "LLVM: " + message};
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  options.MCOptions.ABIName = std::string(target.abi);
  std::unique_ptr<llvm::TargetMachine> machine(found->createTargetMachine(
      triple, std::string(target.cpu), std::string(target.features), options,
      target.is_wasm() ? llvm::Reloc::Static : llvm::Reloc::PIC_,
      target.is_x86() ? std::optional(llvm::CodeModel::Small) : std::nullopt,
      llvm::CodeGenOptLevel::Default));
  if (machine == nullptr) return Error{Status::unavailable, "LLVM makes no code for " + triple};
  return machine;
}

Result<std::string> object_file(llvm::Module& module, llvm::TargetMachine& machine) {
  return code(module, machine, llvm::CodeGenFileType::ObjectFile);
}

Result<std::string> assembly(llvm::Module& module, llvm::TargetMachine& machine) {
  return code(module, machine, llvm::CodeGenFileType::AssemblyFile);
}

}  // namespace sluice::llvm_backend
