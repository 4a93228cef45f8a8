// `sluice bench`, the measuring half: one function on every rung of this machine, beside plain C++
// loops of the same formula (f32) and beside plain copies.
//
// In: a function and a plan. Out: for each size the time of each contender, what compiling cost and
// from how many elements on it pays, and the error of each. All contenders of a size are measured
// in turn on the same buffers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sluice/dtype.hpp>
#include <sluice/pass.hpp>
#include <sluice/status.hpp>

#include "bench/measure/measure.hpp"
#include "tools/functions.hpp"

namespace sluice::tools {

struct RowsAndColumns {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
};

struct BenchPlan {
  bench::Plan timing;
  int compile_samples = 21;
  Pass pass = Pass::forward;
  Dtype dtype = Dtype::f32;  // of all operands
  std::vector<std::int64_t> sizes{4096, 65536, std::int64_t{1} << 24};
  std::vector<RowsAndColumns> shapes{{4096, 64}, {512, 512}, {64, 4096}, {16, 131072}};  // of rows
  std::vector<std::string> targets;  // lowest first
  double accuracy = 0;               // not 0: kernels of this bound beside those of full accuracy
};

// Seconds an element.
struct BenchRow {
  std::int64_t count = 0;
  std::vector<bench::Timing> times;  // one each of the contenders
  bench::Timing copy;                // rooflines: a copy by memcpy, and one past the cache
  bench::Timing streaming_copy;
  std::int64_t columns = 0;  // of row functions
};

struct Contender {
  std::string name;                      // a target, "fast" and a target, "loop" or "std"
  std::optional<bench::Timing> compile;  // seconds; of targets
  std::optional<double> break_even;      // elements from which it is ahead of the interpreter
  std::optional<double> error;           // the largest relative one; none of 8-bit operands
};

struct BenchResult {
  std::string function;
  Pass pass = Pass::forward;
  Dtype dtype = Dtype::f32;
  std::vector<Contender> contenders;
  std::vector<BenchRow> rows;  // one a size
};

// Names of the contenders that are loops.
inline constexpr std::string_view kFastMathLoop = "loop";
inline constexpr std::string_view kStdLoop = "std";

[[nodiscard]] Result<BenchResult> bench_function(const Function& function, const BenchPlan& plan);

}  // namespace sluice::tools
