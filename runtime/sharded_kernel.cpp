// Kernels whose rows are sharded, and the steps of their calls.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "runtime/sharded_call.hpp"

namespace sluice {
namespace {

constexpr std::int64_t kBlock = schedule::kBlockColumns;
constexpr std::uint64_t kMakeStage = 1;

Error misuse(std::string message) { return {Status::invalid_argument, std::move(message)}; }
Error bad(std::string message) { return {Status::invalid_operands, std::move(message)}; }
std::string text(std::int64_t number) { return std::to_string(number); }
std::string rank_text(std::size_t rank) { return "rank " + std::to_string(rank); }

}  // namespace

Result<ShardedKernel> ShardedKernel::make(const Ranks& ranks, const Result<Kernel>& kernel) {
  RankGroup group(ranks);
  std::shared_ptr<const Impl> impl;
  Vote vote;
  vote.stage = kMakeStage;
  const Outcome made = attempt([&]() -> Outcome {
    if (!kernel.ok()) return kernel.error();
    auto states = StateKernel::make(*kernel);
    if (!states.ok()) return states.error();
    const StateKernel::Impl& parts = *states->impl_;
    vote.kernel = parts.fingerprint;
    impl = std::make_shared<const Impl>(Impl{ranks, std::move(states).value(), parts});
    return Unit{};
  });
  if (Outcome ok = group.agree(vote, made); !ok.ok()) return ok.error();
  for (std::size_t rank = 1; rank < ranks.count; ++rank)
    if (group.vote_of(rank).kernel != group.vote_of(0).kernel)
      return misuse(rank_text(rank) +
                    " has another kernel than rank 0: function, operands, parameters, target and "
                    "version must be the same");
  return ShardedKernel(std::move(impl));
}

Outcome ShardedKernel::call(std::span<const TensorView> operands,
                            const ShardedCallOptions& options) const {
  ShardedCall call(*impl_, operands, options);
  // Past a vote that failed a message may find no memory; no rank waits then.
  return attempt([&] { return call.run(); });
}

std::span<const OperandInfo> ShardedKernel::operands() const { return impl_->states.operands(); }

Outcome ShardedCall::run() {
  if (Outcome ok = step(Stage::begin, [&] { return check(); }); !ok.ok()) return ok;
  if (Outcome ok = step(Stage::plan, [&] { return plan(); }); !ok.ok()) return ok;
  if (rows_ == 0) return Unit{};
  if (realigned_)
    if (Outcome ok = exchange_edges(); !ok.ok()) return ok;
  for (std::size_t level = 0; level < parts_.levels; ++level)
    if (Outcome ok = run_level(level); !ok.ok()) return ok;
  return step(Stage::write, [&] { return write(); });
}

std::vector<TensorView> ShardedCall::views(std::span<const std::size_t> operands) const {
  std::vector<TensorView> list;
  list.reserve(operands.size());
  for (const std::size_t k : operands) list.push_back(operands_[k]);
  return list;
}

// Everything that this rank can see, so that nothing is written when anything is wrong.
Outcome ShardedCall::check() {
  const KernelState& state = parts_.state;
  if (operands_.size() != state.operands.size())
    return bad("'" + std::string(parts_.kernel.function()) + "' takes " +
               std::to_string(state.operands.size()) + " operands, and " +
               std::to_string(operands_.size()) + " are given");
  if (Outcome ok = check_rows(); !ok.ok()) return ok;
  ColumnViews columns(state, rows_);
  for (const auto* list : {&parts_.streamed, &parts_.written})
    for (const std::size_t k : *list)
      if (Outcome ok = columns.add_columns(k, operands_[k]); !ok.ok()) return ok;
  for (const std::size_t k : parts_.row_outputs)
    if (Outcome ok = columns.add_row_output(k, operands_[k]); !ok.ok()) return ok;
  for (const std::size_t k : parts_.still)
    if (Outcome ok = columns.add(k, operands_[k]); !ok.ok()) return ok;
  std::vector<std::size_t> all(operands_.size());
  for (std::size_t k = 0; k < all.size(); ++k) all[k] = k;
  if (Outcome ok = columns.check_overlaps(all); !ok.ok()) return ok;
  std::uint64_t digest = checksum(std::as_bytes(options_.params));
  digest = checksum(std::as_bytes(std::span(&options_.row_index, 1)), digest);
  vote_.options = checksum(std::as_bytes(std::span(&options_.realign, 1)), digest);
  vote_.kernel = parts_.fingerprint;
  vote_.rows = rows_;
  vote_.columns = columns.columns;
  vote_.shared = columns.shared;
  return Unit{};
}

// As many as the operands of one value an element have, those aside that have one for all.
Outcome ShardedCall::check_rows() {
  rows_ = 1;
  for (const auto* list : {&parts_.streamed, &parts_.written})
    for (const std::size_t k : *list) {
      const TensorView& view = operands_[k];
      if (view.rank > TensorView::kMaxRank || view.count() < 0)
        return bad("the operand '" + parts_.state.operands[k].name + "' has an impossible shape");
      std::int64_t rows = 1;
      bool deep = false;
      for (std::size_t d = 0; d + 1 < view.rank; ++d) {
        // Where the count is 0 the other lengths may be anything.
        rows =
            view.shape[d] > kMaxColumns ? kMaxColumns : std::min(rows * view.shape[d], kMaxColumns);
        deep = deep || (d > 0 && view.shape[d - 1] != 1);
      }
      if (deep && parts_.state.reads_row_index)
        return Error{Status::unsupported,
                     "the function asks for row(), which counts the rows of one matrix: call with "
                     "operands of shape (rows, columns), a matrix at a time"};
      if (rows != 1) rows_ = rows;
    }
  return Unit{};
}

// Whether the ranks mean one call.
Outcome ShardedCall::compare() const {
  const Vote& first = group_.vote_of(0);
  for (std::size_t rank = 1; rank < group_.count(); ++rank) {
    const Vote& each = group_.vote_of(rank);
    if (each.kernel != first.kernel)
      return misuse(rank_text(rank) + " calls another kernel than rank 0");
    if (each.options != first.options)
      return misuse(rank_text(rank) +
                    " calls with other parameters, row index or realign than rank 0");
    if (each.rows != first.rows)
      return bad(rank_text(rank) + " has " + text(each.rows) + " rows, and rank 0 has " +
                 text(first.rows));
    if (each.shared != first.shared)
      return bad(rank_text(rank) +
                 " has one row for all of another operand than rank 0: an input is of one row on "
                 "every rank or on none");
  }
  return Unit{};
}

// Which columns each rank has, and which it reads: from the multiple of 4096 that is nearest to its
// first one.
Outcome ShardedCall::cut() {
  bounds_.assign(group_.count() + 1, 0);
  for (std::size_t rank = 0; rank < group_.count(); ++rank) {
    const std::int64_t columns = group_.vote_of(rank).columns;
    if (columns > kMaxColumns - bounds_[rank])
      return Error{Status::limit_exceeded, "a row has at most " + text(kMaxColumns) + " columns"};
    bounds_[rank + 1] = bounds_[rank] + columns;
  }
  cuts_ = bounds_;
  const std::int64_t end = bounds_.back();
  for (std::size_t rank = 1; rank < group_.count(); ++rank) {
    const std::int64_t at = bounds_[rank];
    if (at % kBlock == 0 || at == end) continue;
    if (!options_.realign)
      return misuse(rank_text(rank) + " begins at column " + text(at) +
                    ", which is no multiple of " + text(kBlock) +
                    ": cut rows as shard_bounds() says, or ask for 'realign'");
    cuts_[rank] = kBlock * std::min((at + kBlock / 2) / kBlock, end / kBlock);
    realigned_ = true;
  }
  for (std::size_t rank = 0; rank < group_.count(); ++rank)
    if (read_by(rank).count() > 0) root_ = rank;
  return Unit{};
}

Outcome ShardedCall::plan() {
  if (Outcome ok = compare(); !ok.ok()) return ok;
  if (Outcome ok = cut(); !ok.ok()) return ok;
  const auto both = [](const Range& a, const Range& b) {
    const std::int64_t begin = std::max(a.begin, b.begin);
    return Range{begin, std::max(begin, std::min(a.end, b.end))};
  };
  for (std::size_t rank = 0; realigned_ && rank < group_.count(); ++rank) {
    if (rank == group_.rank()) continue;
    if (const Range out = both(own(group_.rank()), read_by(rank)); out.count() > 0) {
      given_.push_back({rank, out, std::vector<std::byte>(edge_bytes(out))});
      pack(given_.back());
    }
    if (const Range in = both(own(rank), read_by(group_.rank())); in.count() > 0)
      taken_.push_back({rank, in, std::vector<std::byte>(edge_bytes(in))});
  }
  return Unit{};
}

std::int64_t ShardedCall::rows_of(std::size_t operand) const {
  return (vote_.shared >> operand & 1u) != 0 ? 1 : rows_;
}

std::size_t ShardedCall::edge_bytes(const Range& columns) const {
  std::int64_t bytes = 0;
  for (const std::size_t k : parts_.streamed)
    bytes += rows_of(k) * columns.count() * parts_.element_size(k);
  return static_cast<std::size_t>(bytes);
}

void ShardedCall::pack(Edge& edge) const {
  const std::int64_t columns = own(group_.rank()).count();
  const std::int64_t first = edge.columns.begin - own(group_.rank()).begin;
  std::byte* to = edge.bytes.data();
  for (const std::size_t k : parts_.streamed) {
    const std::int64_t size = parts_.element_size(k);
    const auto bytes = static_cast<std::size_t>(edge.columns.count() * size);
    const auto* const from = static_cast<const std::byte*>(operands_[k].data) + first * size;
    for (std::int64_t row = 0; row < rows_of(k); ++row, to += bytes)
      std::memcpy(to, from + row * columns * size, bytes);
  }
}

Outcome ShardedCall::exchange_edges() {
  std::vector<Ranks::Message> sent, received;
  const Outcome ready = step(Stage::room, [&]() -> Outcome {
    for (Edge& each : given_) sent.push_back({each.rank, each.bytes});
    for (Edge& each : taken_) received.push_back({each.rank, each.bytes});
    return Unit{};
  });
  if (!ready.ok()) return ready;
  if (Outcome ok = group_.exchange(sent, received); !ok.ok()) return ok;
  given_.clear();
  return Unit{};
}

Outcome ShardedCall::make_state(std::int64_t first_column) {
  const std::vector<TensorView> still = views(parts_.still);
  auto made = RowState::make(kernel_.states, {.rows = rows_,
                                              .first_column = first_column,
                                              .columns = bounds_.back(),
                                              .row_index = options_.row_index,
                                              .inputs = still,
                                              .params = options_.params});
  if (!made.ok()) return made.error();
  state_ = std::move(made).value();
  return Unit{};
}

// What the root has kept the others were sent.
Outcome ShardedCall::take_finished() {
  if (is_root()) return Unit{};
  auto made = RowState::from_bytes(kernel_.states, finished_);
  if (!made.ok()) return made.error();
  state_ = std::move(made).value();
  return Unit{};
}

Outcome ShardedCall::run_level(std::size_t level) {
  if (Outcome ok = step(Stage::read, [&] { return read(level); }); !ok.ok()) return ok;
  std::vector<Ranks::Message> sent, received;
  const Outcome ready = step(Stage::room, [&]() -> Outcome {
    received_.assign(group_.count(), {});
    received.reserve(group_.count());
    for (std::size_t rank = 0; is_root() && rank < root_; ++rank) {
      received_[rank].resize(group_.vote_of(rank).bytes);
      if (!received_[rank].empty()) received.push_back({rank, received_[rank]});
    }
    if (!is_root() && !sent_.empty()) sent.push_back({root_, sent_});
    return Unit{};
  });
  if (!ready.ok()) return ready;
  if (Outcome ok = group_.exchange(sent, received); !ok.ok()) return ok;
  if (Outcome ok = step(Stage::merge, [&] { return merge(); }); !ok.ok()) return ok;
  const Outcome room = step(Stage::room, [&]() -> Outcome {
    finished_.resize(group_.vote_of(root_).bytes);
    return Unit{};
  });
  if (!room.ok()) return room;
  return group_.broadcast(root_, finished_);
}

Outcome ShardedCall::read(std::size_t level) {
  const Range columns = read_by(group_.rank());
  if (level == 0) {
    if (Outcome ok = make_state(columns.count() > 0 ? columns.begin : 0); !ok.ok()) return ok;
  } else {
    if (Outcome ok = take_finished(); !ok.ok()) return ok;
    if (columns.count() > 0)
      if (Outcome ok = state_->begin_at(columns.begin); !ok.ok()) return ok;
  }
  sent_.clear();
  vote_.bytes = 0;
  if (columns.count() == 0) return Unit{};
  auto edge = taken_.begin();
  for (; edge != taken_.end() && edge->rank < group_.rank(); ++edge)
    if (Outcome ok = read_edge(*edge); !ok.ok()) return ok;
  const Range mine = own(group_.rank());
  const std::int64_t begin = std::max(columns.begin, mine.begin);
  const std::int64_t end = std::min(columns.end, mine.end);
  const std::vector<TensorView> streamed = views(parts_.streamed);
  if (begin < end)
    if (Outcome ok = state_->update_columns(streamed, begin - mine.begin, end - begin); !ok.ok())
      return ok;
  for (; edge != taken_.end(); ++edge)
    if (Outcome ok = read_edge(*edge); !ok.ok()) return ok;
  if (is_root()) return Unit{};
  sent_ = state_->bytes();
  vote_.bytes = sent_.size();
  return Unit{};
}

Outcome ShardedCall::read_edge(Edge& edge) {
  std::vector<TensorView> list;
  std::byte* at = edge.bytes.data();
  for (const std::size_t k : parts_.streamed) {
    const std::int64_t shape[] = {rows_of(k), edge.columns.count()};
    list.emplace_back(static_cast<const void*>(at), operands_[k].dtype, shape);
    at += shape[0] * shape[1] * parts_.element_size(k);
  }
  return state_->update(std::span<const TensorView>(list));
}

Outcome ShardedCall::merge() {
  vote_.bytes = 0;
  if (!is_root()) return Unit{};
  std::optional<RowState> whole;
  const auto append = [&](RowState& right) -> Outcome {
    if (whole) return whole->merge(right);
    whole = std::move(right);
    return Unit{};
  };
  for (const std::vector<std::byte>& bytes : received_) {
    if (bytes.empty()) continue;
    auto left = RowState::from_bytes(kernel_.states, bytes);
    if (!left.ok()) return left.error();
    if (Outcome ok = append(*left); !ok.ok()) return ok;
  }
  if (Outcome ok = append(*state_); !ok.ok()) return ok;
  state_ = std::move(whole);
  received_.clear();
  if (Outcome ok = state_->finish(); !ok.ok()) return ok;
  if (group_.count() > 1) finished_ = state_->bytes();
  vote_.bytes = finished_.size();
  return Unit{};
}

Outcome ShardedCall::write() {
  if (parts_.levels == 0) {
    if (Outcome ok = make_state(0); !ok.ok()) return ok;
  } else if (Outcome ok = take_finished(); !ok.ok()) {
    return ok;
  }
  if (!parts_.written.empty()) {
    std::vector<TensorView> list = views(parts_.streamed);
    for (const std::size_t k : parts_.written) list.push_back(operands_[k]);
    const Range mine = own(group_.rank());
    if (Outcome ok = state_->begin_at(mine.begin); !ok.ok()) return ok;
    if (Outcome ok = state_->write(std::span<const TensorView>(list)); !ok.ok()) return ok;
  }
  return parts_.row_outputs.empty() ? Outcome(Unit{})
                                    : state_->row_outputs(views(parts_.row_outputs));
}

}  // namespace sluice
