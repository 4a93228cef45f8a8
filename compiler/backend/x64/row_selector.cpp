#include "compiler/backend/x64/row_selector.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace sluice::x64 {

using ir::Extent;
using ir::Node;
using ir::Op;
using ir::ValueId;

namespace {

// Tells the lanes' numbers from the tables among the invariants.
constexpr std::uint64_t kLaneNumbers = ~std::uint64_t{0};

bool is_lane_storage(Dtype dtype, ir::Elem elem) {
  if (elem == ir::Elem::f32)
    return dtype == Dtype::f32 || dtype == Dtype::f16 || dtype == Dtype::bf16;
  if (elem == ir::Elem::f64) return dtype == Dtype::f64;
  return !is_floating(dtype);
}

}  // namespace

std::uint32_t round_vectors(ir::Elem compute, Machine machine) {
  return static_cast<std::uint32_t>(schedule::partial_count(compute)) / machine.lanes();
}

std::uint32_t pair_levels(ir::Elem compute) {
  return static_cast<std::uint32_t>(
      std::bit_width(static_cast<std::uint64_t>(schedule::kBlockColumns) /
                     (2 * schedule::partial_count(compute))));
}

RowSelector::RowSelector(const schedule::RowProgram& rows, const schedule::ElementProgram& shell,
                         Machine machine, RowSelection& result)
    : Selector(shell, machine, result.selection), rows_(rows), row_result_(result) {
  in_rows_ = true;
}

// Columns must have elements no wider than a lane.
std::string RowSelector::unsupported_in_rows() const {
  const auto fits = [&](Dtype dtype, ir::Elem elem, bool columns) {
    return is_lane_storage(dtype, elem) && (!columns || size_of(dtype) <= machine_.lane_bytes());
  };
  for (std::size_t i = 0; i < graph().inputs().size(); ++i) {
    const ir::GraphInput& input = graph().inputs()[i];
    if (!fits(rows_.input_dtypes[i], input.type.elem, input.type.extent == Extent::element))
      return "an input '" + input.name + "' of type " + std::string(name(rows_.input_dtypes[i]));
  }
  for (std::uint32_t i = 0; i < graph().outputs().size(); ++i) {
    const ir::GraphOutput& output = graph().outputs()[i];
    if (!fits(rows_.output_dtypes[i], graph()[output.value].type.elem, !rows_.is_row_output(i)))
      return "an output '" + output.name + "' of type " + std::string(name(rows_.output_dtypes[i]));
  }
  for (const ValueId id : graph().live())
    if (ir::info(graph()[id].op).op_class == ir::OpClass::primitive)
      return std::string(ir::name(graph()[id].op)).append(" that was not expanded");
  return {};
}

// A value of the row that columns read is read once for each vector, so it counts twice.
void RowSelector::count_row_uses() {
  const auto count = [&](const std::vector<ValueId>& values, std::uint32_t of_row) {
    for (const ValueId id : values)
      for (const ValueId operand : graph()[id].args())
        uses_[operand.index] += is_element(operand) ? 1 : of_row;
  };
  count(rows_.uniform, 1);
  for (const schedule::Phase& phase : rows_.phases) {
    count(phase.row_values, 1);
    for (const schedule::Pass& pass : phase.passes) {
      count(pass.body, 2);
      count(pass.reductions, 2);
    }
  }
  for (const ir::GraphOutput& output : graph().outputs()) uses_[output.value.index] += 2;
}

// What is computed once a row reads from a slot of the frame, where the kernel puts the row's index
// and its length too.
void RowSelector::select_call_values() {
  block_ = &result_.once;
  for (std::size_t i = 0; i < graph().inputs().size(); ++i)
    if (is_call_value(graph().input_value(i))) load_one(i);
  const bool exact = row_result_.columns != 0;
  for (std::uint32_t i = 0; i < graph().size(); ++i) {
    const Op op = graph()[ValueId{i}].op;
    if (uses_[i] == 0 || (op != Op::width && op != Op::row_index)) continue;
    if (op == Op::width && exact) {
      refs_[i] = bits(static_cast<std::uint64_t>(row_result_.columns));
      continue;
    }
    std::int32_t& slot = op == Op::width ? row_result_.width_slot : row_result_.row_index_slot;
    slot = static_cast<std::int32_t>(result_.uniform_slots++);
    refs_[i] = invariant({Invariant::Kind::uniform, Bank::vector, static_cast<std::uint32_t>(slot),
                          0, op == Op::row_index && exact});
  }
  fill(result_.once, rows_.uniform, {});
  for (std::uint32_t i = 0; i < graph().size(); ++i)
    if (uses_[i] != 0 && is_call_value(ValueId{i}) && refs_[i].is_value())
      refs_[i] = keep_in_frame(refs_[i]);
}

void RowSelector::load_row_inputs() {
  for (std::size_t i = 0; i < graph().inputs().size(); ++i)
    if (graph().inputs()[i].type.extent == Extent::row) load_one(i);
}

void RowSelector::load_one(std::size_t input) {
  Instruction load;
  load.opcode = Opcode::load_scalar;
  load.place = static_cast<std::uint32_t>(rows_.input_buffer(input));
  load.dst = new_value(Bank::vector);
  refs_[graph().input_value(input).index] = push(load);
}

Ref RowSelector::keep_in_frame(Ref value) {
  Instruction keep;
  keep.opcode = Opcode::keep;
  keep.place = result_.uniform_slots++;
  keep.src[0] = value;
  push(keep);
  const Bank bank = block_->values[value.index()].bank;
  return invariant({Invariant::Kind::uniform, bank, keep.place, 0, row_result_.across});
}

void RowSelector::begin_part() {
  splits_.clear();
  halves_.clear();
  maker_.clear();
  maker_.resize(block_->values.size(), Instruction::kNoValue);
}

void RowSelector::select_row_value(ValueId id) {
  const Node& node = graph()[id];
  node_ = id.index;
  if (node.op == Op::pick) {
    Instruction pick;
    pick.opcode = Opcode::pick;
    pick.place = static_cast<std::uint32_t>(rows_.input_buffer(graph()[node.operand(0)].payload));
    pick.src[0] = ref(node.operand(1));
    pick.dst = new_value(Bank::vector);
    refs_[id.index] = push(pick);
  } else if (node.op == Op::div && is_power_of_two_columns(node.operand(1))) {
    // The same quotient, rounded once.
    refs_[id.index] = emit(Opcode::mul, ref(node.operand(0)),
                           number(1.0 / static_cast<double>(row_result_.columns)));
  } else {
    const std::size_t begin = block_->code.size();
    refs_[id.index] = select_op(node);
    if (!row_result_.across && row_result_.rows == 1) divide_once(begin);
  }
  node_ = Instruction::kNoValue;
}

// The number of columns, where that is part of the code and a power of two.
bool RowSelector::is_power_of_two_columns(ValueId id) const {
  const Node& node = graph()[id];
  return node.op == Op::to_float && graph()[node.operand(0)].op == Op::width &&
         std::has_single_bit(static_cast<std::uint64_t>(row_result_.columns));
}

// What is one for the row is in every lane, but needs no division in each.
void RowSelector::divide_once(std::size_t begin) {
  for (std::size_t i = begin; i < block_->code.size(); ++i) {
    Instruction& instruction = block_->code[i];
    instruction.one_lane = instruction.opcode == Opcode::div || instruction.opcode == Opcode::sqrt;
  }
}

void RowSelector::store_row_outputs() {
  for (std::uint32_t i = 0; i < graph().outputs().size(); ++i) {
    if (!rows_.is_row_output(i)) continue;
    Ref value = ref(graph().outputs()[i].value);
    if (rows_.output_dtypes[i] == Dtype::bf16) value = to_bf16(value);
    Instruction store;
    store.opcode = Opcode::store_row;
    store.place = static_cast<std::uint32_t>(rows_.output_buffer(i));
    store.narrow = size_of(rows_.output_dtypes[i]) < machine_.lane_bytes();
    store.src[0] = value;
    push(store);
  }
}

// The columns that a pass stores: made before the first of them is, for an output may be an input's
// buffer. An input that is stored as it is is copied for the same reason.
std::vector<Ref> RowSelector::to_store(const schedule::Pass& pass) {
  std::vector<Ref> stored;
  for (const std::uint32_t output : pass.outputs) {
    const Ref value = ref(graph().outputs()[output].value);
    const bool is_input = value.is_value() && block_->values[value.index()].home != Value::kNoHome;
    if (rows_.output_dtypes[output] == Dtype::bf16)
      stored.push_back(to_bf16(value));
    else
      stored.push_back(is_input ? emit(Opcode::move, value) : value);
  }
  return stored;
}

Ref RowSelector::lane_numbers() {
  if (!lane_numbers_) {
    const std::uint32_t place = result_.pool.add_lanes(machine_.lanes());
    for (std::uint32_t lane = 0; lane < machine_.lanes(); ++lane)
      result_.pool.put(place, lane, lane);
    lane_numbers_ = invariant({Invariant::Kind::vector, Bank::vector, place, kLaneNumbers});
  }
  return lane_numbers_;
}

Ref RowSelector::select_lanes(Ref condition, Ref a, Ref b) {
  if (!machine_.avx512) return blend_avx2(condition, a, b);
  Instruction blend;
  blend.opcode = Opcode::blend;
  blend.src = {b, a, Ref{}};
  blend.mask = condition;
  blend.dst = new_value(Bank::vector);
  return push(blend);
}

Ref RowSelector::identity(Op op) {
  if (op == Op::block_prod) return number(1);
  if (op == Op::block_greatest) return number(-std::numeric_limits<double>::infinity());
  if (op == Op::block_imin) return bits(machine_.wide ? 0x7fffffffffffffffu : 0x7fffffffu);
  return number(-0.0);
}

Ref RowSelector::both(Op op, Ref a, Ref b) {
  if (op == Op::block_prod) return emit(Opcode::mul, a, b);
  if (op == Op::block_greatest) return emit(Opcode::max, b, a);
  if (op != Op::block_imin) return emit(Opcode::add, a, b);
  if (machine_.avx512 || !machine_.wide) return emit(Opcode::imin, a, b);
  return select_lanes(emit(Opcode::icompare_gt, a, b), b, a);
}

// Depth first, so that few are alive at once: of accumulators j, j + count, j + 2 count and so on.
// Of a row that is too short for them accumulators are missing.
Ref RowSelector::combine_from(Op op, const std::vector<Ref>& accumulators, std::size_t j,
                              std::size_t count) {
  if (count == accumulators.size()) return accumulators[j];
  const Ref a = combine_from(op, accumulators, j, 2 * count);
  const Ref b = combine_from(op, accumulators, j + count, 2 * count);
  return b ? both(op, a, b) : a;
}

// Halves of lanes beyond the row hold the identity.
Ref RowSelector::combine(Op op, const std::vector<Ref>& accumulators, std::int64_t columns) {
  Ref result = combine_from(op, accumulators, 0, 1);
  for (std::int64_t half = machine_.lanes() / 2; half > 0; half /= 2)
    if (half < columns)
      result = both(op, result, emit(Opcode::swap, result, static_cast<std::uint8_t>(half)));
  // A zero is +0.
  return op == Op::block_greatest ? emit(Opcode::add, result, bits(0)) : result;
}

}  // namespace sluice::x64
