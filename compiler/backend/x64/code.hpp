// The back end's own form of a program: straight-line blocks of machine instructions over values
// not yet in registers.
//
// Selection makes it from the scheduled graph; the allocator gives values registers; the assembler
// writes bytes. Values are assigned once. An input of element extent is a value whose home is its
// buffer, so that reading it again costs a memory operand rather than a register. Invariants are
// what a loop does not change: constants, parameters, uniform values; each has a place in memory as
// well.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::x64 {

enum class Opcode : std::uint8_t {
#define VECTOR(name, form, traits, avx2_32, avx2_64, avx512_32, avx512_64) name,
#define SPECIAL(name, sources, traits) name,
#include "compiler/backend/x64/instructions.def"
};

enum class Form : std::uint8_t { unary, unary_imm, binary, binary_imm, shift, special };

namespace trait {
enum : unsigned {
  None = 0,
  Commutes = 1,
  Fold = 2,
  Maskable = 4,
  ToMask = 8,
  Stale = 16,
  Early = 32,
};
}

struct Traits {
  std::uint8_t sources = 0;
  std::uint8_t bits = 0;
  [[nodiscard]] constexpr bool has(unsigned which) const { return (bits & which) != 0; }
};

namespace detail {

using namespace trait;

[[nodiscard]] constexpr std::uint8_t sources_of(Form form) {
  return form == Form::binary || form == Form::binary_imm ? 2 : 1;
}

inline constexpr auto kTraits = std::to_array<Traits>({
#define VECTOR(name, form, traits, avx2_32, avx2_64, avx512_32, avx512_64)                         \
  {sources_of(Form::form), traits},
#define SPECIAL(name, sources, traits) {sources, traits},
#include "compiler/backend/x64/instructions.def"
});

}  // namespace detail

[[nodiscard]] constexpr const Traits& traits(Opcode opcode) {
  return detail::kTraits[static_cast<std::size_t>(opcode)];
}

// A value of the block, an invariant, or nothing.
class Ref {
 public:
  Ref() = default;
  static Ref value(std::uint32_t index) { return Ref(index << 1); }
  static Ref invariant(std::uint32_t index) { return Ref(index << 1 | 1); }
  [[nodiscard]] bool is_value() const { return (word_ & 1) == 0; }
  [[nodiscard]] bool is_invariant() const { return (word_ & 1) != 0 && word_ != kNothing; }
  [[nodiscard]] std::uint32_t index() const { return word_ >> 1; }
  explicit operator bool() const { return word_ != kNothing; }
  friend bool operator==(const Ref&, const Ref&) = default;

 private:
  static constexpr std::uint32_t kNothing = 0xffffffff;
  explicit Ref(std::uint32_t word) : word_(word) {}
  std::uint32_t word_ = kNothing;
};

// Some operations have two ways to the same bits, of which a copy of the block takes one: by the
// divider, or by a sequence of other instructions. Where all copies took the same one, either the
// divider or the other units would wait.
enum class Way : std::uint8_t { either, divider, sequence };

// `mask`: lanes the instruction works on. Other lanes are 0 where `zeroing`, else those of `merge`.
struct Instruction {
  Opcode opcode = Opcode::move;
  std::uint8_t imm = 0;
  bool zeroing = false;
  Way way = Way::either;       // the copies that have this instruction
  bool narrow = false;         // a store of elements smaller than a lane
  bool partial = false;        // a store of a row's last vector, which is not a whole one
  std::uint8_t vector = 0;     // store: how many vectors on in the row
  bool one_lane = false;       // every lane of the result is the first one's
  bool ordered = false;        // accumulate: as a tree says (row_select.hpp)
  std::uint8_t reduction = 0;  // accumulate: which of the sweep's
  std::uint32_t place =
      0;  // load_scalar, store: the buffer; keep: the slot; gather: the table's place in the pool
  std::uint32_t dst = kNoValue;
  std::array<Ref, 3> src{};
  Ref mask;
  Ref merge;
  Ref arm;  // a mask: where it has no lane in any copy, this may be jumped over
  std::uint32_t node = kNoValue;  // the graph's value that this computes, for the listing

  static constexpr std::uint32_t kNoValue = 0xffffffff;
};

// What an accumulator does with a value.
enum class Accumulation : std::uint8_t { sum, product, greatest, least_integer };

// Which file of registers.
enum class Bank : std::uint8_t { vector, mask };

struct Value {
  static constexpr std::int32_t kNoHome = -1;
  Bank bank = Bank::vector;
  std::int32_t home = kNoHome;  // the buffer of an element input
  bool narrow = false;          // whose elements are converted as they are loaded
  std::uint8_t vector = 0;      // how many vectors on in the row
  bool partial = false;         // the row's last vector, which is not a whole one
  // Where it may lie rather than in the frame: the buffer of an output that is stored later, once
  // the instructions are done that may read an input from there, those before this one.
  std::int32_t shelter = kNoHome;
  std::uint32_t shelter_from = 0;
};

struct Block {
  std::vector<Instruction> code;
  std::vector<Value> values;
  // Of a row in registers: the first instruction of each phase but the first.
  std::vector<std::uint32_t> stages;
};

struct Invariant {
  enum class Kind : std::uint8_t {
    zero,       // +0, made without memory
    constant,   // one element in every lane: `place` is its offset in the pool
    vector,     // a register's worth of table entries: likewise
    parameter,  // `place`: the slot
    uniform,    // computed before the loop; `place`: the frame's slot
  };
  Kind kind = Kind::constant;
  Bank bank = Bank::vector;
  std::uint32_t place = 0;
  std::uint64_t bits = 0;  // of a constant
  bool by_row = false;     // another one in each row of a row kernel
};

}  // namespace sluice::x64
