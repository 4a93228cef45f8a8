// The interpreter's loops: what one step of a plan is, and the tables of the functions that run it.
//
// A frame is the scratch memory of one call. A slot of it holds one value for a block of lanes, or
// a scalar, each lane as bits of the compute type's width; a bool is 0 or 1. Each instruction set
// has one table of loops, all compiled from kernels.inc.
#pragma once

#include <cstddef>
#include <cstdint>

#include "compiler/ir/op.hpp"

namespace sluice::interpreter {

struct Step;
struct Frame;
using Kernel = void (*)(const Step& step, const Frame& frame);

// Lanes are computed in groups of 64 bytes, the widest vector there is, so that loops have no tail.
inline constexpr std::size_t kGroupBytes = 64;

// Where an operand lies: in the frame or among the plan's constants, in lanes from there.
enum class Place : std::uint32_t { frame, constants };
struct Source {
  Place place = Place::frame;
  std::uint32_t offset = 0;
};

struct Step {
  Kernel kernel = nullptr;
  std::uint32_t result = 0;  // lanes from the start of the frame
  std::uint32_t buffer = 0;  // of a load or a store; of a parameter: its slot
  Source a, b, c;
  const std::uint64_t* table = nullptr;  // of a look-up
  std::size_t table_size = 0;
};

struct Frame {
  std::byte* scratch;
  const std::byte* places[2];  // by Place; the first is the scratch
  void* const* buffers;
  const std::uint64_t* params;
  std::size_t first;   // element of the buffers at lane 0
  std::size_t lanes;   // lanes that stand for elements
  std::size_t groups;  // groups that hold them
};

// How a stored element becomes a lane and back.
enum class Storage : std::uint8_t { f32, f64, f16, bf16, boolean, i8, u8, i32, i64 };
inline constexpr std::size_t kStorageCount = 9;

inline constexpr std::size_t kOpCount = 0
#define LEAF(name) +1
#define MACHINE(name, arity, rule, meaning) +1
#define PRIMITIVE(name, arity, rule) +1
#define REDUCTION(name, arity, rule, extent) +1
#define ROW_PRIMITIVE(name, arity, rule, extent) +1
#include "compiler/ir/ops.def"
    ;

// Indexed by bits: operand a, b, c (1, 2, 4) is a scalar. A step whose operands are all scalars
// gives a scalar.
using KernelVariants = Kernel[8];

// The loops for one compute type.
struct KernelSet {
  KernelVariants ops[kOpCount];  // null where the op is no machine op
  Kernel load[kStorageCount];
  Kernel load_scalar[kStorageCount];
  Kernel load_param;
  Kernel store[kStorageCount];
  Kernel store_scalar[kStorageCount];  // a scalar to every element
};

struct KernelTable {
  KernelSet f32;
  KernelSet f64;
};

extern const KernelTable kBaselineKernels;
// On x86-64 only.
extern const KernelTable kV3Kernels;
extern const KernelTable kV4Kernels;

}  // namespace sluice::interpreter
