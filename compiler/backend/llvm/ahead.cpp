#include "compiler/backend/llvm/ahead.hpp"

#include <utility>
#include <vector>

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/Object/ArchiveWriter.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/raw_ostream.h>

#include "compiler/backend/llvm/machine.hpp"
#include "compiler/backend/llvm/translate.hpp"
#include "compiler/backend/llvm/translate_rows.hpp"

namespace sluice::llvm_backend {
namespace {

using llvm::Value;
using object::AheadFunction;
using object::AheadTarget;

FunctionForm form_of(std::string symbol, const AheadTarget& target) {
  return {std::move(symbol), true, target};
}

// The code of one target among several is internal to the library.
std::string symbol_of(const AheadFunction& function, const AheadTarget& target) {
  std::string symbol = function.symbol + "__";
  for (const char c : target.name) symbol += c == '-' || c == '+' ? '_' : c;
  return symbol;
}

Outcome translate_function(const AheadFunction& function, const FunctionForm& form,
                           llvm::Module& module) {
  return std::visit([&](const auto& program) { return translate(program, form, module); },
                    function.programs.at(form.target.family));
}

// What of the processor a library asks: whether it has a target, by the system's or its own word.
class Inquiry {
 public:
  explicit Inquiry(llvm::IRBuilder<>& build) : build_(build) {}

  // An i1.
  Value* has(const AheadTarget& target) {
    if (target.is_x86()) return has_leaves(*target.leaves);
    if (target.hwcap.bits == 0) return build_.getTrue();
    return has_bits(auxiliary(target.hwcap.kind), target.hwcap.bits);
  }

 private:
  enum Register : unsigned { eax, ebx, ecx, edx };

  Value* has_bits(Value* of, std::uint64_t bits) {
    Value* const mask = llvm::ConstantInt::get(of->getType(), bits);
    return build_.CreateICmpEQ(build_.CreateAnd(of, mask), mask);
  }

  Value* auxiliary(unsigned kind) {
    llvm::Module& module = *build_.GetInsertBlock()->getModule();
    llvm::Type* const word = build_.getInt64Ty();
    return build_.CreateCall(module.getOrInsertFunction("getauxval", word, word),
                             build_.getInt64(kind));
  }

  // A leaf beyond the greatest says what another has.
  Value* has_leaves(const CpuidLeaves& needed) {
    constexpr std::uint32_t kExtended = 0x80000000;
    constexpr std::uint64_t kOsxsave = 1u << 27;  // xgetbv is an instruction
    Value* const leaf1 = cpuid(1, ecx);
    Value* const basic =
        build_.CreateAnd({build_.CreateICmpUGT(cpuid(kExtended, eax), build_.getInt32(kExtended)),
                          has_bits(leaf1, needed.leaf1_ecx),
                          has_bits(cpuid(kExtended + 1, ecx), needed.extended1_ecx)});
    if (needed.leaf7_ebx == 0) return basic;
    Value* const all =
        build_.CreateAnd({basic, build_.CreateICmpUGE(cpuid(0, eax), build_.getInt32(7)),
                          has_bits(cpuid(7, ebx), needed.leaf7_ebx)});
    return build_.CreateAnd(all, saves_registers(needed.xcr0, has_bits(leaf1, kOsxsave)));
  }

  Value* cpuid(std::uint32_t leaf, Register which) {
    llvm::Type* const word = build_.getInt32Ty();
    auto* const result = llvm::StructType::get(word, word, word, word);
    auto* const type = llvm::FunctionType::get(result, {word, word}, false);
    auto* const code = llvm::InlineAsm::get(
        type, "cpuid", "={ax},={bx},={cx},={dx},{ax},{cx},~{dirflag},~{fpsr},~{flags}", false);
    return build_.CreateExtractValue(
        build_.CreateCall(type, code, {build_.getInt32(leaf), build_.getInt32(0)}), which);
  }

  Value* saves_registers(std::uint64_t bits, Value* may_ask) {
    llvm::LLVMContext& context = build_.getContext();
    llvm::BasicBlock* const before = build_.GetInsertBlock();
    auto* const ask = llvm::BasicBlock::Create(context, "ask", before->getParent());
    auto* const after = llvm::BasicBlock::Create(context, "after", before->getParent());
    build_.CreateCondBr(may_ask, ask, after);
    build_.SetInsertPoint(ask);
    llvm::Type* const word = build_.getInt32Ty();
    auto* const type = llvm::FunctionType::get(llvm::StructType::get(word, word), {word}, false);
    auto* const code =
        llvm::InlineAsm::get(type, "xgetbv", "={ax},={dx},{cx},~{dirflag},~{fpsr},~{flags}", false);
    Value* const state =
        build_.CreateExtractValue(build_.CreateCall(type, code, {build_.getInt32(0)}), 0);
    Value* const saved = has_bits(state, bits);
    build_.CreateBr(after);
    build_.SetInsertPoint(after);
    llvm::PHINode* const answer = build_.CreatePHI(build_.getInt1Ty(), 2);
    answer->addIncoming(build_.getFalse(), before);
    answer->addIncoming(saved, ask);
    return answer;
  }

  llvm::IRBuilder<>& build_;
};

class Archive {
 public:
  Archive(std::span<const AheadFunction> functions, std::span<const AheadTarget> targets,
          const std::string& prefix)
      : functions_(functions), targets_(targets), prefix_(prefix) {}

  Result<std::string> run() {
    for (const AheadTarget& target : targets_)
      if (Outcome done = add_code(target); !done.ok()) return done.error();
    if (Outcome done = add_choice(); !done.ok()) return done.error();
    std::vector<llvm::NewArchiveMember> members;
    for (const auto& [name, bytes] : files_) {
      llvm::NewArchiveMember& member = members.emplace_back(llvm::MemoryBufferRef(bytes, name));
      member.Perms = 0644;
    }
    auto archive = llvm::writeArchiveToBuffer(members, llvm::SymtabWritingMode::NormalSymtab,
                                              llvm::object::Archive::K_GNU, true, false);
    if (!archive) return Error{Status::io_error, "LLVM: " + llvm::toString(archive.takeError())};
    return (*archive)->getBuffer().str();
  }

 private:
  [[nodiscard]] bool chooses() const { return targets_.size() > 1; }

  Outcome add_code(const AheadTarget& target) {
    llvm::LLVMContext context;
    llvm::Module module(prefix_, context);
    for (const AheadFunction& function : functions_) {
      const std::string symbol = chooses() ? symbol_of(function, target) : function.symbol;
      if (Outcome done = translate_function(function, form_of(symbol, target), module); !done.ok())
        return done;
      if (chooses()) module.getFunction(symbol)->setVisibility(llvm::GlobalValue::HiddenVisibility);
    }
    return add_file(module, target, std::string(target.name) + ".o");
  }

  // Code that every processor of the architecture runs.
  Outcome add_choice() {
    llvm::LLVMContext context;
    llvm::Module module(prefix_, context);
    llvm::IRBuilder<> build(context);
    llvm::Function* const level = write_level(module, build);
    write_available(module, build, level);
    for (const AheadFunction& function : functions_) {
      if (chooses()) write_choice(module, build, function, level);
      write_workspace(module, build, function);
    }
    AheadTarget plain = targets_.front();
    plain.cpu = plain.is_x86() ? "x86-64" : plain.cpu;
    plain.features = plain.plain_features;
    return add_file(module, plain, "choice.o");
  }

  // One more than the index of the highest target that the processor has, or 1 where it has none;
  // asked once, and by several threads at once with the same answer.
  llvm::Function* write_level(llvm::Module& module, llvm::IRBuilder<>& build) {
    llvm::Type* const word = build.getInt32Ty();
    auto* const known = new llvm::GlobalVariable(
        module, word, false, llvm::GlobalValue::InternalLinkage, build.getInt32(0), "known");
    llvm::Function* const level = begin(module, build, "level", word, {});
    level->setLinkage(llvm::GlobalValue::InternalLinkage);
    const auto atomic = [](auto* access) {
      access->setAtomic(llvm::AtomicOrdering::Monotonic);
      access->setAlignment(llvm::Align(4));
      return access;
    };
    auto* const ask = llvm::BasicBlock::Create(module.getContext(), "ask", level);
    auto* const found = llvm::BasicBlock::Create(module.getContext(), "found", level);
    Value* const last = atomic(build.CreateLoad(word, known));
    build.CreateCondBr(build.CreateICmpEQ(last, build.getInt32(0)), ask, found);
    build.SetInsertPoint(ask);
    Value* answer = build.getInt32(1);
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      Value* const has = Inquiry(build).has(targets_[i]);
      answer = build.CreateSelect(has, build.getInt32(static_cast<std::uint32_t>(i) + 2), answer);
    }
    atomic(build.CreateStore(answer, known));
    build.CreateRet(answer);
    build.SetInsertPoint(found);
    build.CreateRet(last);
    return level;
  }

  void write_available(llvm::Module& module, llvm::IRBuilder<>& build, llvm::Function* level) {
    begin(module, build, prefix_ + "_available", build.getInt32Ty(), {});
    build.CreateRet(build.CreateZExt(
        build.CreateICmpUGT(build.CreateCall(level), build.getInt32(1)), build.getInt32Ty()));
  }

  // Of a processor that has none the lowest, which stops at its first instruction.
  void write_choice(llvm::Module& module, llvm::IRBuilder<>& build, const AheadFunction& function,
                    llvm::Function* level) {
    llvm::LLVMContext& context = module.getContext();
    // Its own translation knows the type.
    llvm::Module typed("typed", context);
    static_cast<void>(
        translate_function(function, form_of(function.symbol, targets_.front()), typed));
    llvm::FunctionType* const type = typed.getFunction(function.symbol)->getFunctionType();
    llvm::Function* const choice =
        begin(module, build, function.symbol, type->getReturnType(), type->params());
    std::vector<Value*> arguments;
    for (llvm::Argument& argument : choice->args()) arguments.push_back(&argument);
    Value* const which = build.CreateCall(level);
    auto* const otherwise = llvm::BasicBlock::Create(context, "otherwise", choice);
    llvm::SwitchInst* const choose = build.CreateSwitch(which, otherwise);
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      llvm::BasicBlock* block = otherwise;
      if (i != 0) {
        block = llvm::BasicBlock::Create(context, "target", choice);
        choose->addCase(build.getInt32(static_cast<std::uint32_t>(i) + 2), block);
      }
      build.SetInsertPoint(block);
      auto* const code = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage,
                                                symbol_of(function, targets_[i]), module);
      code->setVisibility(llvm::GlobalValue::HiddenVisibility);
      build.CreateCall(code, arguments)->setTailCall();
      build.CreateRetVoid();
    }
  }

  // Of row functions: the bytes that rows of so many columns need.
  void write_workspace(llvm::Module& module, llvm::IRBuilder<>& build,
                       const AheadFunction& function) {
    const object::WorkspaceBytes bytes = object::workspace_bytes(function);
    if (!bytes.of_rows) return;
    llvm::Type* const size = build.getIntNTy(targets_.front().size_bits);
    llvm::Function* const needs =
        begin(module, build, function.symbol + "_workspace", size, {size});
    Value* const columns = needs->getArg(0);
    const auto number = [&](std::size_t value) { return llvm::ConstantInt::get(size, value); };
    const auto product = [&](Value* count, std::size_t each) {
      return build.CreateMul(count, number(each));
    };
    const auto block = static_cast<std::size_t>(schedule::kBlockColumns);
    Value* const blocks =
        build.CreateUDiv(build.CreateAdd(columns, number(block - 1)), number(block));
    Value* const longer =
        build.CreateAdd(product(columns, bytes.column), product(blocks, bytes.block));
    build.CreateRet(build.CreateSelect(build.CreateICmpULE(columns, number(block)),
                                       product(columns, bytes.short_column), longer));
  }

  static llvm::Function* begin(llvm::Module& module, llvm::IRBuilder<>& build,
                               const std::string& name, llvm::Type* result,
                               llvm::ArrayRef<llvm::Type*> arguments) {
    auto* const function = llvm::Function::Create(llvm::FunctionType::get(result, arguments, false),
                                                  llvm::GlobalValue::ExternalLinkage, name, module);
    function->addFnAttr(llvm::Attribute::NoUnwind);
    build.SetInsertPoint(llvm::BasicBlock::Create(module.getContext(), "entry", function));
    return function;
  }

  Outcome add_file(llvm::Module& module, const AheadTarget& target, std::string name) {
    auto machine = make_machine(target);
    if (!machine.ok()) return machine.error();
    auto file = object_file(module, **machine);
    if (!file.ok()) return file.error();
    files_.emplace_back(std::move(name), std::move(*file));
    return Unit{};
  }

  std::span<const AheadFunction> functions_;
  std::span<const AheadTarget> targets_;
  const std::string& prefix_;
  std::vector<std::pair<std::string, std::string>> files_;  // names and bytes
};

}  // namespace

Result<std::string> archive(std::span<const AheadFunction> functions,
                            std::span<const AheadTarget> targets, const std::string& prefix) {
  return Archive(functions, targets, prefix).run();
}

namespace {

Outcome translate_all(std::span<const AheadFunction> functions, const AheadTarget& target,
                      llvm::Module& module) {
  for (const AheadFunction& function : functions)
    if (Outcome done = translate_function(function, form_of(function.symbol, target), module);
        !done.ok())
      return done;
  return Unit{};
}

}  // namespace

Result<std::string> assembly_of(std::span<const AheadFunction> functions,
                                const AheadTarget& target) {
  llvm::LLVMContext context;
  llvm::Module module("", context);
  if (Outcome done = translate_all(functions, target, module); !done.ok()) return done.error();
  auto machine = make_machine(target);
  if (!machine.ok()) return machine.error();
  return assembly(module, **machine);
}

Result<std::string> ir_of(std::span<const AheadFunction> functions, const AheadTarget& target) {
  llvm::LLVMContext context;
  llvm::Module module("", context);
  if (Outcome done = translate_all(functions, target, module); !done.ok()) return done.error();
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, nullptr);
  return text;
}

}  // namespace sluice::llvm_backend
