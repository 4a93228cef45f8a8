// Selection of instructions for each op. What an op means, bit for bit, is in compiler/ir/ops.def;
// the comments here say why an instruction has that meaning.
#include "compiler/backend/x64/select.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "compiler/backend/x64/selector.hpp"
#include "compiler/ir/scalar.hpp"

namespace sluice::x64 {
namespace {

using ir::Elem;
using ir::Extent;
using ir::Node;
using ir::Op;
using ir::ValueId;

// There is no code for lanes of f64 beside 16 bits.
bool is_storage_of(Dtype dtype, Elem elem) {
  return schedule::is_storage_of(dtype, elem) && (elem != Elem::f64 || dtype == Dtype::f64);
}

// Rounding modes of roundps and, in the same bits, rndscaleps at scale 1; 8 keeps the inexact flag
// as it is.
enum Rounding : std::uint8_t { kNearest = 8, kDown = 9, kUp = 10, kTowardZero = 11 };

}  // namespace

Selector::Selector(const schedule::ElementProgram& program, Machine machine, Selection& result)
    : program_(program), machine_(machine), result_(result), refs_(program.graph.size()),
      uses_(program.graph.size(), 0) {}

std::string Selector::unsupported() const {
  const auto stored = [](std::string_view what, std::string_view name, Dtype dtype) {
    return std::string(what)
        .append(" '")
        .append(name)
        .append("' of type ")
        .append(sluice::name(dtype));
  };
  for (std::size_t i = 0; i < graph().inputs().size(); ++i) {
    const ir::GraphInput& input = graph().inputs()[i];
    if (input.type.extent == Extent::row) return "an input of row extent, '" + input.name + "'";
    if (!is_storage_of(program_.input_dtypes[i], input.type.elem))
      return stored("an input", input.name, program_.input_dtypes[i]);
  }
  for (std::size_t i = 0; i < graph().outputs().size(); ++i) {
    const ir::GraphOutput& output = graph().outputs()[i];
    if (!is_storage_of(program_.output_dtypes[i], graph()[output.value].type.elem))
      return stored("an output", output.name, program_.output_dtypes[i]);
  }
  for (const auto* order : {&program_.uniform, &program_.body}) {
    for (const ValueId id : *order) {
      const Node& node = graph()[id];
      const bool is_shift = node.op == Op::ishl || node.op == Op::ishr || node.op == Op::isar;
      if (is_shift &&
          (!graph().is_constant(node.operand(1)) ||
           graph()[node.operand(1)].payload >= std::uint64_t{machine_.lane_bytes()} * 8))
        return "a shift by other than a constant below the width";
      if (machine_.wide && (node.op == Op::imul || node.op == Op::isar))
        return std::string(ir::name(node.op)).append(" of 64-bit lanes");
      if (ir::info(node.op).op_class != ir::OpClass::machine)
        return std::string(ir::name(node.op)).append(" that was not expanded");
    }
  }
  return {};
}

void Selector::run() {
  count_uses();
  block_ = &result_.once;
  load_inputs();
  fill(result_.once, program_.uniform, {});
  keep_uniforms();
  fill(result_.body, program_.body, program_.arms);
  store_outputs();
  if (has_pairs()) select_pairs();
}

void Selector::count_uses() {
  for (const auto* order : {&program_.uniform, &program_.body})
    for (const ValueId id : *order)
      for (const ValueId operand : graph()[id].args()) ++uses_[operand.index];
  for (const ir::GraphOutput& output : graph().outputs()) ++uses_[output.value.index];
}

// Element inputs are values with a home; scalar ones are read once, for an output may lie over
// them.
void Selector::load_inputs() {
  for (std::uint32_t i = 0; i < graph().size(); ++i) {
    const Node& node = graph()[ValueId{i}];
    if (node.op != Op::input || uses_[i] == 0) continue;
    const std::uint32_t buffer = program_.input_buffer(node.payload);
    if (node.type.extent == Extent::element) {
      refs_[i] = Ref::value(static_cast<std::uint32_t>(result_.body.values.size()));
      const bool narrow = size_of(program_.input_dtypes[node.payload]) < machine_.lane_bytes();
      result_.body.values.push_back({Bank::vector, static_cast<std::int32_t>(buffer), narrow});
      continue;
    }
    Instruction load;
    load.opcode = Opcode::load_scalar;
    load.place = buffer;
    load.dst = new_value(Bank::vector);
    refs_[i] = push(load);
  }
}

// What is computed in an arm is not there for others: the parts that it has in common with them are
// made anew.
void Selector::fill(Block& block, const std::vector<ValueId>& order,
                    std::span<const schedule::Arm> arms) {
  block_ = &block;
  splits_.clear();
  halves_.clear();
  maker_.resize(block.values.size(), Instruction::kNoValue);
  block.code.reserve(order.size() * 2);
  const auto fill_range = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      node_ = order[i].index;
      refs_[order[i].index] = select_op(graph()[order[i]]);
    }
  };
  std::size_t done = 0;
  for (const schedule::Arm& arm : arms) {
    fill_range(done, arm.begin);
    const std::size_t splits = splits_.size();
    const std::size_t halves = halves_.size();
    arm_ = ref(arm.condition);
    fill_range(arm.begin, arm.end);
    arm_ = Ref{};
    splits_.resize(splits);
    halves_.resize(halves);
    done = arm.end;
  }
  fill_range(done, order.size());
  node_ = Instruction::kNoValue;
}

// Uniform values that the body or an output reads get a slot of the frame, and stand for it from
// here on.
void Selector::keep_uniforms() {
  std::vector<bool> read(graph().size(), false);
  for (const ValueId id : program_.body)
    for (const ValueId operand : graph()[id].args()) read[operand.index] = true;
  for (const ir::GraphOutput& output : graph().outputs()) read[output.value.index] = true;
  for (std::uint32_t i = 0; i < graph().size(); ++i) {
    if (!read[i] || !is_uniform(ValueId{i}) || !refs_[i].is_value()) continue;
    Instruction keep;
    keep.opcode = Opcode::keep;
    keep.place = result_.uniform_slots++;
    keep.src[0] = refs_[i];
    push(keep);
    const Bank bank = result_.once.values[refs_[i].index()].bank;
    refs_[i] = invariant({Invariant::Kind::uniform, bank, keep.place, 0});
  }
  maker_.clear();
}

// A store may come only after the last read of an input: an output may be the same buffer as an
// input, and an input may be read again instead of being kept in a register. So an output that is
// an input is copied first, and every store is put behind what makes its value and that last read.
void Selector::store_outputs() {
  Block& body = result_.body;
  const auto is_input = [&](Ref ref) {
    return ref.is_value() && body.values[ref.index()].home != Value::kNoHome;
  };
  std::vector<Ref> stored;
  const std::vector<LowHalf> halves = low_halves(graph(), program_.input_dtypes);
  for (std::size_t i = 0; i < graph().outputs().size(); ++i) {
    const Ref value = ref(graph().outputs()[i].value);
    const LowHalf known = halves[graph().outputs()[i].value.index];
    if (program_.output_dtypes[i] == Dtype::bf16 && !(machine_.avx512 && known == LowHalf::zero))
      stored.push_back(to_bf16(value, known));
    else
      stored.push_back(is_input(value) ? emit(Opcode::move, value) : value);
  }
  std::size_t last_read = 0;
  for (std::size_t i = 0; i < body.code.size(); ++i) {
    const Instruction& reader = body.code[i];
    if (std::any_of(reader.src.begin(), reader.src.end(), is_input) || is_input(reader.merge))
      last_read = i + 1;
  }
  std::vector<std::pair<std::size_t, Instruction>> stores;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    Instruction store;
    store.opcode = Opcode::store;
    store.narrow = size_of(program_.output_dtypes[i]) < machine_.lane_bytes();
    store.place = program_.output_buffer(i);
    store.src[0] = stored[i];
    const std::size_t made = stored[i].is_value() ? std::size_t{maker_[stored[i].index()]} + 1 : 0;
    stores.emplace_back(std::max(last_read, made), store);
  }
  std::stable_sort(stores.begin(), stores.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [position, store] : stores)
    body.code.insert(body.code.begin() + static_cast<std::ptrdiff_t>(position), store);
}

Selector::Signed Selector::with_sign(ValueId id) {
  bool negative = false;
  for (; graph()[id].op == Op::neg && selected_here(id); id = graph()[id].operand(0))
    negative = !negative;
  const Node& node = graph()[id];
  if (node.op == Op::constant && (node.payload & sign_bit()) != 0)
    return {bits(node.payload ^ sign_bit()), !negative};
  return {ref(id), negative};
}

Ref Selector::sum(ValueId first, ValueId second, bool subtract) {
  const Signed a = with_sign(first);
  const Signed b = with_sign(second);
  const bool minus = b.negative != subtract;
  if (!a.negative) return emit(minus ? Opcode::sub : Opcode::add, a.ref, b.ref);
  if (!minus) return emit(Opcode::sub, b.ref, a.ref);
  return emit(Opcode::sub, ref(first), b.ref);
}

Ref Selector::fused(const Node& node) {
  const Signed a = with_sign(node.operand(0));
  const Signed b = with_sign(node.operand(1));
  const Signed c = with_sign(node.operand(2));
  const bool product = a.negative != b.negative;
  const Opcode opcode = product ? (c.negative ? Opcode::fnmsub : Opcode::fnmadd)
                                : (c.negative ? Opcode::fmsub : Opcode::fmadd);
  return emit(opcode, a.ref, b.ref, c.ref);
}

bool Selector::never_nan(ValueId id) const {
  const Node& node = graph()[id];
  if (node.op == Op::to_float) return true;
  if (node.op != Op::constant) return false;
  const double value = graph().constant_value(id);
  return value == value;
}

bool Selector::is_zero(ValueId id) const {
  const Node& node = graph()[id];
  return node.op == Op::constant && node.payload == 0;
}

// vmaxps gives its second source where the two are unordered or equal: max(src0 = b, src1 = a) is
// the op's meaning but for b NaN. With the sources the other way round NaNs come out right if a is
// not one, and only equal numbers with different bits, zeros, come out wrong.
Ref Selector::extremum(Opcode opcode, const Node& node) {
  const ValueId a = node.operand(0);
  const ValueId b = node.operand(1);
  if (never_nan(b)) return emit(opcode, ref(b), ref(a));
  const bool zero = graph().is_constant(a) && (graph()[a].payload & ~sign_bit()) == 0;
  if (graph().is_constant(a) && never_nan(a) && !zero) return emit(opcode, ref(a), ref(b));
  const Ref result = emit(opcode, ref(b), ref(a));
  const Ref is_nan = compare(kUnordered, ref(b), ref(b));
  if (!machine_.avx512) return blend_avx2(is_nan, ref(b), result);
  Instruction move;
  move.opcode = Opcode::move;
  move.src[0] = ref(b);
  move.mask = is_nan;
  move.merge = result;
  move.dst = new_value(Bank::vector);
  return push(move);
}

Ref Selector::shift(Opcode opcode, const Node& node) {
  return emit(opcode, ref(node.operand(0)),
              static_cast<std::uint8_t>(graph()[node.operand(1)].payload));
}

Ref Selector::select_op(const Node& node) {
  const auto a = [&] { return ref(node.operand(0)); };
  const auto b = [&] { return ref(node.operand(1)); };
  switch (node.op) {
    case Op::add: return sum(node.operand(0), node.operand(1), false);
    case Op::sub: return sum(node.operand(0), node.operand(1), true);
    case Op::mul: return emit(Opcode::mul, a(), b());
    case Op::div: return divide(node);
    case Op::fma: return fused(node);
    case Op::sqrt: return square_root(node);
    case Op::neg: return emit(Opcode::bit_xor, a(), bits(sign_bit()));
    case Op::abs: return emit(Opcode::bit_and, a(), bits(all_ones() ^ sign_bit()));
    case Op::max: return extremum(Opcode::max, node);
    case Op::min: return extremum(Opcode::min, node);
    case Op::floor: return emit(Opcode::round, a(), kDown);
    case Op::ceil: return emit(Opcode::round, a(), kUp);
    case Op::trunc: return emit(Opcode::round, a(), kTowardZero);
    case Op::round_even: return emit(Opcode::round, a(), kNearest);
    case Op::ldexp: return ldexp(a(), b());
    case Op::scale: return scale(a(), b());
    case Op::exponent: return exponent(node.operand(0));
    case Op::mantissa: return mantissa(node.operand(0));
    case Op::lt: return compare(kLess, node);
    case Op::le: return compare(kLessEqual, node);
    case Op::eq: return compare(kEqual, node);
    case Op::ne: return compare(kNotEqual, node);
    case Op::logic_and: return both(node);
    case Op::logic_or: return either(node);
    case Op::logic_not: return opposite(node.operand(0));
    case Op::unlikely: return a();
    case Op::select: return choose_lanes(node);
    case Op::iadd: return emit(Opcode::iadd, a(), b());
    case Op::isub: return emit(Opcode::isub, a(), b());
    case Op::imul: return emit(Opcode::imul, a(), b());
    case Op::iand: return emit(Opcode::iand, a(), b());
    case Op::ior: return emit(Opcode::ior, a(), b());
    case Op::ixor: return emit(Opcode::ixor, a(), b());
    case Op::ishl: return shift(Opcode::shl, node);
    case Op::ishr: return shift(Opcode::shr, node);
    case Op::isar: return shift(Opcode::sar, node);
    case Op::ieq: return icompare(kIntEqual, node);
    case Op::ilt: return icompare(kIntLess, node);
    case Op::to_bits: return a();
    case Op::from_bits: return a();
    case Op::round_to_int: return round_to_int(a());
    case Op::to_float: return to_float(a());
    case Op::lookup: return lookup(node);
#define LEAF(name) case Op::name:
#define PRIMITIVE(name, arity, rule) case Op::name:
#define REDUCTION(name, arity, rule, extent) case Op::name:
#define ROW_PRIMITIVE(name, arity, rule, extent) case Op::name:
#include "compiler/ir/ops.def"
      break;  // refused by unsupported()
  }
  return {};
}

std::uint32_t Selector::new_value(Bank bank) {
  block_->values.push_back({bank, Value::kNoHome});
  return static_cast<std::uint32_t>(block_->values.size() - 1);
}

Ref Selector::push(Instruction instruction) {
  instruction.node = node_;
  instruction.way = way_;
  instruction.arm = arm_;
  const std::uint32_t dst = instruction.dst;
  if (dst != Instruction::kNoValue) {
    maker_.resize(block_->values.size(), Instruction::kNoValue);
    maker_[dst] = static_cast<std::uint32_t>(block_->code.size());
  }
  block_->code.push_back(instruction);
  return Ref::value(dst);
}

Ref Selector::emit(Opcode opcode, Ref a, std::uint8_t imm) { return emit(opcode, a, Ref{}, imm); }

Ref Selector::emit(Opcode opcode, Ref a, Ref b, std::uint8_t imm) {
  Instruction instruction;
  instruction.opcode = opcode;
  instruction.imm = imm;
  instruction.src = {a, b, Ref{}};
  instruction.dst = new_value(traits(opcode).has(trait::ToMask) ? Bank::mask : Bank::vector);
  return push(instruction);
}

Ref Selector::emit(Opcode opcode, Ref a, Ref b, Ref c) {
  Instruction instruction;
  instruction.opcode = opcode;
  instruction.src = {a, b, c};
  instruction.dst = new_value(Bank::vector);
  return push(instruction);
}

Ref Selector::invariant(const Invariant& wanted) {
  result_.invariants.push_back(wanted);
  return Ref::invariant(static_cast<std::uint32_t>(result_.invariants.size() - 1));
}

Ref Selector::bits(std::uint64_t value) {
  const Invariant::Kind kind = value == 0 ? Invariant::Kind::zero : Invariant::Kind::constant;
  const auto known = std::find_if(result_.invariants.begin(), result_.invariants.end(),
                                  [&](const Invariant& candidate) {
                                    return candidate.kind == kind && candidate.bits == value;
                                  });
  if (known != result_.invariants.end())
    return Ref::invariant(static_cast<std::uint32_t>(known - result_.invariants.begin()));
  const std::uint32_t place = value == 0 ? 0 : result_.pool.add_constant(value);
  return invariant({kind, Bank::vector, place, value});
}

Ref Selector::number(double value) {
  return bits(ir::encode(machine_.wide ? Elem::f64 : Elem::f32, value));
}

Ref Selector::boolean_constant(bool value) {
  if (!machine_.avx512) return bits(value ? all_ones() : 0);
  return emit(Opcode::mask_set, Ref{}, value ? 1 : 0);
}

// Constants and parameters become invariants where they are first used, so that only those in use
// are laid out.
Ref Selector::ref(ValueId id) {
  const Node& node = graph()[id];
  if (node.op == Op::constant && node.type.elem == Elem::boolean)
    return boolean_constant(node.payload != 0);
  Ref& known = refs_[id.index];
  if (known) return known;
  if (node.op == Op::constant) {
    known = bits(node.payload);
  } else if (node.op == Op::param) {
    known = invariant(
        {Invariant::Kind::parameter, Bank::vector, static_cast<std::uint32_t>(node.payload), 0});
  }
  return known;
}

Result<Selection> select(const schedule::ElementProgram& program, Machine machine) {
  Selection selection(machine);
  Selector selector(program, machine, selection);
  const std::string obstacle = selector.unsupported();
  if (!obstacle.empty())
    return Error{Status::unsupported, "the x64 back end can't do " + obstacle + " yet"};
  selector.run();
  return selection;
}

}  // namespace sluice::x64
