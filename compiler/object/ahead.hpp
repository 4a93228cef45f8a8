// What is compiled ahead of time: functions of a library, and the targets that there are for them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "compiler/schedule/element_program.hpp"
#include "support/target.hpp"

namespace sluice::object {

// A function of C, or an entry of PTX with the same arguments: its buffers' addresses in the
// program's order, its passed parameters in the compute type, and the number of elements as a
// size_t.
struct AheadFunction {
  std::string symbol;
  std::map<Family, schedule::ElementProgram> programs;  // for each family of the targets asked for
};

struct AheadTarget {
  std::string_view name;           // as in "x86-64-v3"
  std::string_view architecture;   // targets of one may share a library, which chooses at run time
  std::string_view triple, cpu;    // as LLVM has them, and the next three
  std::string_view features = "";  // of the target
  std::string_view plain_features = "";  // of every processor that its system runs on
  std::string_view abi = "";
  unsigned vector_bytes = 0;  // 0: a thread for each element, as GPUs have them
  Family family = Family::fma;
  const CpuidLeaves* leaves = nullptr;  // of x86-64: what a processor must have
  // Of others: what getauxval(kind) of Linux must have; of none every processor is one.
  struct {
    unsigned kind = 0;
    std::uint64_t bits = 0;
  } hwcap = {};
  unsigned size_bits = 64;  // of a size_t
  bool halves = true;       // instructions convert f16; else that is done in integers
  bool round_even = true;   // an instruction rounds to integers, ties to even

  [[nodiscard]] bool is_x86() const { return leaves != nullptr; }
  [[nodiscard]] bool is_wasm() const { return architecture == "wasm32"; }
  [[nodiscard]] bool is_gpu() const { return vector_bytes == 0; }
};

// Of one architecture the lowest first.
[[nodiscard]] std::span<const AheadTarget> ahead_targets();
// Null where there is none of that name.
[[nodiscard]] const AheadTarget* find_ahead_target(std::string_view name);
// "x86-64-v3, x86-64-v4"
[[nodiscard]] std::string names_of(std::span<const AheadTarget> targets);

}  // namespace sluice::object
