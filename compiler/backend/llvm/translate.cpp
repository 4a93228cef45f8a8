#include "compiler/backend/llvm/translate.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/IntrinsicsNVPTX.h>

#include "compiler/backend/llvm/operations.hpp"

namespace sluice::llvm_backend {
namespace {

using ir::Elem;
using ir::Extent;
using ir::Node;
using ir::Op;
using ir::ValueId;
using llvm::Value;

class Translator {
 public:
  Translator(const schedule::ElementProgram& program, const FunctionForm& form,
             llvm::Module& module)
      : program_(program), graph_(program.graph), form_(form),
        lanes_(std::max(form.target.vector_bytes / (graph_.compute() == Elem::f64 ? 8 : 4), 1u)),
        memory_(form.target.is_gpu() ? kGlobalMemory : 0), build_(module.getContext()),
        operations_(build_, graph_.compute(), form.target), module_(module) {}

  // The first stored type that there is no code for, if any.
  [[nodiscard]] std::string unsupported() const {
    const auto what = [](const char* kind, const std::string& name, Dtype dtype) {
      return std::string(kind) + " '" + name + "' of type " + std::string(sluice::name(dtype));
    };
    for (std::size_t i = 0; i < graph_.inputs().size(); ++i) {
      const ir::GraphInput& input = graph_.inputs()[i];
      if (!schedule::is_storage_of(program_.input_dtypes[i], input.type.elem))
        return what("an input", input.name, program_.input_dtypes[i]);
    }
    for (std::size_t i = 0; i < graph_.outputs().size(); ++i)
      if (!schedule::is_storage_of(program_.output_dtypes[i],
                                   graph_[graph_.outputs()[i].value].type.elem))
        return what("an output", graph_.outputs()[i].name, program_.output_dtypes[i]);
    return {};
  }

  void run() {
    begin_function();
    load_uniforms();
    if (form_.target.is_gpu()) {
      write_threads();
    } else {
      llvm::Value* const vectors = write_loop(build_.getInt64(0), lanes_);
      write_loop(vectors, 1);
    }
    build_.CreateRetVoid();
  }

 private:
  static constexpr unsigned kGlobalMemory = 1;  // NVPTX's number of that address space

  void begin_function() {
    llvm::Type* const pointer = build_.getPtrTy(memory_);
    const std::size_t buffers = program_.sources() + graph_.outputs().size();
    std::vector<llvm::Type*> arguments{pointer, build_.getInt64Ty(), pointer};
    if (form_.typed) {
      arguments.assign(buffers, pointer);
      arguments.resize(buffers + graph_.params().size(), operations_.type_of(graph_.compute()));
      arguments.push_back(build_.getIntNTy(form_.target.size_bits));
    }
    function_ =
        llvm::Function::Create(llvm::FunctionType::get(build_.getVoidTy(), arguments, false),
                               llvm::Function::ExternalLinkage, form_.symbol, module_);
    if (form_.target.is_gpu()) function_->setCallingConv(llvm::CallingConv::PTX_Kernel);
    function_->addFnAttr(llvm::Attribute::NoUnwind);
    function_->addFnAttr("frame-pointer", "all");
    if (!form_.typed) function_->setUWTableKind(llvm::UWTableKind::Async);
    function_->addFnAttr("prefer-vector-width", "512");
    function_->addFnAttr("min-legal-vector-width", "512");
    build_.SetInsertPoint(llvm::BasicBlock::Create(build_.getContext(), "entry", function_));
    count_ = function_->getArg(form_.typed ? static_cast<unsigned>(arguments.size()) - 1 : 1);
    count_ = build_.CreateZExt(count_, build_.getInt64Ty());
    for (std::size_t i = 0; i < buffers; ++i)
      buffers_.push_back(
          form_.typed
              ? function_->getArg(static_cast<unsigned>(i))
              : static_cast<Value*>(build_.CreateLoad(
                    pointer, build_.CreateConstInBoundsGEP1_64(pointer, function_->getArg(0), i))));
    for (const ir::Table& table : graph_.tables())
      tables_.push_back({table.entries, add_table(table)});
  }

  Value* add_table(const ir::Table& table) {
    std::vector<llvm::Constant*> entries;
    for (const std::uint64_t bits : table.entries)
      entries.push_back(operations_.constant(graph_.compute(), bits));
    auto* const type = llvm::ArrayType::get(operations_.type_of(graph_.compute()), entries.size());
    auto* const global =
        new llvm::GlobalVariable(module_, type, true, llvm::GlobalValue::PrivateLinkage,
                                 llvm::ConstantArray::get(type, entries), "table", nullptr,
                                 llvm::GlobalValue::NotThreadLocal, memory_);
    global->setAlignment(llvm::Align(64));
    return global;
  }

  // What is one for the call.
  void load_uniforms() {
    uniform_.resize(graph_.size());
    for (std::uint32_t i = 0; i < graph_.size(); ++i) {
      const Node& node = graph_[ValueId{i}];
      if (node.op == Op::constant) {
        uniform_[i] = operations_.constant(node.type.elem, node.payload);
      } else if (node.op == Op::param) {
        uniform_[i] = parameter(node);
      } else if (node.op == Op::input && node.type.extent != Extent::element) {
        uniform_[i] = load(node.payload, build_.getInt64(0), 1);
      }
    }
    for (const ValueId id : program_.uniform) compute(id, uniform_);
  }

  Value* parameter(const Node& node) {
    if (form_.typed)
      return function_->getArg(static_cast<unsigned>(buffers_.size() + node.payload));
    return build_.CreateLoad(
        operations_.type_of(node.type.elem),
        build_.CreateConstInBoundsGEP1_64(build_.getInt64Ty(), function_->getArg(2), node.payload));
  }

  // A thread takes the element of its number in the grid, and those a grid further on.
  void write_threads() {
    namespace Id = llvm::Intrinsic;
    const auto special = [&](Id::ID id) {
      return build_.CreateZExt(build_.CreateIntrinsic(id, {}, {}), build_.getInt64Ty());
    };
    Value* const block = special(Id::nvvm_read_ptx_sreg_ntid_x);
    Value* const first =
        build_.CreateAdd(build_.CreateMul(special(Id::nvvm_read_ptx_sreg_ctaid_x), block),
                         special(Id::nvvm_read_ptx_sreg_tid_x));
    write_loop(first, 1, build_.CreateMul(special(Id::nvvm_read_ptx_sreg_nctaid_x), block));
  }

  // [from, count) by so many lanes, as far as those go: the element after the last. Next come those
  // behind them, or `step` elements further on.
  Value* write_loop(Value* from, unsigned lanes, Value* step = nullptr) {
    llvm::LLVMContext& context = build_.getContext();
    llvm::BasicBlock* const before = build_.GetInsertBlock();
    auto* const head = llvm::BasicBlock::Create(context, lanes > 1 ? "vectors" : "rest", function_);
    auto* const body = llvm::BasicBlock::Create(context, "body", function_);
    auto* const after = llvm::BasicBlock::Create(context, "after", function_);
    std::vector<Value*> values = broadcast(lanes);
    build_.CreateBr(head);
    build_.SetInsertPoint(head);
    llvm::PHINode* const at = build_.CreatePHI(build_.getInt64Ty(), 2);
    at->addIncoming(from, before);
    Value* const end = build_.CreateAdd(at, build_.getInt64(lanes));
    build_.CreateCondBr(build_.CreateICmpSLE(end, count_), body, after);
    build_.SetInsertPoint(body);
    for (std::size_t i = 0; i < graph_.inputs().size(); ++i) {
      const ValueId id = graph_.input_value(i);
      if (graph_[id].type.extent == Extent::element) values[id.index] = load(i, at, lanes);
    }
    compute_body(values);
    for (std::size_t i = 0; i < graph_.outputs().size(); ++i)
      store(i, at, values[graph_.outputs()[i].value.index], lanes);
    Value* const next = step == nullptr ? end : build_.CreateAdd(at, step);
    at->addIncoming(next, build_.GetInsertBlock());
    build_.CreateBr(head);
    build_.SetInsertPoint(after);
    return at;
  }

  std::vector<Value*> broadcast(unsigned lanes) {
    std::vector<Value*> values = uniform_;
    if (lanes == 1) return values;
    for (Value*& value : values)
      if (value != nullptr) value = build_.CreateVectorSplat(lanes, value);
    return values;
  }

  void compute(ValueId id, std::vector<Value*>& values) {
    const Node& node = graph_[id];
    std::array<Value*, ir::kMaxArity> operands{};
    for (int i = 0; i < node.arity(); ++i)
      operands[static_cast<std::size_t>(i)] = values[node.operand(i).index];
    values[id.index] =
        operations_.apply(node, {operands.data(), static_cast<std::size_t>(node.arity())},
                          node.op == Op::lookup ? tables_[node.payload] : TableInMemory{});
  }

  void compute_body(std::vector<Value*>& values) {
    auto arm = program_.arms.begin();
    for (std::size_t i = 0; i < program_.body.size();) {
      if (arm == program_.arms.end() || i < arm->begin) {
        compute(program_.body[i++], values);
        continue;
      }
      compute_arm(*arm, values);
      i = arm++->end;
    }
  }

  // Jumped over where no lane has the condition: what comes of it then is of no account, and 0.
  void compute_arm(const schedule::Arm& arm, std::vector<Value*>& values) {
    llvm::LLVMContext& context = build_.getContext();
    auto* const inside = llvm::BasicBlock::Create(context, "arm", function_);
    auto* const after = llvm::BasicBlock::Create(context, "joined", function_);
    Value* any = values[arm.condition.index];
    if (any->getType()->isVectorTy()) any = build_.CreateOrReduce(any);
    llvm::BasicBlock* const before = build_.GetInsertBlock();
    build_.CreateCondBr(any, inside, after);
    build_.SetInsertPoint(inside);
    for (std::size_t i = arm.begin; i < arm.end; ++i) compute(program_.body[i], values);
    llvm::BasicBlock* const end = build_.GetInsertBlock();
    build_.CreateBr(after);
    build_.SetInsertPoint(after);
    for (std::size_t i = arm.begin; i < arm.end; ++i) {
      Value*& value = values[program_.body[i].index];
      llvm::PHINode* const joined = build_.CreatePHI(value->getType(), 2);
      joined->addIncoming(llvm::Constant::getNullValue(value->getType()), before);
      joined->addIncoming(value, end);
      value = joined;
    }
  }

  [[nodiscard]] llvm::Type* vector_of(llvm::Type* type, unsigned lanes) {
    return lanes == 1 ? type : llvm::FixedVectorType::get(type, lanes);
  }

  // Buffers need not be aligned to anything; a GPU's are to their elements.
  [[nodiscard]] llvm::Align alignment(Dtype dtype) const {
    return llvm::Align(form_.target.is_gpu() ? size_of(dtype) : 1);
  }

  Value* load(std::size_t input, Value* at, unsigned lanes) {
    const Dtype dtype = program_.input_dtypes[input];
    const Elem elem = graph_.inputs()[input].type.elem;
    llvm::Type* const stored = stored_type(dtype);
    Value* const from = build_.CreateGEP(stored, buffers_[program_.input_buffer(input)], at);
    Value* const value = build_.CreateAlignedLoad(vector_of(stored, lanes), from, alignment(dtype));
    llvm::Type* const lane = vector_of(operations_.type_of(elem), lanes);
    switch (dtype) {
      case Dtype::f16: return from_half(value, lane, lanes);
      case Dtype::bf16: {
        llvm::Type* const bits = vector_of(build_.getInt32Ty(), lanes);
        Value* const upper = build_.CreateShl(build_.CreateZExt(value, bits), 16);
        Value* const narrow = build_.CreateBitCast(upper, vector_of(build_.getFloatTy(), lanes));
        return elem == Elem::f64 ? build_.CreateFPExt(narrow, lane) : narrow;
      }
      case Dtype::i8: return build_.CreateSExt(value, lane);
      case Dtype::u8: return build_.CreateZExt(value, lane);
      default: return value;
    }
  }

  void store(std::size_t output, Value* at, Value* value, unsigned lanes) {
    const Dtype dtype = program_.output_dtypes[output];
    llvm::Type* const stored = stored_type(dtype);
    llvm::Type* const type = vector_of(stored, lanes);
    Value* const to = build_.CreateGEP(stored, buffers_[program_.output_buffer(output)], at);
    if (graph_.compute() == Elem::f64 && (dtype == Dtype::f16 || dtype == Dtype::bf16))
      value = to_odd(value, lanes);
    if (dtype == Dtype::f16)
      value = to_half(value, type, lanes);
    else if (dtype == Dtype::bf16)
      value = build_.CreateTrunc(to_bf16(value, lanes), type);
    else if (is_quantised(dtype))
      value = build_.CreateTrunc(value, type);
    build_.CreateAlignedStore(value, to, alignment(dtype));
  }

  // f64 as f32 rounded to odd, so that a second rounding is the only one that counts
  // (support/half.hpp).
  Value* to_odd(Value* value, unsigned lanes) {
    llvm::Type* const narrow = vector_of(build_.getFloatTy(), lanes);
    llvm::Type* const word = vector_of(build_.getInt32Ty(), lanes);
    const auto magnitude = [&](Value* of) {
      return build_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, of);
    };
    Value* const nearest = build_.CreateFPTrunc(value, narrow);
    Value* const back = build_.CreateFPExt(nearest, value->getType());
    Value* const bits = build_.CreateBitCast(nearest, word);
    Value* const one = llvm::ConstantInt::get(word, 1);
    Value* const away = build_.CreateFCmpOGT(magnitude(back), magnitude(value));
    Value* const toward = build_.CreateSelect(away, build_.CreateSub(bits, one), bits);
    Value* const exact = build_.CreateFCmpUEQ(back, value);
    return build_.CreateBitCast(build_.CreateSelect(exact, bits, build_.CreateOr(toward, one)),
                                narrow);
  }

  // By exact steps where there is no instruction: the bits in place are 2^112 times too small, and
  // an exponent of ones is infinity's or a NaN's.
  Value* from_half(Value* value, llvm::Type* lane, unsigned lanes) {
    if (form_.target.halves) return build_.CreateFPExt(value, lane);
    llvm::Type* const number = vector_of(build_.getFloatTy(), lanes);
    llvm::Type* const type = vector_of(build_.getInt32Ty(), lanes);
    const auto word = [&](std::uint64_t bits) { return llvm::ConstantInt::get(type, bits); };
    Value* const bits = build_.CreateZExt(value, type);
    Value* const magnitude = build_.CreateShl(build_.CreateAnd(bits, word(0x7fff)), 13);
    Value* const finite =
        build_.CreateBitCast(build_.CreateFMul(build_.CreateBitCast(magnitude, number),
                                               llvm::ConstantFP::get(number, 0x1p112)),
                             type);
    Value* const special = build_.CreateICmpUGE(magnitude, word(0x7c00u << 13));
    Value* const all =
        build_.CreateSelect(special, build_.CreateOr(magnitude, word(0x7f800000)), finite);
    Value* const sign = build_.CreateShl(build_.CreateAnd(bits, word(0x8000)), 16);
    Value* const single = build_.CreateBitCast(build_.CreateOr(all, sign), number);
    return number == lane ? single : build_.CreateFPExt(single, lane);
  }

  // Likewise: 1/2 is added to what becomes a denormal number, whose last bit is then the sum's.
  Value* to_half(Value* value, llvm::Type* stored, unsigned lanes) {
    if (form_.target.halves) return build_.CreateFPTrunc(value, stored);
    llvm::Type* const number = vector_of(build_.getFloatTy(), lanes);
    llvm::Type* const type = vector_of(build_.getInt32Ty(), lanes);
    const auto word = [&](std::uint64_t bits) { return llvm::ConstantInt::get(type, bits); };
    Value* const bits = build_.CreateBitCast(value, type);
    Value* const magnitude = build_.CreateAnd(bits, word(0x7fffffff));
    Value* const half = llvm::ConstantFP::get(number, 0.5);
    Value* const shifted = build_.CreateBitCast(
        build_.CreateFAdd(build_.CreateBitCast(magnitude, number), half), type);
    Value* const denormal = build_.CreateSub(shifted, build_.CreateBitCast(half, type));
    Value* const odd = build_.CreateAnd(build_.CreateLShr(magnitude, 13), word(1));
    Value* const rounded = build_.CreateAdd(
        build_.CreateAdd(magnitude, word(0xfff - (std::uint64_t{127 - 15} << 23))), odd);
    Value* const finite =
        build_.CreateSelect(build_.CreateICmpULT(magnitude, word(std::uint64_t{127 - 14} << 23)),
                            denormal, build_.CreateLShr(rounded, 13));
    Value* const beyond = build_.CreateICmpUGE(magnitude, word(0x477ff000));  // 65520
    Value* const nan = build_.CreateICmpUGT(magnitude, word(0x7f800000));
    Value* const all =
        build_.CreateSelect(nan, word(0x7e00), build_.CreateSelect(beyond, word(0x7c00), finite));
    Value* const sign = build_.CreateAnd(build_.CreateLShr(bits, 16), word(0x8000));
    return build_.CreateTrunc(build_.CreateOr(all, sign), stored);
  }

  // Rounded to nearest even, a NaN quiet (support/half.hpp).
  Value* to_bf16(Value* value, unsigned lanes) {
    llvm::Type* const type = vector_of(build_.getInt32Ty(), lanes);
    const auto word = [&](std::uint64_t bits) { return llvm::ConstantInt::get(type, bits); };
    Value* const bits = build_.CreateBitCast(value, type);
    Value* const odd = build_.CreateAnd(build_.CreateLShr(bits, 16), word(1));
    Value* const rounded =
        build_.CreateLShr(build_.CreateAdd(build_.CreateAdd(bits, word(0x7fff)), odd), 16);
    return build_.CreateSelect(build_.CreateFCmpUNO(value, value), word(0x7fc0), rounded);
  }

  [[nodiscard]] llvm::Type* stored_type(Dtype dtype) {
    switch (dtype) {
      case Dtype::f32: return build_.getFloatTy();
      case Dtype::f64: return build_.getDoubleTy();
      case Dtype::f16:
        return form_.target.halves ? build_.getHalfTy()
                                   : llvm::cast<llvm::Type>(build_.getInt16Ty());
      case Dtype::bf16: return build_.getInt16Ty();
      case Dtype::i32: return build_.getInt32Ty();
      case Dtype::i64: return build_.getInt64Ty();
      default: return build_.getInt8Ty();
    }
  }

  const schedule::ElementProgram& program_;
  const ir::Graph& graph_;
  const FunctionForm& form_;
  unsigned lanes_;
  unsigned memory_;  // the address space of buffers and tables
  llvm::IRBuilder<> build_;
  Operations operations_;
  llvm::Module& module_;
  llvm::Function* function_ = nullptr;
  Value* count_ = nullptr;
  std::vector<Value*> buffers_;
  std::vector<TableInMemory> tables_;
  std::vector<Value*> uniform_;  // by value, those that are one for the call
};

}  // namespace

Outcome translate(const schedule::ElementProgram& program, const FunctionForm& form,
                  llvm::Module& module) {
  Translator translator(program, form, module);
  const std::string obstacle = translator.unsupported();
  if (!obstacle.empty())
    return Error{Status::unsupported, "the LLVM back end can't do " + obstacle + " yet"};
  translator.run();
  return Unit{};
}

}  // namespace sluice::llvm_backend
