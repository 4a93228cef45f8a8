// What a Kernel refers to: its code or its plan, and what it was made from.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sluice/kernel.hpp>

#include "compiler/backend/composed/row_kernel.hpp"
#include "compiler/backend/interpreter/interpreter.hpp"
#include "compiler/object/load_code.hpp"
#include "runtime/broadcast.hpp"
#include "runtime/disk_store.hpp"
#include "runtime/hooks.hpp"
#include "runtime/kernel_image.hpp"
#include "runtime/resolved_spec.hpp"

namespace sluice {

// Bytes of a runtime's kernels that are alive, in its cache or elsewhere.
using LiveBytes = std::shared_ptr<std::atomic<std::uint64_t>>;

// What a runtime and its kernels share, which may outlive it.
struct KernelHome {
  LiveBytes live;
  std::shared_ptr<const object::CodeLoader> loader;
  std::shared_ptr<DiskStore> store;  // null: none
  std::shared_ptr<const Hooks> hooks;
};

class KernelState {
 public:
  KernelState() = default;
  KernelState(const KernelState&) = delete;
  KernelState& operator=(const KernelState&) = delete;
  ~KernelState();

  // From the disk store; else climbs the ladder: the highest allowed rung on which the spec can be
  // compiled. Errors are those of the compiler, or of the last rung tried.
  [[nodiscard]] static Result<Kernel> build(std::shared_ptr<const ResolvedSpec> spec,
                                            const KernelHome& home);

  [[nodiscard]] static const KernelState& of(const Kernel& kernel) { return *kernel.state_; }

  // Rows as the code takes them.
  [[nodiscard]] static schedule::RowCall row_call(void* const* buffers, const RowExtent& extent,
                                                  void* workspace, const std::uint64_t* params);

  std::shared_ptr<const ResolvedSpec> spec;
  std::vector<OperandInfo> operands;
  std::vector<std::string> passed;
  std::vector<std::size_t> passed_indices;  // of the passed, among the function's parameters
  OperandSet scalars = 0;                   // the operands with one element for all
  bool plain = true;                        // elementwise, and every operand is the code's own
  bool plain_rows = false;       // of a row function along the innermost dimension, likewise
  bool reads_row_index = false;  // a row function that uses row()

  bool compiled = true;  // and not from the disk store

  // Whether the ladder went further down than the spec's target and denied rungs make it.
  [[nodiscard]] bool lowered() const { return rung != Rung::x64 && spec->allowed.has(Rung::x64); }

  Rung rung = Rung::interpreter;
  std::string rung_reason;
  // Of a rung of machine code: an elementwise function's one; those of a row function's sweeps and
  // rows, in the order in which they were made.
  std::vector<object::CodeHandle> code;
  std::size_t code_bytes = 0;
  std::optional<interpreter::Interpreter> interpreter;  // on the rung interpreter
  std::optional<composed::RowKernel> rows;              // of row functions, on every rung
  std::optional<Kernel> divisor;                        // gives what a mean is divided by
  std::optional<Kernel> index_check;                    // finds indices that are no columns
  std::size_t bytes = 0;
  KernelHome home;

 private:
  void describe_operands();
  [[nodiscard]] bool may_take(Rung which) const;
  [[nodiscard]] Outcome compile();
  template <typename Program>
  [[nodiscard]] Outcome climb(const Program& program);
  void start_rung(Rung wanted);
  [[nodiscard]] Outcome try_rung(Rung wanted, const schedule::ElementProgram& program);
  [[nodiscard]] Outcome try_rung(Rung wanted, const schedule::RowProgram& program);
  // What the rung x64 made, in this process or in another one.
  [[nodiscard]] Outcome take(const KernelImage& image);
  void take_stored();
  [[nodiscard]] std::string described() const;
  [[nodiscard]] Outcome load(const object::CodeObject& made);  // to the end of `code`
  void count_bytes();
};

// The passed parameters of a call as code takes them. Errors: their number, a value out of range.
[[nodiscard]] Outcome fill_slots(const Kernel& kernel, const KernelState& state,
                                 std::span<const double> params,
                                 std::span<std::uint64_t, kMaxPassed> slots);

struct PieceOf;

// What a call has to work with: without a workspace the thread's own is taken.
struct CallRoom {
  std::span<std::byte> workspace = {};
  const Parallel* parallel = nullptr;  // null: the calling thread alone
  const PieceOf* piece = nullptr;      // null: the call is of whole tensors

  [[nodiscard]] std::size_t threads() const {
    return parallel == nullptr || parallel->serial() ? 1 : parallel->threads;
  }
  // At least so many bytes, aligned to kWorkspaceAlignment. Errors: invalid_operands for a
  // workspace that is none, and out_of_memory.
  [[nodiscard]] Result<std::byte*> take(std::size_t bytes, const Allocator& allocator) const;
};

// The checked call: everything that may be wrong with it, then the loops.
[[nodiscard]] Outcome checked_call(const Kernel& kernel, std::span<const TensorView> operands,
                                   std::span<const double> params, const CallRoom& room);

// The same of kernels that are not plain: rows, and what is added up, halved or divided on the way.
[[nodiscard]] Outcome checked_row_call(const Kernel& kernel, std::span<const TensorView> operands,
                                       const std::uint64_t* params, const CallRoom& room);
// What a call of any kernel takes, and one of those; errors are those of the call.
[[nodiscard]] Result<std::size_t>
workspace_of_call(const Kernel& kernel, std::span<const TensorView> operands, std::size_t threads);
[[nodiscard]] Result<std::size_t> workspace_of_row_call(const Kernel& kernel,
                                                        std::span<const TensorView> operands,
                                                        std::size_t threads);

}  // namespace sluice
