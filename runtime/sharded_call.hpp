// A call of a kernel whose rows are sharded: what this rank does of it, between votes.
//
// A level goes: every rank reads its columns into a state; the last one that has any gets the
// states, merges them and ends the level; what then is known of the rows goes to all. Where shards
// are not cut at multiples of 4096 each rank first gets the rest of its last blocks, or gives them
// away, and reads whole blocks; it writes its own columns in any case.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <sluice/sharded.hpp>

#include "runtime/column_views.hpp"
#include "runtime/rank_group.hpp"
#include "runtime/state_kernel.hpp"

namespace sluice {

struct ShardedKernel::Impl {
  Ranks ranks;
  StateKernel states;
  const StateKernel::Impl& parts;
};

class ShardedCall {
 public:
  ShardedCall(const ShardedKernel::Impl& kernel, std::span<const TensorView> operands,
              const ShardedCallOptions& options)
      : kernel_(kernel), parts_(kernel.parts), operands_(operands), options_(options),
        group_(kernel.ranks) {}

  [[nodiscard]] Outcome run();

 private:
  enum class Stage : std::uint64_t { begin = 2, plan, read, room, merge, write };

  // Columns of the row.
  struct Range {
    std::int64_t begin = 0, end = 0;
    [[nodiscard]] std::int64_t count() const { return end - begin; }
  };
  // Columns that one rank has and another reads: row by row, the streamed operands one after the
  // other.
  struct Edge {
    std::size_t rank = 0;  // the other one
    Range columns;
    std::vector<std::byte> bytes;
  };

  // A rank's part of a step, and the vote on it.
  template <typename Body>
  [[nodiscard]] Outcome step(Stage stage, const Body& body) {
    const Outcome outcome = attempt(body);
    vote_.stage = static_cast<std::uint64_t>(stage);
    return group_.agree(vote_, outcome);
  }

  [[nodiscard]] Outcome check();
  [[nodiscard]] Outcome check_rows();
  [[nodiscard]] Outcome compare() const;
  [[nodiscard]] Outcome cut();
  [[nodiscard]] Outcome plan();
  [[nodiscard]] Outcome exchange_edges();
  void pack(Edge& edge) const;
  [[nodiscard]] std::size_t edge_bytes(const Range& columns) const;
  [[nodiscard]] std::int64_t rows_of(std::size_t operand) const;

  [[nodiscard]] Outcome make_state(std::int64_t first_column);
  [[nodiscard]] Outcome take_finished();
  [[nodiscard]] Outcome run_level(std::size_t level);
  [[nodiscard]] Outcome read(std::size_t level);
  [[nodiscard]] Outcome read_edge(Edge& edge);
  [[nodiscard]] Outcome merge();
  [[nodiscard]] Outcome write();

  [[nodiscard]] Range own(std::size_t rank) const { return {bounds_[rank], bounds_[rank + 1]}; }
  [[nodiscard]] Range read_by(std::size_t rank) const { return {cuts_[rank], cuts_[rank + 1]}; }
  [[nodiscard]] bool is_root() const { return group_.rank() == root_; }
  [[nodiscard]] std::vector<TensorView> views(std::span<const std::size_t> operands) const;

  const ShardedKernel::Impl& kernel_;
  const StateKernel::Impl& parts_;
  std::span<const TensorView> operands_;
  const ShardedCallOptions& options_;
  RankGroup group_;
  Vote vote_;
  std::int64_t rows_ = 0;
  std::vector<std::int64_t> bounds_, cuts_;  // ranks + 1 columns: what each has, what it reads
  bool realigned_ = false;
  std::size_t root_ = 0;  // the last rank that reads any columns
  std::vector<Edge> given_, taken_;
  std::optional<RowState> state_;
  std::vector<std::byte> sent_;                   // this rank's state
  std::vector<std::vector<std::byte>> received_;  // on the root, of the ranks that read columns
  std::vector<std::byte> finished_;               // what all go on with
};

}  // namespace sluice
