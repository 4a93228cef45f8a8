// The selector's state and the small steps that its parts share: select.cpp (the switch over ops),
// select_choose.cpp (comparisons, logic and select), select_divide.cpp (division and square root),
// select_parts.cpp (exponents and tables), select_bf16.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/backend/x64/low_halves.hpp"
#include "compiler/backend/x64/select.hpp"

namespace sluice::x64 {

// Predicates of the AVX comparisons; xor with 4 gives the opposite, for numbers and for integers
// alike.
enum Predicate : std::uint8_t {
  kEqual = 0,
  kLess = 17,
  kLessEqual = 18,
  kGreater = 30,
  kGreaterEqual = 29,
  kNotGreaterEqual = 25,
  kNotLess = 21,
  kUnordered = 3,
  kNotEqual = 4,
  kIntEqual = 0,
  kIntLess = 1,
  kIntNotLessEqual = 6,
};
inline constexpr std::uint8_t kOpposite = 4;

class Selector {
 public:
  Selector(const schedule::ElementProgram& program, Machine machine, Selection& result);

  // The first thing this back end can't do, if any; nothing else may be called then.
  [[nodiscard]] std::string unsupported() const;
  void run();

 protected:
  using ValueId = ir::ValueId;

  // A value as plus or minus something that is at hand: negations and the signs of constants are
  // left to the instruction.
  struct Signed {
    Ref ref;
    bool negative;
  };

  // |a| scaled out of the denormals, which the exponent and the mantissa of a are cut from on AVX2.
  struct Split {
    ValueId of;
    Ref magnitude, scaled, lifted, tiny;
  };

  // select.cpp
  void count_uses();
  void fill(Block& block, const std::vector<ValueId>& order, std::span<const schedule::Arm> arms);
  Ref select_op(const ir::Node& node);
  Signed with_sign(ValueId id);
  Ref sum(ValueId first, ValueId second, bool subtract);
  Ref fused(const ir::Node& node);
  Ref extremum(Opcode opcode, const ir::Node& node);
  Ref shift(Opcode opcode, const ir::Node& node);
  void load_inputs();
  void keep_uniforms();
  void store_outputs();

  // select_bf16.cpp
  // The bits of the nearest bf16, ties to even, in the upper half of each lane.
  Ref rounded_to_bf16(Ref a, LowHalf known);
  // Where a narrow store takes them: there, on AVX2 in the lower half.
  Ref to_bf16(Ref a, LowHalf known = LowHalf::any);
  [[nodiscard]] bool has_pairs() const;
  void select_pairs();

  // select_choose.cpp
  Ref compare(std::uint8_t predicate, const ir::Node& node);
  Ref compare(std::uint8_t predicate, Ref a, Ref b);
  Ref icompare(std::uint8_t predicate, const ir::Node& node);
  Ref both(const ir::Node& node);
  Ref either(const ir::Node& node);
  Ref opposite(ValueId condition);
  Ref choose_lanes(const ir::Node& node);
  Ref choose_masks(Ref condition, Ref a, Ref b);
  Ref blend_avx512(ValueId condition, ValueId a, ValueId b);
  Ref blend_avx2(Ref condition, Ref a, Ref b);
  [[nodiscard]] bool invertible(ValueId condition) const;
  [[nodiscard]] Instruction* only_use(ValueId id, unsigned wanted_trait);

  // select_divide.cpp
  Ref divide(const ir::Node& node);
  Ref square_root(const ir::Node& node);
  Ref in_two_ways(Opcode opcode, std::array<Ref, 3> operands, Ref sequence, Ref beyond);
  [[nodiscard]] bool has_sequences() const;
  [[nodiscard]] bool is_limited(ValueId id) const;
  [[nodiscard]] bool is_one_plus_magnitude(ValueId id, ValueId of) const;

  // select_parts.cpp
  Ref ldexp(Ref a, Ref b);
  Ref scale(Ref a, Ref b);
  Split split(ValueId id);
  Ref exponent(ValueId id);
  Ref mantissa(ValueId id);
  Ref round_to_int(Ref a);
  Ref to_float(Ref a);
  Ref lookup(const ir::Node& node);
  Ref gather(Ref index, std::uint64_t table);
  Ref lookup_in_halves(Ref index, std::uint64_t table);
  Ref table_vector(std::uint64_t table, std::uint32_t first, bool difference = false);

  // Building.
  std::uint32_t new_value(Bank bank);
  Ref push(Instruction instruction);
  Ref emit(Opcode opcode, Ref a, std::uint8_t imm = 0);
  Ref emit(Opcode opcode, Ref a, Ref b, std::uint8_t imm = 0);
  Ref emit(Opcode opcode, Ref a, Ref b, Ref c);
  Ref bits(std::uint64_t value);  // a constant by its bits
  Ref number(double value);       // of the compute type
  Ref boolean_constant(bool value);
  Ref invariant(const Invariant& wanted);

  [[nodiscard]] const ir::Graph& graph() const { return program_.graph; }
  Ref ref(ValueId id);
  [[nodiscard]] bool is_uniform(ValueId id) const {
    return graph()[id].type.extent == ir::Extent::scalar;
  }
  // Whether a value's operands are at hand: the body knows of uniform values only those it reads.
  [[nodiscard]] bool selected_here(ValueId id) const {
    return block_ == &result_.once || !is_uniform(id);
  }
  [[nodiscard]] bool never_nan(ValueId id) const;
  [[nodiscard]] bool is_zero(ValueId id) const;
  [[nodiscard]] std::uint64_t sign_bit() const {
    return machine_.wide ? 0x8000000000000000u : 0x80000000u;
  }

  [[nodiscard]] std::uint64_t all_ones() const {
    return machine_.wide ? ~std::uint64_t{0} : 0xffffffffu;
  }

  const schedule::ElementProgram& program_;
  bool in_rows_ = false;  // selecting a row kernel
  Machine machine_;
  Selection& result_;
  Block* block_ = nullptr;                      // the one being filled
  Way way_ = Way::either;                       // of what is being selected
  Ref arm_;                                     // likewise
  std::vector<Ref> refs_;                       // by the graph's value
  std::vector<std::uint32_t> uses_;             // by the graph's value: operands and outputs
  std::vector<std::uint32_t> maker_;            // of each value in the block: the instruction
  std::uint32_t node_ = Instruction::kNoValue;  // being selected
  struct Gathered {
    std::uint64_t table;
    std::uint32_t place;
  };
  std::vector<Gathered> gathered_;  // tables that lie in the pool as a whole
  struct Half {
    Ref index;
    Ref upper;
  };
  std::vector<Half> halves_;   // of indices, in the block being filled
  std::vector<Split> splits_;  // in the block being filled
};

}  // namespace sluice::x64
