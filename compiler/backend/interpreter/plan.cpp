#include "compiler/backend/interpreter/plan.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace sluice::interpreter {
namespace {

// Blocks of this many bytes a slot keep the dispatch of a step below a tenth of its work; more
// would push the slots of a usual program out of the first-level cache, whose larger half they may
// take.
constexpr std::size_t kBlockBytes = 2048;
constexpr std::size_t kCacheBytes = 28 * 1024;

std::optional<Storage> storage_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f32: return Storage::f32;
    case Dtype::f64: return Storage::f64;
    case Dtype::f16: return Storage::f16;
    case Dtype::bf16: return Storage::bf16;
    case Dtype::boolean: return Storage::boolean;
    case Dtype::i8: return Storage::i8;
    case Dtype::u8: return Storage::u8;
    case Dtype::i32: return Storage::i32;
    case Dtype::i64: return Storage::i64;
  }
  return std::nullopt;
}

class Planner {
 public:
  Planner(const schedule::ElementProgram& program, const KernelTable& kernels)
      : program_(program), graph_(program.graph),
        kernels_(graph_.compute() == ir::Elem::f64 ? kernels.f64 : kernels.f32),
        plan_(std::make_shared<Interpreter::Plan>()), values_(graph_.size()) {
    plan_->lane_bytes = graph_.compute() == ir::Elem::f64 ? 8 : 4;
  }

  Result<std::shared_ptr<const Interpreter::Plan>> make() {
    if (Outcome checked = check_dtypes(); !checked.ok()) return checked.error();
    for (const ir::Table& table : graph_.tables()) plan_->tables.push_back(table.entries);
    place_scalars();
    assign_slots();
    if (Outcome chosen = choose_block(); !chosen.ok()) return chosen.error();
    plan_body();
    return std::shared_ptr<const Interpreter::Plan>(std::move(plan_));
  }

 private:
  static constexpr std::size_t kNever = ~std::size_t{0};

  struct Value {
    bool scalar = false;
    bool loaded = false;  // of an element input
    std::uint32_t slot = 0;
    std::size_t last_use = kNever;  // in the body; its size for an output
    Source source;
  };

  [[nodiscard]] Value& value(ir::ValueId id) { return values_[id.index]; }
  [[nodiscard]] const Value& value(ir::ValueId id) const { return values_[id.index]; }

  // Numbers are loaded and stored as floating types, integers as the others.
  [[nodiscard]] static Outcome check_dtype(Dtype dtype, ir::Type type) {
    if (storage_of(dtype) && is_floating(dtype) == ir::is_number(type.elem)) return Unit{};
    return Error{Status::unsupported, "the interpreter has no loops yet for buffers of type " +
                                          std::string(name(dtype))};
  }

  [[nodiscard]] Outcome check_dtypes() const {
    for (std::size_t i = 0; i < graph_.inputs().size(); ++i)
      if (Outcome checked = check_dtype(program_.input_dtypes[i], graph_.inputs()[i].type);
          !checked)
        return checked;
    for (std::size_t i = 0; i < graph_.outputs().size(); ++i)
      if (Outcome checked =
              check_dtype(program_.output_dtypes[i], graph_[graph_.outputs()[i].value].type);
          !checked)
        return checked;
    return Unit{};
  }

  static std::size_t storage_index(Dtype dtype) {
    return static_cast<std::size_t>(*storage_of(dtype));
  }

  Source add_constant(std::uint64_t bits) {
    const std::size_t offset = plan_->constants.size();
    plan_->constants.resize(offset + plan_->lane_bytes);
    if (plan_->lane_bytes == 4) {
      const auto lane = static_cast<std::uint32_t>(bits);
      std::memcpy(&plan_->constants[offset], &lane, sizeof lane);
    } else {
      std::memcpy(&plan_->constants[offset], &bits, sizeof bits);
    }
    return {Place::constants, static_cast<std::uint32_t>(offset / plan_->lane_bytes)};
  }

  void add_scalar(ir::ValueId id, Step step) {
    step.result = scalars_++;
    value(id).scalar = true;
    value(id).source = {Place::frame, step.result};
    plan_->prologue.push_back(step);
  }

  void place_scalars() {
    for (const ir::ValueId id : graph_.live()) {
      const ir::Node& node = graph_[id];
      Step step;
      if (node.op == ir::Op::constant) {
        value(id).scalar = true;
        value(id).source = add_constant(node.payload);
      } else if (node.op == ir::Op::param) {
        step.kernel = kernels_.load_param;
        step.buffer = static_cast<std::uint32_t>(node.payload);
        add_scalar(id, step);
      } else if (node.op == ir::Op::input && node.type.extent != ir::Extent::element) {
        step.kernel = kernels_.load_scalar[storage_index(program_.input_dtypes[node.payload])];
        step.buffer = program_.input_buffer(node.payload);
        add_scalar(id, step);
      }
    }
    for (const ir::ValueId id : program_.uniform) add_scalar(id, operation(id));
  }

  // The step of an operation whose operands have their places.
  [[nodiscard]] Step operation(ir::ValueId id) const {
    const ir::Node& node = graph_[id];
    Step step;
    Source* const sources[] = {&step.a, &step.b, &step.c};
    std::size_t variant = 0;
    for (int i = 0; i < node.arity(); ++i) {
      const Value& operand = value(node.operand(i));
      *sources[i] = operand.source;
      if (operand.scalar) variant |= std::size_t{1} << i;
    }
    step.kernel = kernels_.ops[static_cast<std::size_t>(node.op)][variant];
    if (node.op == ir::Op::lookup) {
      step.table = plan_->tables[node.payload].data();
      step.table_size = plan_->tables[node.payload].size();
    }
    return step;
  }

  // A slot is taken where a value is made, or an input first read, and free again after the last
  // step that reads it.
  void assign_slots() {
    for (std::size_t i = 0; i < program_.body.size(); ++i)
      for (const ir::ValueId operand : graph_[program_.body[i]].args()) value(operand).last_use = i;
    for (const ir::GraphOutput& output : graph_.outputs())
      value(output.value).last_use = program_.body.size();

    std::vector<bool> has_slot(graph_.size(), false);
    const auto take = [&](ir::ValueId id) {
      if (has_slot[id.index] || value(id).scalar) return;
      has_slot[id.index] = true;
      value(id).slot = take_slot();
    };
    for (std::size_t i = 0; i < program_.body.size(); ++i) {
      const ir::ValueId id = program_.body[i];
      for_inputs_read_at(i, take);
      take(id);
      for (const ir::ValueId operand : graph_[id].args()) {
        if (value(operand).scalar || value(operand).last_use != i) continue;
        free_slots_.push_back(value(operand).slot);
        value(operand).last_use = kNever;  // an operand may stand twice
      }
    }
    for (const ir::GraphOutput& output : graph_.outputs()) take(output.value);
  }

  std::uint32_t take_slot() {
    if (free_slots_.empty()) return slots_++;
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }

  // The frame: scalars first, in whole groups; then the slots.
  [[nodiscard]] Outcome choose_block() {
    const std::size_t scalar_bytes =
        (scalars_ * plan_->lane_bytes + kGroupBytes - 1) / kGroupBytes * kGroupBytes;
    const std::size_t slots = std::max<std::size_t>(slots_, 1);
    std::size_t block = kBlockBytes;
    while (block > kGroupBytes && slots * block > kCacheBytes) block /= 2;
    if (scalar_bytes + slots * block > kFrameBytes)
      return Error{
          Status::limit_exceeded,
          "the function keeps " + std::to_string(slots) +
              " values at once, and the interpreter's limit is " +
              std::to_string((kFrameBytes - std::min(scalar_bytes, kFrameBytes)) / kGroupBytes)};
    plan_->block_lanes = block / plan_->lane_bytes;
    plan_->frame_bytes = scalar_bytes + slots * block;
    first_slot_ = scalar_bytes / plan_->lane_bytes;
    return Unit{};
  }

  [[nodiscard]] std::uint32_t slot_offset(ir::ValueId id) const {
    return static_cast<std::uint32_t>(first_slot_ + value(id).slot * plan_->block_lanes);
  }

  // An arm's inputs are read before it, whether it is done or not.
  template <typename F>
  void for_inputs_read_at(std::size_t i, F&& f) const {
    std::size_t end = i + 1;
    for (const schedule::Arm& arm : program_.arms)
      if (arm.begin == i) end = arm.end;
    for (; i < end; ++i)
      for (const ir::ValueId operand : graph_[program_.body[i]].args())
        if (graph_[operand].op == ir::Op::input) f(operand);
  }

  void load(ir::ValueId id) {
    Value& input = value(id);
    if (graph_[id].op != ir::Op::input || input.scalar || input.loaded) return;
    input.loaded = true;
    input.source = {Place::frame, slot_offset(id)};
    Step step;
    const std::uint64_t index = graph_[id].payload;
    step.buffer = program_.input_buffer(index);
    step.kernel = kernels_.load[storage_index(program_.input_dtypes[index])];
    step.result = input.source.offset;
    plan_->body.push_back(step);
  }

  // Nothing is stored before all inputs are loaded: an output may be an input's buffer.
  void plan_body() {
    std::span<const schedule::Arm> arms = program_.arms;
    for (std::size_t i = 0; i < program_.body.size(); ++i) {
      const ir::ValueId id = program_.body[i];
      for_inputs_read_at(i, [&](ir::ValueId input) { load(input); });
      if (!arms.empty() && arms.front().begin == i)
        plan_->skipped.push_back({plan_->body.size(), 0, value(arms.front().condition).source});
      Step step = operation(id);
      step.result = slot_offset(id);
      value(id).source = {Place::frame, step.result};
      plan_->body.push_back(step);
      if (arms.empty() || arms.front().end != i + 1) continue;
      plan_->skipped.back().end = plan_->body.size();
      arms = arms.subspan(1);
    }
    for (const ir::GraphOutput& output : graph_.outputs()) load(output.value);
    for (std::size_t i = 0; i < graph_.outputs().size(); ++i) {
      const Value& result = value(graph_.outputs()[i].value);
      const std::size_t storage = storage_index(program_.output_dtypes[i]);
      Step step;
      step.kernel = result.scalar ? kernels_.store_scalar[storage] : kernels_.store[storage];
      step.buffer = program_.output_buffer(i);
      step.a = result.source;
      plan_->body.push_back(step);
    }
  }

  const schedule::ElementProgram& program_;
  const ir::Graph& graph_;
  const KernelSet& kernels_;
  std::shared_ptr<Interpreter::Plan> plan_;
  std::vector<Value> values_;
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t scalars_ = 1;  // lane 0 stands for the operands that an op does not have
  std::uint32_t slots_ = 0;
  std::size_t first_slot_ = 0;
};

}  // namespace

Result<std::shared_ptr<const Interpreter::Plan>> make_plan(const schedule::ElementProgram& program,
                                                           const KernelTable& kernels) {
  return Planner(program, kernels).make();
}

}  // namespace sluice::interpreter
