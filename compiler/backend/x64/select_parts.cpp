// Selection of what takes a number apart or puts it together, of conversions, and of tables.
#include <algorithm>
#include <bit>
#include <limits>

#include "compiler/backend/x64/selector.hpp"
#include "compiler/ir/meaning.hpp"

namespace sluice::x64 {

using ir::Node;

namespace {

// Interval [3/4, 3/2) of vgetmant, and what it does with a sign: drop it, or drop that of zero and
// give NaN for negative numbers (Intel SDM volume 2, VGETMANTPS).
enum Mantissa : std::uint8_t { kOfMagnitude = 3 | 1 << 2, kNanIfNegative = 3 | 3 << 2 };

// 1.5 * 2^mantissa_bits as ir::meaning has it: in a sum with it, the low bits are the nearest
// integer.
double rounder(Machine machine) {
  return machine.wide ? ir::meaning::kRounder<double> : double{ir::meaning::kRounder<float>};
}
std::uint64_t rounder_bits(Machine machine) {
  return machine.wide ? ir::meaning::to_bits(ir::meaning::kRounder<double>)
                      : ir::meaning::to_bits(ir::meaning::kRounder<float>);
}
std::uint8_t mantissa_bits(Machine machine) { return machine.wide ? 52 : 23; }

}  // namespace

// AVX2: two multiplications by powers of two, as in ir::meaning::ldexp; how b is halved does not
// matter, for the first product is exact. The rounder's low bits are zero up to where the shift
// begins, so that the integer need not be freed of it.
Ref Selector::ldexp(Ref a, Ref b) {
  if (machine_.avx512) return emit(Opcode::scalef, a, b);
  const std::uint8_t shift = mantissa_bits(machine_);
  // Exponents as powers of two have them, with their bias: half's has one, the whole's two.
  const double bias = machine_.wide ? 1023 : 127;
  const double magic = rounder(machine_);
  const Ref whole = emit(Opcode::shl, emit(Opcode::add, b, number(magic + 2 * bias)), shift);
  const Ref half =
      emit(Opcode::shl, emit(Opcode::fmadd, b, number(0.5), number(magic + bias)), shift);
  const Ref once = emit(Opcode::mul, a, half);
  return emit(Opcode::mul, once, emit(Opcode::isub, whole, half));
}

// AVX2: the rounder carries the exponent's bias, so that the shift leaves the power of two.
// AVX-512's instruction takes any first operand, and scales by the integer exactly.
Ref Selector::scale(Ref a, Ref b) {
  if (machine_.avx512) return emit(Opcode::scalef, a, b);
  const double bias = machine_.wide ? 1023 : 127;
  const Ref biased = emit(Opcode::add, b, number(rounder(machine_) + bias));
  return emit(Opcode::mul, a, emit(Opcode::shl, biased, mantissa_bits(machine_)));
}

Selector::Split Selector::split(ValueId id) {
  const auto known =
      std::find_if(splits_.begin(), splits_.end(), [&](const Split& s) { return s.of == id; });
  if (known != splits_.end()) return *known;
  Split parts;
  parts.of = id;
  const double smallest = machine_.wide ? std::numeric_limits<double>::min()
                                        : double{std::numeric_limits<float>::min()};
  const double scale = machine_.wide ? 0x1p52 : 0x1p23;
  const std::uint64_t three_quarters =
      machine_.wide ? std::bit_cast<std::uint64_t>(0.75) : std::bit_cast<std::uint32_t>(0.75f);
  const std::uint64_t lift = machine_.wide ? std::uint64_t{1} << 62 : std::uint64_t{1} << 30;
  parts.magnitude = emit(Opcode::bit_and, ref(id), bits(all_ones() ^ sign_bit()));
  parts.tiny = compare(kLess, parts.magnitude, number(smallest));
  parts.scaled =
      blend_avx2(parts.tiny, emit(Opcode::mul, parts.magnitude, number(scale)), parts.magnitude);
  parts.lifted = emit(Opcode::iadd, parts.scaled, bits(lift - three_quarters));
  splits_.push_back(parts);
  return parts;
}

Ref Selector::exponent(ValueId id) {
  if (machine_.avx512) {
    const Ref mantissa_exponent =
        emit(Opcode::getexp, emit(Opcode::getmant, ref(id), kOfMagnitude));
    return emit(Opcode::sub, emit(Opcode::getexp, ref(id)), mantissa_exponent);
  }
  const Split parts = split(id);
  const std::uint8_t shift = mantissa_bits(machine_);
  const double infinity = std::numeric_limits<double>::infinity();
  const std::uint64_t bias = machine_.wide ? 1024 : 128;  // of the lift, in exponent units
  const Ref raw = emit(Opcode::shr, parts.lifted, shift);
  // What scaling added is subtracted along with the bias, while the exponent is an integer.
  const Ref correction = emit(Opcode::bit_and, parts.tiny, bits(shift));
  const Ref integer = emit(Opcode::isub, raw, correction);
  Ref finite;
  if (machine_.wide) {
    const Ref biased = emit(Opcode::iadd, integer, bits(rounder_bits(machine_) - bias));
    finite = emit(Opcode::sub, biased, number(rounder(machine_)));
  } else {
    finite = emit(Opcode::to_float, emit(Opcode::isub, integer, bits(bias)));
  }
  const Ref low = blend_avx2(compare(kEqual, parts.magnitude, bits(0)), number(-infinity), finite);
  return blend_avx2(compare(kLess, parts.magnitude, number(infinity)), low, parts.magnitude);
}

Ref Selector::mantissa(ValueId id) {
  if (machine_.avx512) return emit(Opcode::getmant, ref(id), kNanIfNegative);
  const Split parts = split(id);
  const std::uint64_t lift = machine_.wide ? std::uint64_t{1} << 62 : std::uint64_t{1} << 30;
  const std::uint64_t exponent_field = all_ones() << mantissa_bits(machine_) & all_ones();
  const Ref field =
      emit(Opcode::isub, emit(Opcode::iand, parts.lifted, bits(exponent_field)), bits(lift));
  const Ref finite = emit(Opcode::isub, parts.scaled, field);
  const Ref is_zero_or_infinite =
      emit(Opcode::bit_or, compare(kEqual, ref(id), bits(0)),
           compare(kEqual, ref(id), number(std::numeric_limits<double>::infinity())));
  const Ref positive = blend_avx2(is_zero_or_infinite, number(1), finite);
  // All ones is a NaN.
  return emit(Opcode::bit_or, positive, compare(kNotGreaterEqual, ref(id), bits(0)));
}

Ref Selector::round_to_int(Ref a) {
  if (machine_.avx512 || !machine_.wide) return emit(Opcode::to_int, a);
  return emit(Opcode::isub, emit(Opcode::add, a, number(rounder(machine_))),
              bits(rounder_bits(machine_)));
}

Ref Selector::to_float(Ref a) {
  if (machine_.avx512 || !machine_.wide) return emit(Opcode::to_float, a);
  return emit(Opcode::sub, emit(Opcode::iadd, a, bits(rounder_bits(machine_))),
              number(rounder(machine_)));
}

// A register's worth of a table's entries from `first` on, repeated where the table is shorter; or
// in which bits they differ from the entries a register's worth before.
Ref Selector::table_vector(std::uint64_t table, std::uint32_t first, bool difference) {
  const std::uint64_t key = table << 32 | std::uint64_t{difference} << 31 | first;
  for (std::uint32_t i = 0; i < result_.invariants.size(); ++i) {
    const Invariant& known = result_.invariants[i];
    if (known.kind == Invariant::Kind::vector && known.bits == key) return Ref::invariant(i);
  }
  const std::vector<std::uint64_t>& entries = graph().tables()[table].entries;
  const std::uint32_t place = result_.pool.add_lanes(machine_.lanes());
  for (std::uint32_t lane = 0; lane < machine_.lanes(); ++lane) {
    const std::uint64_t entry = entries[(first + lane) % entries.size()];
    const std::uint64_t before = difference ? entries[first + lane - machine_.lanes()] : 0;
    result_.pool.put(place, lane, entry ^ before);
  }
  return invariant({Invariant::Kind::vector, Bank::vector, place, key});
}

// Permutations take the low bits of the index, which is the op's own modulo; a gather's index is
// masked first.
Ref Selector::lookup(const Node& node) {
  const std::uint64_t table = node.payload;
  const std::size_t size = graph().tables()[table].entries.size();
  const std::uint32_t lanes = machine_.lanes();
  const Ref index = ref(node.operand(0));
  if ((!machine_.avx512 && machine_.wide) || size > 2 * lanes) return gather(index, table);
  if (size <= lanes) return emit(Opcode::permute, index, table_vector(table, 0));
  if (machine_.avx512)
    return emit(Opcode::permute2, index, table_vector(table, 0), table_vector(table, lanes));
  return lookup_in_halves(index, table);
}

// AVX2, 16 entries: low ^ (low ^ high where the index is in the upper half), two instructions where
// a blend is three on some processors. Which half that is serves every table with this index.
Ref Selector::lookup_in_halves(Ref index, std::uint64_t table) {
  const auto known = std::find_if(halves_.begin(), halves_.end(),
                                  [&](const Half& half) { return half.index == index; });
  const Ref upper =
      known != halves_.end() ? known->upper : emit(Opcode::sar, emit(Opcode::shl, index, 28), 31);
  if (known == halves_.end()) halves_.push_back({index, upper});
  const Ref low = emit(Opcode::permute, index, table_vector(table, 0));
  const Ref change = emit(Opcode::permute, index, table_vector(table, machine_.lanes(), true));
  return emit(Opcode::bit_xor, low, emit(Opcode::bit_and, change, upper));
}

Ref Selector::gather(Ref index, std::uint64_t table) {
  const std::vector<std::uint64_t>& entries = graph().tables()[table].entries;
  const auto size = static_cast<std::uint32_t>(entries.size());
  const auto known = std::find_if(gathered_.begin(), gathered_.end(),
                                  [&](const Gathered& g) { return g.table == table; });
  Instruction instruction;
  instruction.opcode = Opcode::gather;
  instruction.place = known != gathered_.end() ? known->place : result_.pool.add_lanes(size);
  if (known == gathered_.end()) {
    for (std::uint32_t i = 0; i < size; ++i) result_.pool.put(instruction.place, i, entries[i]);
    gathered_.push_back({table, instruction.place});
  }
  instruction.src[0] = emit(Opcode::iand, index, bits(size - 1));
  if (machine_.avx512) {
    instruction.mask = emit(Opcode::mask_set, Ref{}, 1);
  } else {
    instruction.src[1] = emit(Opcode::gather_ones, Ref{});
  }
  instruction.dst = new_value(Bank::vector);
  return push(instruction);
}

}  // namespace sluice::x64
