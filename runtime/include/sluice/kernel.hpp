// Kernels: compiled functions to call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/parallel.hpp>
#include <sluice/spec.hpp>
#include <sluice/status.hpp>
#include <sluice/tensor.hpp>

namespace sluice {

class KernelState;

// The largest error promised for f32, in units in the last place (nothing for f64 yet), and whether
// it was checked for this very kernel: a function of the library with its parameters in their
// ranges.
struct Promise {
  std::optional<double> forward_ulp, derivative_ulp;
  // The relative error that these come from, where the spec asked for one that has cheaper kernels:
  // 2^-20, 2^-12 or 2^-8, for targets without fma twice that; else 0.
  double accuracy = 0;
  bool checked = false;
};

struct OperandInfo {
  std::string name;
  Dtype dtype = Dtype::f32;
  bool output = false;                            // written by the kernel
  bool scalar = false;                            // one element for all
  bool per_row = false;                           // of a row function: its shape lacks the axis
  std::optional<Quantisation> quantisation = {};  // of i8 and u8, as the kernel holds it
};

// Rows for Kernel::run_rows: `rows` of `columns` elements each. Buffer k's element of row i and
// column j is row_steps[k] * i + column_steps[k] * j bytes from its start.
struct RowExtent {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  const std::int64_t* row_steps = nullptr;     // a buffer each; 0: one value for all rows
  const std::int64_t* column_steps = nullptr;  // a buffer each; 0: one value a row
  // What row() is in the first row, and how it goes on.
  std::int64_t row_index = 0;
  std::int64_t row_index_step = 1;
};

// Immutable; a copy costs one atomic increment. It may be called from any thread at once and lives
// on when the cache or the runtime that made it is gone. A call allocates nothing, unless it checks
// indices, and takes no lock.
class Kernel {
 public:
  // Without checks, for callers who know their buffers: `buffers` are those of operands(), in that
  // order; each has `count` elements, or one where it is scalar. None may be null unless count is
  // 0. An output may be the very buffer of an input of the same type, and overlaps no other.
  // `params` are the passed parameters in order, as slot() gives them. For kernels that are
  // plain().
  void run(void* const* buffers, std::int64_t count, const std::uint64_t* params = nullptr) const {
    if (entry_ != nullptr)
      entry_(buffers, count, params);
    else
      interpret(buffers, count, params);
  }

  // The same of a row function's kernel: the buffers of operands() in that order, `workspace` of
  // workspace_bytes(extent.columns) aligned to 64 bytes. Of an operand that varies along the row
  // the column step is its element's size or, where the spec's axis is not the innermost dimension
  // that has elements, any, and the row step then is that size or 0; of others the column step is
  // 0, and where it is scalar the row step is. A kernel made for rows of at most 4096 columns takes
  // no longer ones. Not for kernels with sums, means, halves or gradients of what broadcasts.
  void run_rows(void* const* buffers, const RowExtent& extent, void* workspace,
                const std::uint64_t* params = nullptr) const;

  // With checks of types, shapes, null and overlapping buffers and parameters' ranges, and with
  // NumPy's broadcasting of the inputs; nothing is written when one fails. Operands have any
  // strides, outputs those that give each element a place of its own, and the bits are those of the
  // call on row-major copies. The bytes that an output spans are no other operand's, or its
  // elements lie where those of an input of its type and shape do. `params` are the passed
  // parameters in order. `workspace`, aligned to 64 bytes, has workspace_bytes(operands); without
  // one it is the calling thread's, which grows to what its largest call took.
  [[nodiscard]] Outcome call(std::span<const TensorView> operands,
                             std::span<const double> params = {},
                             std::span<std::byte> workspace = {}) const;

  // The same over the caller's threads: rows, blocks of long rows, or elements, with the bits of
  // the serial call. `workspace` has workspace_bytes(operands, parallel.threads).
  [[nodiscard]] Outcome call(std::span<const TensorView> operands, std::span<const double> params,
                             const Parallel& parallel, std::span<std::byte> workspace = {}) const;

  // The same, from spans, vectors and tensor views: kernel(x, y).
  template <typename... Operands>
  [[nodiscard]] Outcome operator()(Operands&&... operands) const {
    const TensorView views[] = {TensorView(std::forward<Operands>(operands))...};
    return call(views);
  }

  // A passed parameter's value as run() takes it, rounded once to the compute type.
  [[nodiscard]] std::uint64_t slot(double value) const;

  [[nodiscard]] std::span<const OperandInfo> operands() const;
  [[nodiscard]] std::span<const std::string> passed_parameters() const;

  // Of an elementwise function, and every operand is one that the code itself reads or writes: no
  // sum, mean, halves, or gradient of what broadcasts.
  [[nodiscard]] bool plain() const;
  [[nodiscard]] bool row_wise() const;

  [[nodiscard]] std::string_view function() const;
  [[nodiscard]] Pass pass() const;
  [[nodiscard]] Dtype compute_type() const;
  [[nodiscard]] Promise promise() const;

  [[nodiscard]] std::string target() const;  // what the code needs: "x86-64-v4", "interpreter"
  [[nodiscard]] Rung rung() const;
  // Why not a higher rung, a sentence; empty on the highest.
  [[nodiscard]] std::string_view rung_reason() const;

  [[nodiscard]] std::size_t code_bytes() const;  // instructions and constants, of all its parts
  [[nodiscard]] std::size_t bytes() const;       // what the cache counts: all memory it holds
  // Of run_rows() for rows of so many columns; 0 of elementwise functions.
  [[nodiscard]] std::size_t workspace_bytes(std::int64_t columns = 0) const;
  // Of a call of these operands over so many threads; 0 where the call would be refused.
  [[nodiscard]] std::size_t workspace_bytes(std::span<const TensorView> operands,
                                            std::size_t threads = 1) const;
  // An elementwise function's machine code; of a row function, which may take several parts, that
  // of the first. Empty on the interpreter's rung.
  [[nodiscard]] std::span<const std::uint8_t> code() const;
  [[nodiscard]] std::string key_text() const;

  // The text of a compiler's step, made anew: "ast", "ir", "rewrites", "grad", "expand",
  // "schedule".
  [[nodiscard]] Result<std::string> text(std::string_view step) const;

  [[nodiscard]] bool same_as(const Kernel& other) const { return state_ == other.state_; }

 private:
  friend class KernelState;
  using Entry = void (*)(void* const*, std::int64_t, const std::uint64_t*);
  explicit Kernel(std::shared_ptr<const KernelState> state);
  void interpret(void* const* buffers, std::int64_t count, const std::uint64_t* params) const;

  Entry entry_ = nullptr;  // machine code, if there is any; owned by the state
  std::shared_ptr<const KernelState> state_;
};

}  // namespace sluice
