// What is compiled ahead of time: functions of a library, and the targets that there are for them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "compiler/schedule/element_program.hpp"
#include "compiler/schedule/row_program.hpp"
#include "support/target.hpp"

namespace sluice::object {

// A row function, for rows of at most a block and for longer ones.
struct AheadRows {
  schedule::RowProgram one_block;
  schedule::RowProgram blocks;
};

// A function of C, or an entry of PTX with the same arguments: its buffers' addresses in the
// program's order, its passed parameters in the compute type, and the number of elements as a
// size_t. Of rows a buffer of columns has after it by how many elements one row lies after
// another, and instead of the number of elements come those of rows and of columns and the address
// of a workspace.
struct AheadFunction {
  using Program = std::variant<schedule::ElementProgram, AheadRows>;
  std::string symbol;
  std::map<Family, Program> programs;  // for each family of the targets asked for
};

// The values in the workspace of a call, a lane each: one for each column, and after them one for
// each block.
struct RowWorkspace {
  explicit RowWorkspace(const schedule::RowProgram& program);
  // Which of them this is.
  [[nodiscard]] std::size_t column(ir::ValueId id) const;
  [[nodiscard]] std::size_t block(ir::ValueId id) const;

  std::vector<ir::ValueId> columns;
  std::vector<ir::ValueId> blocks;
};

// What a function of rows asks for, the most of all families: for each column of a row of at most a
// block, and for each column and block of a longer one.
struct WorkspaceBytes {
  bool of_rows = false;
  std::size_t short_column = 0;
  std::size_t column = 0;
  std::size_t block = 0;
};
[[nodiscard]] WorkspaceBytes workspace_bytes(const AheadFunction& function);

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
