#include "compiler/backend/llvm/translate.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <llvm/IR/Constants.h>

#include "compiler/backend/llvm/control.hpp"
#include "compiler/backend/llvm/evaluator.hpp"
#include "compiler/backend/llvm/storage.hpp"

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
        build_(module.getContext()), evaluator_(graph_, build_, form.target, module),
        storage_(build_, form.target), module_(module) {}

  void run() {
    begin();
    load_uniforms();
    if (form_.target.is_gpu())
      write_threads();
    else
      write_elements(write_elements(build_.getInt64(0), lanes_), 1);
    build_.CreateRetVoid();
  }

 private:
  void begin() {
    llvm::Type* const pointer = build_.getPtrTy(memory_of(form_.target));
    const std::size_t buffers = program_.sources() + graph_.outputs().size();
    std::vector<llvm::Type*> arguments{pointer, build_.getInt64Ty(), pointer};
    if (form_.typed) {
      arguments.assign(buffers, pointer);
      arguments.resize(buffers + graph_.params().size(), evaluator_.type_of(graph_.compute()));
      arguments.push_back(build_.getIntNTy(form_.target.size_bits));
    }
    function_ = begin_function(build_, form_.symbol, arguments, module_, form_.target);
    make_kernel(*function_, form_.target);
    if (!form_.typed) function_->setUWTableKind(llvm::UWTableKind::Async);
    count_ = function_->getArg(form_.typed ? static_cast<unsigned>(arguments.size()) - 1 : 1);
    count_ = build_.CreateZExt(count_, build_.getInt64Ty());
    for (std::size_t i = 0; i < buffers; ++i)
      buffers_.push_back(
          form_.typed
              ? function_->getArg(static_cast<unsigned>(i))
              : static_cast<Value*>(build_.CreateLoad(
                    pointer, build_.CreateConstInBoundsGEP1_64(pointer, function_->getArg(0), i))));
  }

  // What is one for the call.
  void load_uniforms() {
    uniform_.resize(graph_.size());
    for (std::uint32_t i = 0; i < graph_.size(); ++i) {
      const Node& node = graph_[ValueId{i}];
      if (node.op == Op::constant) {
        uniform_[i] = evaluator_.constant(ValueId{i});
      } else if (node.op == Op::param) {
        uniform_[i] = parameter(node);
      } else if (node.op == Op::input && node.type.extent != Extent::element) {
        uniform_[i] = load(node.payload, build_.getInt64(0), 1);
      }
    }
    for (const ValueId id : program_.uniform) evaluator_.compute(id, uniform_);
  }

  Value* parameter(const Node& node) {
    if (form_.typed)
      return function_->getArg(static_cast<unsigned>(buffers_.size() + node.payload));
    return build_.CreateLoad(
        evaluator_.type_of(node.type.elem),
        build_.CreateConstInBoundsGEP1_64(build_.getInt64Ty(), function_->getArg(2), node.payload));
  }

  // A thread takes the element of its number in the grid, and those a grid further on.
  void write_threads() {
    const Grid grid = grid_of(build_);
    write_elements(grid.thread, 1, grid.threads);
  }

  // [from, count) by so many lanes, as far as those go: the element after the last. Next come those
  // behind them, or `step` elements further on.
  Value* write_elements(Value* from, unsigned lanes, Value* step = nullptr) {
    std::vector<Value*> values = broadcast(lanes);
    return write_loop(build_, {from, count_, lanes, step}, [&](Value* at) {
      for (std::size_t i = 0; i < graph_.inputs().size(); ++i) {
        const ValueId id = graph_.input_value(i);
        if (graph_[id].type.extent == Extent::element) values[id.index] = load(i, at, lanes);
      }
      compute_body(values);
      for (std::size_t i = 0; i < graph_.outputs().size(); ++i)
        store(i, at, values[graph_.outputs()[i].value.index], lanes);
    });
  }

  std::vector<Value*> broadcast(unsigned lanes) {
    std::vector<Value*> values = uniform_;
    if (lanes == 1) return values;
    for (Value*& value : values)
      if (value != nullptr) value = build_.CreateVectorSplat(lanes, value);
    return values;
  }

  void compute_body(std::vector<Value*>& values) {
    auto arm = program_.arms.begin();
    for (std::size_t i = 0; i < program_.body.size();) {
      if (arm == program_.arms.end() || i < arm->begin) {
        evaluator_.compute(program_.body[i++], values);
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
    for (std::size_t i = arm.begin; i < arm.end; ++i) evaluator_.compute(program_.body[i], values);
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

  Value* load(std::size_t input, Value* at, unsigned lanes) {
    return storage_.load({program_.input_dtypes[input], graph_.inputs()[input].type.elem},
                         buffers_[program_.input_buffer(input)], at, lanes);
  }

  void store(std::size_t output, Value* at, Value* value, unsigned lanes) {
    const ir::ValueId id = graph_.outputs()[output].value;
    storage_.store({program_.output_dtypes[output], graph_[id].type.elem},
                   buffers_[program_.output_buffer(output)], at, value, lanes);
  }

  const schedule::ElementProgram& program_;
  const ir::Graph& graph_;
  const FunctionForm& form_;
  unsigned lanes_;
  llvm::IRBuilder<> build_;
  Evaluator evaluator_;
  Storage storage_;
  llvm::Module& module_;
  llvm::Function* function_ = nullptr;
  Value* count_ = nullptr;
  std::vector<Value*> buffers_;
  std::vector<Value*> uniform_;  // by value, those that are one for the call
};

}  // namespace

Outcome translate(const schedule::ElementProgram& program, const FunctionForm& form,
                  llvm::Module& module) {
  if (Outcome held = holds(program.graph, program.input_dtypes, program.output_dtypes); !held.ok())
    return held;
  Translator(program, form, module).run();
  return Unit{};
}

}  // namespace sluice::llvm_backend
