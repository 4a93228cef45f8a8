#include "compiler/backend/llvm/translate_rows.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <llvm/IR/Constants.h>
#include <llvm/IR/IntrinsicsNVPTX.h>

#include "compiler/backend/llvm/control.hpp"
#include "compiler/backend/llvm/evaluator.hpp"
#include "compiler/backend/llvm/fold.hpp"
#include "compiler/backend/llvm/merge.hpp"
#include "compiler/backend/llvm/storage.hpp"

namespace sluice::llvm_backend {
namespace {

using ir::Extent;
using ir::Node;
using ir::Op;
using ir::ValueId;
using llvm::Value;
using schedule::RowProgram;

// Of the counter over blocks: more than any number of blocks has bits.
constexpr std::uint64_t kMostLevels = 64;

struct Columns {
  Value* begin = nullptr;
  Value* end = nullptr;
};

class RowTranslator {
 public:
  RowTranslator(const RowProgram& program, const FunctionForm& form, llvm::Module& module)
      : program_(program), graph_(program.graph), form_(form),
        lanes_(
            std::max(form.target.vector_bytes / (graph_.compute() == ir::Elem::f64 ? 8 : 4), 1u)),
        module_(module), build_(module.getContext()),
        evaluator_(graph_, build_, form.target, module), storage_(build_, form.target),
        workspace_(program), values_(graph_.size()) {}

  llvm::Function* run() {
    llvm::Function* const function = begin();
    lay_out_frame();
    load_uniforms();
    find_threads();
    write_loop(build_, {first_row_, rows_, 1, row_step_}, [&](Value* row) { write_row(row); });
    build_.CreateRetVoid();
    return function;
  }

 private:
  [[nodiscard]] std::size_t buffer_count() const {
    return program_.sources() + graph_.outputs().size();
  }
  // Whether a buffer has columns, or one element a row.
  [[nodiscard]] bool has_columns(std::size_t buffer) const {
    if (buffer < program_.sources()) return graph_.inputs()[buffer].type.extent == Extent::element;
    return !program_.is_row_output(buffer - program_.sources());
  }

  llvm::Function* begin() {
    llvm::Type* const pointer = build_.getPtrTy(memory_of(form_.target));
    llvm::Type* const size = build_.getIntNTy(form_.target.size_bits);
    std::vector<llvm::Type*> arguments;
    for (std::size_t i = 0; i < buffer_count(); ++i) {
      arguments.push_back(pointer);
      if (has_columns(i)) arguments.push_back(size);
    }
    arguments.resize(arguments.size() + graph_.params().size(),
                     evaluator_.type_of(graph_.compute()));
    arguments.insert(arguments.end(), {size, size, pointer});
    llvm::Function* const function =
        begin_function(build_, form_.symbol, arguments, module_, form_.target);
    auto* argument = function->arg_begin();
    const auto next_size = [&] { return build_.CreateZExt(argument++, build_.getInt64Ty()); };
    for (std::size_t i = 0; i < buffer_count(); ++i) {
      buffers_.push_back(argument++);
      steps_.push_back(has_columns(i) ? next_size() : nullptr);
    }
    for (std::size_t i = 0; i < graph_.params().size(); ++i)
      values_[graph_.param_value(i).index] = argument++;
    rows_ = next_size();
    columns_ = next_size();
    memory_ = argument;
    return function;
  }

  [[nodiscard]] llvm::Type* lane_of(ValueId id) { return evaluator_.type_of(graph_[id].type.elem); }

  // What has a place in the frame: reductions, of rows of one block their results, and states.
  void lay_out_frame() {
    for (const schedule::Phase& phase : program_.phases) {
      for (const schedule::Pass& pass : phase.passes) {
        for (const ValueId id : pass.reductions)
          if (program_.one_block) cells_[id] = build_.CreateAlloca(lane_of(id));
        while (folds_.size() < pass.reductions.size()) {
          auto* const type = llvm::ArrayType::get(build_.getInt8Ty(), Fold::bytes(form_.target));
          folds_.push_back(build_.CreateAlloca(type));
          folds_.back()->setAlignment(llvm::Align(64));
        }
      }
      merges_.push_back(nullptr);
      if (!phase.merges.empty())
        merges_.back() =
            add_merge(program_, phase, form_.symbol + ".merge" + std::to_string(merges_.size()),
                      form_.target, module_);
      for (const ValueId id : phase.merges)
        cells_[id] = build_.CreateAlloca(llvm::ArrayType::get(lane_of(id), kMostLevels));
    }
    depth_ = build_.CreateAlloca(build_.getInt64Ty());
    picked_ = build_.CreateAlloca(evaluator_.type_of(graph_.compute()));
  }

  // A row is one thread's, or a warp's: it takes the row of its number, and those further on by as
  // many as there are warps. Each has a workspace.
  void find_threads() {
    first_row_ = thread_ = build_.getInt64(0);
    row_step_ = build_.getInt64(1);
    if (!form_.target.is_gpu()) return;
    const Grid grid = grid_of(build_);
    Value* const together = build_.getInt64(threads_of(form_.target));
    thread_ = build_.CreateURem(grid.thread, together);
    first_row_ = build_.CreateUDiv(grid.thread, together);
    row_step_ = build_.CreateUDiv(grid.threads, together);
    Value* const lanes =
        build_.CreateAdd(build_.CreateMul(columns_, build_.getInt64(workspace_.columns.size())),
                         build_.CreateMul(blocks(), build_.getInt64(workspace_.blocks.size())));
    memory_ = workspace_at(build_.CreateMul(first_row_, lanes));
  }

  // On a GPU: what one thread has read, no other has written over yet.
  void wait_for_threads() {
    if (form_.target.is_gpu())
      build_.CreateIntrinsic(llvm::Intrinsic::nvvm_bar_warp_sync, {}, {build_.getInt32(~0u)});
  }

  void load_uniforms() {
    for (std::uint32_t i = 0; i < graph_.size(); ++i) {
      const Node& node = graph_[ValueId{i}];
      if (node.op == Op::constant) values_[i] = evaluator_.constant(ValueId{i});
      if (node.op == Op::width)
        values_[i] = build_.CreateTrunc(columns_, evaluator_.type_of(node.type.elem));
    }
    for (const ValueId id : program_.uniform) evaluator_.compute(id, values_);
  }

  void write_row(Value* row) {
    row_ = row;
    for (std::size_t i = 0; i < buffer_count(); ++i) row_buffers_.push_back(row_of(i));
    for (std::size_t i = 0; i < graph_.inputs().size(); ++i)
      if (const ValueId id = graph_.input_value(i); graph_[id].type.extent != Extent::element)
        values_[id.index] = storage_.load(stored_input(i), buffers_[i], row, 1);
    for (std::uint32_t i = 0; i < graph_.size(); ++i)
      if (const Node& node = graph_[ValueId{i}]; node.op == Op::row_index)
        values_[i] = build_.CreateTrunc(row, evaluator_.type_of(node.type.elem));
    for (std::size_t p = 0; p < program_.phases.size(); ++p) write_phase(p);
    wait_for_threads();
    for (std::size_t i = 0; i < graph_.outputs().size(); ++i)
      if (program_.is_row_output(i))
        storage_.store(stored_output(i), buffers_[program_.output_buffer(i)], row,
                       values_[graph_.outputs()[i].value.index], 1);
  }

  Value* row_of(std::size_t buffer) {
    if (!has_columns(buffer)) return nullptr;
    const Dtype dtype = buffer < program_.sources()
                            ? program_.input_dtypes[buffer]
                            : program_.output_dtypes[buffer - program_.sources()];
    return build_.CreateGEP(storage_.type_of(dtype), buffers_[buffer],
                            build_.CreateMul(row_, steps_[buffer]));
  }
  [[nodiscard]] Stored stored_input(std::size_t input) const {
    return {program_.input_dtypes[input], graph_.inputs()[input].type.elem};
  }
  [[nodiscard]] Stored stored_output(std::size_t output) const {
    return {program_.output_dtypes[output], graph_[graph_.outputs()[output].value].type.elem};
  }
  // As a lane holds it.
  [[nodiscard]] Stored stored_lane(ValueId id) const {
    const ir::Elem elem = graph_[id].type.elem;
    return {schedule::lane_dtype(elem), elem};
  }

  void write_phase(std::size_t index) {
    const schedule::Phase& phase = program_.phases[index];
    for (const ValueId id : phase.row_values)
      if (graph_[id].op == Op::pick)
        write_pick(id);
      else
        evaluator_.compute(id, values_);
    if (phase.passes.empty()) return;
    start_cells(phase);
    build_.CreateStore(build_.getInt64(0), depth_);
    write_loop(build_, {build_.getInt64(0), columns_, 1, build_.getInt64(schedule::kBlockColumns)},
               [&](Value* begin) { write_block(index, begin); });
    finish_cells(index);
  }

  // An input's element at a column, if there is one.
  void write_pick(ValueId id) {
    const Node& node = graph_[id];
    const std::size_t input = graph_[node.operand(0)].payload;
    Value* const column = build_.CreateSExt(values_[node.operand(1).index], build_.getInt64Ty());
    build_.CreateStore(llvm::ConstantFP::getQNaN(lane_of(id)), picked_);
    write_if(build_, build_.CreateICmpULT(column, columns_), [&] {
      build_.CreateStore(storage_.load(stored_input(input), row_buffers_[input], column, 1),
                         picked_);
    });
    values_[id.index] = build_.CreateLoad(lane_of(id), picked_);
    wait_for_threads();
  }

  // What there is if there are no columns.
  void start_cells(const schedule::Phase& phase) {
    const auto start = [&](ValueId id) {
      build_.CreateStore(of_nothing(graph_[id].op, lane_of(id)), cells_.at(id));
    };
    std::for_each(phase.merges.begin(), phase.merges.end(), start);
    if (!program_.one_block) return;
    for (const schedule::Pass& pass : phase.passes)
      std::for_each(pass.reductions.begin(), pass.reductions.end(), start);
  }

  void finish_cells(std::size_t index) {
    const schedule::Phase& phase = program_.phases[index];
    const auto finish = [&](ValueId id) {
      values_[id.index] = build_.CreateLoad(lane_of(id), cells_.at(id));
    };
    if (!phase.merges.empty()) {
      Value* const depth = build_.CreateLoad(build_.getInt64Ty(), depth_);
      write_loop(build_, {build_.getInt64(1), depth}, [&](Value*) { merge_last(index); });
    }
    std::for_each(phase.merges.begin(), phase.merges.end(), finish);
    if (!program_.one_block) return;
    for (const schedule::Pass& pass : phase.passes)
      std::for_each(pass.reductions.begin(), pass.reductions.end(), finish);
  }

  void write_block(std::size_t index, Value* begin) {
    const schedule::Phase& phase = program_.phases[index];
    Value* const block = build_.CreateUDiv(begin, build_.getInt64(schedule::kBlockColumns));
    Value* const end = build_.CreateBinaryIntrinsic(
        llvm::Intrinsic::umin, columns_,
        build_.CreateAdd(begin, build_.getInt64(schedule::kBlockColumns)));
    for (std::size_t p = 0; p < index; ++p)
      for (const ValueId id : program_.phases[p].kept_by_block)
        values_[id.index] = storage_.load(stored_lane(id), array_of(id), block, 1);
    for (const schedule::Pass& pass : phase.passes) {
      for (const ValueId id : pass.block_values) evaluator_.compute(id, values_);
      write_pass(pass, {begin, end});
    }
    for (const ValueId id : phase.kept_by_block)
      storage_.store(stored_lane(id), array_of(id), block, values_[id.index], 1);
    if (!phase.merges.empty()) push_state(index, block);
  }

  // The counter over blocks.
  void push_state(std::size_t index, Value* block) {
    Value* const depth = build_.CreateLoad(build_.getInt64Ty(), depth_);
    for (const ValueId id : program_.phases[index].merges)
      build_.CreateStore(values_[graph_[id].operand(0).index], state(id, depth));
    build_.CreateStore(build_.CreateAdd(depth, build_.getInt64(1)), depth_);
    Value* const merges = build_.CreateBinaryIntrinsic(llvm::Intrinsic::cttz,
                                                       build_.CreateNot(block), build_.getTrue());
    write_loop(build_, {build_.getInt64(0), merges}, [&](Value*) { merge_last(index); });
  }

  void merge_last(std::size_t index) {
    Value* const depth = build_.CreateLoad(build_.getInt64Ty(), depth_);
    Value* const last = build_.CreateSub(depth, build_.getInt64(1));
    build_.CreateStore(last, depth_);
    std::vector<Value*> arguments;
    for (const ValueId id : program_.phases[index].merges) arguments.push_back(cells_.at(id));
    arguments.push_back(last);
    build_.CreateCall(merges_[index], arguments);
  }

  Value* state(ValueId merge, Value* depth) {
    return build_.CreateInBoundsGEP(lane_of(merge), cells_.at(merge), depth);
  }

  void write_pass(const schedule::Pass& pass, Columns columns) {
    if (pass.reductions.empty()) return write_columns(pass, columns);
    const unsigned group = partials_of(evaluator_.type_of(graph_.compute()));
    const auto each = [&](const auto& act) {
      for (std::size_t i = 0; i < pass.reductions.size(); ++i)
        act(fold_of(pass.reductions[i]), folds_[i]);
    };
    const auto number_of = [&](Value* begin, unsigned width) {
      return build_.CreateUDiv(build_.CreateSub(begin, columns.begin), build_.getInt64(width));
    };
    each([](Fold fold, Value* memory) { fold.start(memory); });
    Value* const rest = write_loop(
        build_, {columns.begin, columns.end, Fold::kTogether * group}, [&](Value* begin) {
          write_together(pass, begin, group);
          Value* const number = number_of(begin, Fold::kTogether * group);
          each([&](Fold fold, Value* memory) { fold.add_together(memory, number); });
        });
    write_loop(build_, {rest, columns.end, 1, build_.getInt64(group)}, [&](Value* begin) {
      Value* const next = build_.CreateAdd(begin, build_.getInt64(group));
      Value* const whole = build_.CreateICmpULE(next, columns.end);
      write_if(build_, build_.CreateNot(whole),
               [&] { each([](Fold fold, Value* memory) { fold.start_group(memory); }); });
      write_columns(pass, {begin, build_.CreateSelect(whole, next, columns.end)});
      Value* const number = number_of(begin, group);
      each([&](Fold fold, Value* memory) { fold.add_group(memory, number, whole); });
    });
    Value* const count = build_.CreateSub(columns.end, columns.begin);
    for (std::size_t i = 0; i < pass.reductions.size(); ++i) {
      const ValueId id = pass.reductions[i];
      values_[id.index] = finished(id, fold_of(id).finish(folds_[i], count));
    }
  }

  // Of several groups the columns that lie at one place in them, place by place: they are combined
  // before they go to memory.
  void write_together(const schedule::Pass& pass, Value* begin, unsigned group) {
    const std::vector<Value*> values = prepared(pass, lanes_);
    Value* const step = build_.getInt64(lanes_ * threads_of(form_.target));
    write_loop(build_, {thread_, build_.getInt64(group), lanes_, step}, [&](Value* place) {
      std::vector<std::vector<Value*>> reduced(pass.reductions.size());
      for (unsigned i = 0; i < Fold::kTogether; ++i) {
        std::vector<Value*> own = values;
        Value* const first = build_.CreateAdd(begin, build_.getInt64(i * group));
        write_body(pass, own, {build_.CreateAdd(first, place), lanes_});
        for (std::size_t k = 0; k < reduced.size(); ++k)
          reduced[k].push_back(own[graph_[pass.reductions[k]].operand(0).index]);
      }
      for (std::size_t k = 0; k < reduced.size(); ++k) {
        Fold fold = fold_of(pass.reductions[k]);
        fold.set(folds_[k], place, fold.together(reduced[k]));
      }
    });
  }

  Fold fold_of(ValueId id) { return {build_, form_.target, graph_[id].op, lane_of(id)}; }

  // Of rows of one block it is the row's.
  Value* finished(ValueId id, Value* value) {
    if (program_.one_block) build_.CreateStore(value, cells_.at(id));
    return value;
  }

  void write_columns(const schedule::Pass& pass, Columns columns) {
    const auto write = [&](Value* from, unsigned lanes) {
      std::vector<Value*> values = prepared(pass, lanes);
      Value* const step = build_.getInt64(lanes * threads_of(form_.target));
      return write_loop(build_, {from, columns.end, lanes, step}, [&](Value* at) {
        write_body(pass, values, {at, lanes});
        for (std::size_t i = 0; i < pass.reductions.size(); ++i)
          fold_of(pass.reductions[i])
              .set(folds_[i], build_.CreateSub(at, columns.begin),
                   values[graph_[pass.reductions[i]].operand(0).index]);
      });
    };
    Value* rest = build_.CreateAdd(columns.begin, thread_);
    if (lanes_ > 1) rest = write(rest, lanes_);
    write(rest, 1);
  }

  // Values that a pass reads and does not compute.
  [[nodiscard]] std::vector<ValueId> imports(const schedule::Pass& pass) const {
    std::vector<bool> seen(graph_.size(), false);
    for (const ValueId id : pass.body) seen[id.index] = true;
    std::vector<ValueId> found;
    const auto read = [&](ValueId id) {
      if (!seen[id.index]) found.push_back(id);
      seen[id.index] = true;
    };
    for (const auto* values : {&pass.body, &pass.reductions})
      for (const ValueId id : *values)
        for (const ValueId operand : graph_[id].args()) read(operand);
    for (const std::uint32_t output : pass.outputs) read(graph_.outputs()[output].value);
    return found;
  }

  // What is one for all columns, in every lane.
  std::vector<Value*> prepared(const schedule::Pass& pass, unsigned lanes) {
    std::vector<Value*> values(graph_.size());
    for (const ValueId id : imports(pass)) {
      if (graph_[id].type.extent == Extent::element) continue;
      Value* const value = values_[id.index];
      values[id.index] = lanes == 1 ? value : build_.CreateVectorSplat(lanes, value);
    }
    return values;
  }

  struct Lanes {
    Value* at = nullptr;  // the first column
    unsigned count = 1;
  };

  void write_body(const schedule::Pass& pass, std::vector<Value*>& values, Lanes lanes) {
    for (const ValueId id : imports(pass))
      if (graph_[id].type.extent == Extent::element) values[id.index] = column(id, lanes);
    for (const ValueId id : pass.body) evaluator_.compute(id, values);
    for (const ValueId id : pass.kept)
      storage_.store(stored_lane(id), kept_columns(id), lanes.at, values[id.index], lanes.count);
    for (const std::uint32_t output : pass.outputs)
      storage_.store(stored_output(output), row_buffers_[program_.output_buffer(output)], lanes.at,
                     values[graph_.outputs()[output].value.index], lanes.count);
  }

  // A value of columns from elsewhere: an index, an input, or what an earlier pass kept.
  Value* column(ValueId id, Lanes lanes) {
    const Node& node = graph_[id];
    if (node.op == Op::input)
      return storage_.load(stored_input(node.payload), row_buffers_[node.payload], lanes.at,
                           lanes.count);
    if (node.op != Op::column)
      return storage_.load(stored_lane(id), kept_columns(id), lanes.at, lanes.count);
    llvm::Type* const type = evaluator_.type_of(node.type.elem);
    Value* const first = build_.CreateTrunc(lanes.at, type);
    if (lanes.count == 1) return first;
    std::vector<llvm::Constant*> offsets;
    for (unsigned i = 0; i < lanes.count; ++i) offsets.push_back(llvm::ConstantInt::get(type, i));
    return build_.CreateAdd(build_.CreateVectorSplat(lanes.count, first),
                            llvm::ConstantVector::get(offsets));
  }

  // Where what a pass keeps lies.
  Value* kept_columns(ValueId id) {
    const std::uint32_t home = program_.kept_in[id.index];
    if (home != RowProgram::kInWorkspace) return row_buffers_[program_.output_buffer(home)];
    return workspace_at(build_.CreateMul(columns_, build_.getInt64(workspace_.column(id))));
  }
  // What is kept of each block comes after that.
  Value* array_of(ValueId id) {
    return workspace_at(
        build_.CreateAdd(build_.CreateMul(columns_, build_.getInt64(workspace_.columns.size())),
                         build_.CreateMul(blocks(), build_.getInt64(workspace_.block(id)))));
  }
  Value* blocks() {
    Value* const last = build_.CreateAdd(columns_, build_.getInt64(schedule::kBlockColumns - 1));
    return build_.CreateUDiv(last, build_.getInt64(schedule::kBlockColumns));
  }
  Value* workspace_at(Value* lanes_before) {
    return build_.CreateGEP(evaluator_.type_of(graph_.compute()), memory_, lanes_before);
  }

  const RowProgram& program_;
  const ir::Graph& graph_;
  const FunctionForm& form_;
  unsigned lanes_;
  llvm::Module& module_;
  llvm::IRBuilder<> build_;
  Evaluator evaluator_;
  Storage storage_;
  object::RowWorkspace workspace_;
  std::vector<llvm::Function*> merges_;  // by phase
  std::vector<Value*> buffers_, steps_, row_buffers_;
  Value *rows_ = nullptr, *columns_ = nullptr, *memory_ = nullptr, *row_ = nullptr;
  Value *thread_ = nullptr, *first_row_ = nullptr, *row_step_ = nullptr;
  Value *depth_ = nullptr, *picked_ = nullptr;
  std::vector<llvm::AllocaInst*> folds_;  // of a pass's reductions
  std::map<ValueId, Value*> cells_;       // in the frame
  std::vector<Value*> values_;  // by value, those that are one for the row or the block at hand
};

}  // namespace

Outcome translate(const object::AheadRows& rows, const FunctionForm& form, llvm::Module& module) {
  std::vector<llvm::Function*> of_length;
  for (const auto& [program, suffix] :
       {std::pair{&rows.one_block, ".block"}, std::pair{&rows.blocks, ".blocks"}}) {
    if (Outcome held = holds(program->graph, program->input_dtypes, program->output_dtypes);
        !held.ok())
      return held;
    FunctionForm part = form;
    part.symbol += suffix;
    of_length.push_back(RowTranslator(*program, part, module).run());
    of_length.back()->setLinkage(llvm::GlobalValue::InternalLinkage);
  }
  llvm::IRBuilder<> build(module.getContext());
  llvm::FunctionType* const type = of_length.front()->getFunctionType();
  llvm::Function* const function =
      begin_function(build, form.symbol, type->params(), module, form.target);
  make_kernel(*function, form.target);
  std::vector<Value*> arguments;
  for (llvm::Argument& argument : function->args()) arguments.push_back(&argument);
  Value* const columns = arguments[arguments.size() - 2];
  const auto call = [&](llvm::Function* part) { build.CreateCall(part, arguments); };
  write_if(
      build,
      build.CreateICmpULE(
          columns, llvm::ConstantInt::get(columns->getType(),
                                          static_cast<std::uint64_t>(schedule::kBlockColumns))),
      [&] { call(of_length[0]); }, [&] { call(of_length[1]); });
  build.CreateRetVoid();
  return Unit{};
}

}  // namespace sluice::llvm_backend
