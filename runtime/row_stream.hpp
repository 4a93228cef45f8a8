// The memory of a RowState, and what runs in it: blocks as they get whole, their subtrees, levels.
//
// In: pieces of rows, which have been checked. What the kernel knows of each row lies in memory of
// one size, without pointers: the row's values (cells) and the finished subtrees of its blocks;
// then the block at hand, whose columns have come in part, and room to work in. Values kept of
// every block lie apart, block by block, as a stream may have any number of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/hooks.hpp"
#include "runtime/state_kernel.hpp"

namespace sluice {

// Where a stream is; part of its bytes.
struct StreamPlace {
  std::int64_t rows = 1;
  std::int64_t row_index = 0;
  std::int64_t columns = -1;  // of the whole row, where known
  std::int64_t first = 0;     // of this level
  std::int64_t next = 0;
  std::int64_t kept_from = 0;    // the block of the first kept values
  std::int64_t kept_blocks = 0;  // how many have them
  std::uint64_t level = 0;
  std::uint64_t origin = 0;  // checksum of what the level began with

  [[nodiscard]] bool empty() const { return first == next; }
  friend bool operator==(const StreamPlace&, const StreamPlace&) = default;
};

class RowStream {
 public:
  using Buffers = std::array<void*, kMaxOperands>;  // by operand
  using Steps = std::array<std::int64_t, kMaxOperands>;

  // Null where memory cannot be had.
  [[nodiscard]] static std::unique_ptr<RowStream> make(const StateKernel::Impl& kernel,
                                                       const StreamPlace& place);

  // Room for what is kept of blocks up to a column; false where memory cannot be had. To be called
  // before that column is reached, be it streamed, appended or the end of a level.
  [[nodiscard]] bool reserve(std::int64_t column);

  // The inputs that stand still, with their steps from row to row.
  void begin(const Buffers& inputs, const Steps& row_steps, const std::uint64_t* params);
  // The next columns, in rows that lie as many bytes from each other as `row_steps` says.
  void update(const Buffers& pieces, const Steps& row_steps, std::int64_t columns);
  void append(const RowStream& right);
  void end_level();
  void write(const Buffers& pieces, const Steps& row_steps, std::int64_t columns);
  void store_outputs(const Buffers& outputs);

  StreamPlace place;
  [[nodiscard]] const StateKernel::Impl& kernel() const { return kernel_; }
  [[nodiscard]] bool reads_columns() const { return place.level < kernel_.phases.size(); }

  // What of the memory a state's bytes consist of, in order: calls visit(first, bytes).
  template <typename Visit>
  void visit_bytes(const Visit& visit) {
    visit(memory_.get() + params_, sizeof(std::uint64_t) * kMaxPassed);
    visit(memory_.get() + cells_, static_cast<std::size_t>(place.rows) * kernel_.sizes.cells);
    for (std::int64_t row = 0; row < place.rows; ++row)
      visit(states(row), subtrees() * kernel_.sizes.state);
    for (std::size_t i = 0; i < kernel_.streamed.size(); ++i)
      for (std::int64_t row = 0; row < place.rows; ++row)
        visit(pending(i, row), static_cast<std::size_t>(pending_columns() * pending_size(i)));
    visit(kept_.get(), kept_bytes(place.kept_blocks));
  }

 private:
  RowStream(const StateKernel::Impl& kernel, const StreamPlace& where);
  [[nodiscard]] std::size_t take(std::size_t bytes);
  [[nodiscard]] HookedMemory memory_of(std::size_t bytes) const;
  [[nodiscard]] std::int64_t pending_columns() const {
    return place.level < kernel_.levels ? place.next % schedule::kBlockColumns : 0;
  }
  [[nodiscard]] std::int64_t pending_size(std::size_t streamed) const {
    return kernel_.element_size(kernel_.streamed[streamed]);
  }
  [[nodiscard]] std::size_t subtrees() const;
  [[nodiscard]] std::size_t kept_bytes(std::int64_t blocks) const {
    return static_cast<std::size_t>(blocks * place.rows) * kernel_.sizes.block;
  }
  [[nodiscard]] std::size_t phase() const { return kernel_.phases[place.level]; }
  [[nodiscard]] std::byte* cells(std::int64_t row) const;
  [[nodiscard]] std::byte* states(std::int64_t row) const;
  [[nodiscard]] std::byte* pending(std::size_t streamed, std::int64_t row) const;
  [[nodiscard]] std::byte* kept(std::int64_t block, std::int64_t row);

  struct Piece;
  [[nodiscard]] Piece pending_piece() const;
  [[nodiscard]] composed::RowPart part_of(const schedule::RowCall& call, std::int64_t row) const;
  void run(const Piece& piece, std::int64_t columns);
  void keep_pending(const Piece& piece, std::int64_t columns);
  void begin_phases(std::size_t first);
  void clear_states();
  void set_origin();

  const StateKernel::Impl& kernel_;
  HookedMemory memory_;
  std::size_t bytes_ = 0;
  std::size_t params_ = 0, cells_ = 0, states_ = 0, own_cells_ = 0, own_states_ = 0, scratch_ = 0;
  std::vector<std::size_t> pending_;
  HookedMemory kept_;
  std::int64_t kept_capacity_ = 0;  // blocks
};

}  // namespace sluice
