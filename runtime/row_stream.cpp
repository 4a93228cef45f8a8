#include "runtime/row_stream.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "compiler/backend/composed/subtrees.hpp"
#include "runtime/workspace.hpp"

namespace sluice {
namespace {

constexpr std::int64_t kBlock = schedule::kBlockColumns;

}  // namespace

// Columns of the row from `origin` on, wherever they are.
struct RowStream::Piece {
  Buffers buffers;
  Steps row_steps;
  Steps column_steps;
  std::int64_t origin = 0;
};

HookedMemory RowStream::memory_of(std::size_t bytes) const {
  return {kernel_.state.home.hooks->allocator, workspace_aligned(bytes), kWorkspaceAlignment};
}

std::size_t RowStream::take(std::size_t bytes) {
  const std::size_t at = bytes_;
  bytes_ += workspace_aligned(bytes);
  return at;
}

RowStream::RowStream(const StateKernel::Impl& kernel, const StreamPlace& where)
    : place(where), kernel_(kernel) {
  const auto rows = static_cast<std::size_t>(place.rows);
  const composed::RowSizes& sizes = kernel.sizes;
  params_ = take(sizeof(std::uint64_t) * kMaxPassed);
  cells_ = take(rows * sizes.cells);
  states_ = take(rows * composed::kMostSubtrees * sizes.state);
  for (std::size_t i = 0; i < kernel.streamed.size(); ++i)
    pending_.push_back(take(static_cast<std::size_t>(place.rows * kBlock * pending_size(i))));
  own_cells_ = take(sizes.cells);
  own_states_ = take(composed::kMostSubtrees * sizes.state);
  scratch_ = take(sizes.scratch);
}

std::unique_ptr<RowStream> RowStream::make(const StateKernel::Impl& kernel,
                                           const StreamPlace& place) {
  std::unique_ptr<RowStream> made(new RowStream(kernel, place));
  made->memory_ = made->memory_of(made->bytes_);
  if (made->memory_.get() == nullptr) return nullptr;
  std::fill_n(made->memory_.get(), made->states_, std::byte{0});  // parameters and cells
  made->clear_states();
  const std::int64_t known = (place.kept_from + place.kept_blocks) * kBlock;
  return made->reserve(std::max({place.columns, place.next, known})) ? std::move(made) : nullptr;
}

// By half as much again, so that a stream of any length copies each value a few times at most.
bool RowStream::reserve(std::int64_t column) {
  const std::int64_t blocks = composed::block_count(column) - place.kept_from;
  if (blocks <= kept_capacity_ || kernel_.sizes.block == 0) return true;
  const std::int64_t wanted = std::max(blocks, kept_capacity_ + kept_capacity_ / 2);
  HookedMemory grown = memory_of(kept_bytes(wanted));
  if (grown.get() == nullptr) return false;
  const std::size_t used = kept_bytes(kept_capacity_);
  if (used > 0) std::memcpy(grown.get(), kept_.get(), used);
  std::fill_n(grown.get() + used, kept_bytes(wanted) - used, std::byte{0});
  kept_ = std::move(grown);
  kept_capacity_ = wanted;
  return true;
}

// A partial result may be shorter than its place, and a state's bytes are to follow from its
// columns.
void RowStream::clear_states() {
  const std::size_t bytes = composed::kMostSubtrees * kernel_.sizes.state;
  std::fill_n(memory_.get() + states_, static_cast<std::size_t>(place.rows) * bytes, std::byte{0});
  std::fill_n(memory_.get() + own_states_, bytes, std::byte{0});
}

std::size_t RowStream::subtrees() const {
  if (place.level >= kernel_.levels) return 0;
  return composed::subtree_count({place.first / kBlock, place.next / kBlock});
}

std::byte* RowStream::cells(std::int64_t row) const {
  return memory_.get() + cells_ + static_cast<std::size_t>(row) * kernel_.sizes.cells;
}
std::byte* RowStream::states(std::int64_t row) const {
  return memory_.get() + states_ +
         static_cast<std::size_t>(row) * composed::kMostSubtrees * kernel_.sizes.state;
}
std::byte* RowStream::pending(std::size_t streamed, std::int64_t row) const {
  return memory_.get() + pending_[streamed] +
         static_cast<std::size_t>(row * kBlock * pending_size(streamed));
}
std::byte* RowStream::kept(std::int64_t block, std::int64_t row) {
  const std::int64_t at = (block - place.kept_from) * place.rows + row;
  return kept_.get() + static_cast<std::size_t>(at) * kernel_.sizes.block;
}

// A row's own values and its subtrees so far.
composed::RowPart RowStream::part_of(const schedule::RowCall& call, std::int64_t row) const {
  composed::RowPart part;
  part.call = &call;
  part.row = row;
  part.first_block = place.first / kBlock;
  part.cells = cells(row);
  part.states = states(row);
  part.scratch = memory_.get() + scratch_;
  return part;
}

void RowStream::begin(const Buffers& inputs, const Steps& row_steps, const std::uint64_t* params) {
  std::copy_n(params, kernel_.state.passed.size(),
              reinterpret_cast<std::uint64_t*>(memory_.get() + params_));
  schedule::RowCall call;
  const Steps none{};
  call.buffers = inputs.data();
  call.params = params;
  call.rows = place.rows;
  call.columns = std::max<std::int64_t>(place.columns, 0);
  call.row_steps = row_steps.data();
  call.column_steps = none.data();
  call.row_index = place.row_index;
  for (std::int64_t row = 0; row < place.rows; ++row) kernel_.rows().begin_rows(part_of(call, row));
  begin_phases(0);
}

// As far as the next that reads columns.
void RowStream::begin_phases(std::size_t first) {
  schedule::RowCall call;
  call.params = reinterpret_cast<const std::uint64_t*>(memory_.get() + params_);
  call.columns = std::max<std::int64_t>(place.columns, 0);
  const std::size_t end = reads_columns() ? phase() + 1 : kernel_.sizes.phases;
  for (std::int64_t row = 0; row < place.rows; ++row)
    for (std::size_t each = first; each < end; ++each)
      kernel_.rows().begin_phase(part_of(call, row), each);
  set_origin();
}

void RowStream::set_origin() {
  const auto rows = static_cast<std::size_t>(place.rows);
  place.origin = checksum({memory_.get() + params_, sizeof(std::uint64_t) * kMaxPassed});
  place.origin = checksum({memory_.get() + cells_, rows * kernel_.sizes.cells}, place.origin);
}

RowStream::Piece RowStream::pending_piece() const {
  Piece piece;
  piece.origin = place.next / kBlock * kBlock;
  for (std::size_t i = 0; i < kernel_.streamed.size(); ++i) {
    const std::size_t k = kernel_.streamed[i];
    piece.buffers[k] = pending(i, 0);
    piece.row_steps[k] = kBlock * pending_size(i);
    piece.column_steps[k] = pending_size(i);
  }
  return piece;
}

// The columns from `next` on: within a block, or a whole one. What they give is a part of its own,
// appended to the row's.
void RowStream::run(const Piece& piece, std::int64_t columns) {
  const std::int64_t block = place.next / kBlock;
  const composed::ColumnRange range{place.next, place.next + columns};
  place.kept_blocks = std::max(place.kept_blocks, block - place.kept_from + 1);
  schedule::RowCall call;
  call.buffers = piece.buffers.data();
  call.params = reinterpret_cast<const std::uint64_t*>(memory_.get() + params_);
  call.rows = place.rows;
  call.columns = std::max<std::int64_t>(place.columns, 0);
  call.row_steps = piece.row_steps.data();
  call.column_steps = piece.column_steps.data();
  for (std::int64_t row = 0; row < place.rows; ++row) {
    const composed::RowPart whole = part_of(call, row);
    composed::RowPart part = whole;
    part.origin = piece.origin;
    part.first_block = part.first_array = block;
    part.cells = std::memcpy(memory_.get() + own_cells_, whole.cells, kernel_.sizes.cells);
    part.states = memory_.get() + own_states_;
    part.arrays = kept(block, row);
    kernel_.rows().run_columns(part, phase(), range);
    kernel_.rows().append(whole, phase(), part, range);
  }
}

void RowStream::keep_pending(const Piece& piece, std::int64_t columns) {
  const std::int64_t at = place.next % kBlock;
  for (std::size_t i = 0; i < kernel_.streamed.size(); ++i) {
    const std::size_t k = kernel_.streamed[i];
    const std::int64_t size = pending_size(i);
    for (std::int64_t row = 0; row < place.rows; ++row)
      std::memcpy(pending(i, row) + at * size,
                  static_cast<const std::byte*>(piece.buffers[k]) + row * piece.row_steps[k] +
                      (place.next - piece.origin) * size,
                  static_cast<std::size_t>(columns * size));
  }
}

void RowStream::update(const Buffers& pieces, const Steps& row_steps, std::int64_t columns) {
  Piece piece;
  piece.origin = place.next;
  for (const std::size_t k : kernel_.streamed) {
    piece.buffers[k] = pieces[k];
    piece.column_steps[k] = kernel_.element_size(k);
    piece.row_steps[k] = row_steps[k];
  }
  for (const std::int64_t end = place.next + columns; place.next < end;) {
    const std::int64_t in_block = place.next % kBlock;
    const std::int64_t count = std::min(kBlock - in_block, end - place.next);
    if (count == kBlock) {
      run(piece, kBlock);
      place.next += kBlock;
      continue;
    }
    keep_pending(piece, count);
    if (in_block + count == kBlock) {
      const Piece whole = pending_piece();
      place.next -= in_block;
      run(whole, kBlock);
      place.next += in_block;
    }
    place.next += count;
  }
}

void RowStream::append(const RowStream& right) {
  if (right.place.empty()) return;
  schedule::RowCall call;
  call.params = reinterpret_cast<const std::uint64_t*>(memory_.get() + params_);
  const std::int64_t whole = right.place.next / kBlock * kBlock;
  const std::int64_t first_block = right.place.first / kBlock;
  place.kept_blocks = std::max(place.kept_blocks, whole / kBlock - place.kept_from);
  for (std::int64_t row = 0; row < place.rows; ++row) {
    kernel_.rows().append(part_of(call, row), phase(), right.part_of(call, row),
                          {right.place.first, whole});
    for (std::size_t i = 0; i < kernel_.streamed.size(); ++i)
      std::memcpy(pending(i, row), right.pending(i, row),
                  static_cast<std::size_t>(right.pending_columns() * pending_size(i)));
  }
  if (kernel_.sizes.block != 0 && whole / kBlock > first_block)
    std::memcpy(kept_.get() + kept_bytes(first_block - place.kept_from),
                right.kept_.get() + kept_bytes(first_block - right.place.kept_from),
                kept_bytes(whole / kBlock - first_block));
  place.next = right.place.next;
}

void RowStream::end_level() {
  if (const std::int64_t columns = place.next % kBlock; columns != 0) {
    const Piece last = pending_piece();
    place.next -= columns;
    run(last, columns);
    place.next += columns;
  }
  place.columns = place.next;
  schedule::RowCall call;
  call.params = reinterpret_cast<const std::uint64_t*>(memory_.get() + params_);
  call.columns = place.columns;
  const std::size_t ended = phase();
  for (std::int64_t row = 0; row < place.rows; ++row)
    kernel_.rows().finish_phase(part_of(call, row), ended);
  clear_states();
  ++place.level;
  place.first = place.next = 0;
  begin_phases(ended + 1);
}

void RowStream::write(const Buffers& pieces, const Steps& row_steps, std::int64_t columns) {
  Piece piece;
  piece.origin = place.next;
  for (const auto* operands : {&kernel_.streamed, &kernel_.written})
    for (const std::size_t k : *operands) {
      piece.buffers[k] = pieces[k];
      piece.column_steps[k] = kernel_.element_size(k);
      piece.row_steps[k] = row_steps[k];
    }
  for (const std::int64_t end = place.next + columns; place.next < end;) {
    const std::int64_t count = std::min(kBlock - place.next % kBlock, end - place.next);
    run(piece, count);
    place.next += count;
  }
}

void RowStream::store_outputs(const Buffers& outputs) {
  Steps row_steps;
  const Steps none{};
  for (const std::size_t k : kernel_.row_outputs) row_steps[k] = kernel_.element_size(k);
  schedule::RowCall call;
  call.buffers = outputs.data();
  call.columns = place.columns;
  call.row_steps = row_steps.data();
  call.column_steps = none.data();
  for (std::int64_t row = 0; row < place.rows; ++row)
    kernel_.rows().store_outputs(part_of(call, row));
}

}  // namespace sluice
