// What a call of row_call.hpp adds up: the values of a piece, in the order of sum_rows.hpp; by
// tasks where they have targets of their own, or whole blocks and rows, whose sums come in order.
#include <new>

#include "runtime/row_call.hpp"

namespace sluice {
namespace {

constexpr std::int64_t kBlock = schedule::kBlockColumns;

// The blocks of rows that lie one after another, the first of which begins at `row_begin`: where a
// block begins, and the first block that begins at an element or after it.
struct Blocks {
  std::int64_t row_length, row_begin;

  [[nodiscard]] std::int64_t a_row() const { return (row_length + kBlock - 1) / kBlock; }
  [[nodiscard]] std::int64_t begin(std::int64_t block) const {
    return row_begin + block / a_row() * row_length +
           std::min(block % a_row() * kBlock, row_length);
  }
  [[nodiscard]] std::int64_t first_from(std::int64_t element) const {
    const std::int64_t at = element - row_begin;
    return at / row_length * a_row() + (at % row_length + kBlock - 1) / kBlock;
  }
  // As many as end by there.
  [[nodiscard]] std::int64_t count_to(std::int64_t element) const {
    const std::int64_t at = element - row_begin;
    return at / row_length * a_row() + at % row_length / kBlock;
  }
};

}  // namespace

template <typename T>
template <typename Use>
void RowCall<T>::for_shares(std::int64_t count, std::size_t tasks, const Use& use) const {
  if (tasks <= 1) return use(Range{0, count});
  parallel_->for_each(tasks, [&](std::size_t task) { use(Range{0, count}.share(task, tasks)); });
}

// The values of a piece: of an elementwise function a stretch of elements, else rows.
template <typename T>
void RowCall<T>::add_up(Sum& sum, std::int64_t count) {
  if (!spec_.row)
    return share_ == Share::blocks && in_task_ ? add_up_block(sum, count)
                                               : add_up_elements(sum, count);
  if (sum.along_row) sum_rows(sum, count);
  if (sum.along_row || sum.per_row) return add_up_rows(sum, count);
  add_up_columns(sum, count);
}

// Each row's sum, in the place of its first column.
template <typename T>
void RowCall<T>::sum_rows(const Sum& sum, std::int64_t count) {
  const auto values = [&](std::int64_t row) {
    return Strided<T>{scratch(sum) + row * sum.row_step, sum.column_step, columns()};
  };
  if (long_rows_) {
    for (std::int64_t row = 0; row < count; ++row)
      *(scratch(sum) + row * sum.row_step) = sum_long_row(sum, values(row));
    return;
  }
  const std::size_t tasks = tasks_of_piece(count);
  for_shares(count, tasks, [&](Range rows) {
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      RowSum<T> of_row;
      of_row.add(values(row));
      *(scratch(sum) + row * sum.row_step) = of_row.result();
    }
  });
}

template <typename T>
T RowCall<T>::sum_long_row(const Sum& sum, const Strided<T>& values) {
  BlockSum<T>* const sums = block_sums(sum);
  const Blocks blocks{values.count, 0};
  for_shares(blocks.a_row(), tasks_, [&](Range own) {
    for (std::int64_t b = own.begin; b < own.end; ++b) {
      const std::int64_t columns = blocks.begin(b + 1) - blocks.begin(b);
      RowSum<T> of_block;
      of_block.add({values.first + blocks.begin(b) * values.step, values.step, columns});
      sums[b] = {of_block.result(), columns, 0, 0};
    }
  });
  RowSum<T> row;
  for (std::int64_t b = 0; b < blocks.a_row(); ++b) row.add_block(sums[b].value, sums[b].columns);
  return row.result();
}

// One value a row.
template <typename T>
void RowCall<T>::add_up_rows(Sum& sum, std::int64_t count) {
  const bool looped = outer_loops_ < loop_count_;
  const std::int64_t target_step = looped ? sum.targets[inner_] : 0;
  const std::int64_t term_step = looped ? sum.terms[inner_] : 0;
  TermSums<T> sums = terms(sum);
  const Strided<T> values{scratch(sum), sum.row_step, count};
  if (target_step == 1 && term_step == 0) return sums.add(sum.target, sum.term, values);
  if (target_step == 0 && term_step == 1) return sums.add_terms(sum.target, sum.term, values);
  for (std::int64_t row = 0; row < count; ++row)
    sums.add(sum.target + row * target_step, sum.term + row * term_step,
             {values.first + row * values.step, 1, 1});
}

// A value each column.
template <typename T>
void RowCall<T>::add_up_columns(Sum& sum, std::int64_t count) {
  const bool looped = outer_loops_ < loop_count_;
  const std::int64_t target_step = looped ? sum.targets[inner_] : 0;
  const std::int64_t term_step = looped ? sum.terms[inner_] : 0;
  const std::int64_t next_target = sum.targets[axis_];
  const std::int64_t next_term = sum.terms[axis_];
  const bool by_column = adds_by_column(sum);
  TermSums<T> sums = terms(sum);
  const auto add = [&](std::int64_t row, Range own) {
    const Strided<T> values{scratch(sum) + row * sum.row_step + own.begin * sum.column_step,
                            sum.column_step, own.length()};
    const std::int64_t target = sum.target + row * target_step + own.begin * next_target;
    const std::int64_t term = sum.term + row * term_step + own.begin * next_term;
    if (by_column) return sums.add(target, term, values);
    for (std::int64_t c = 0; c < values.count; ++c)
      sums.add(target + c * next_target, term + c * next_term,
               {values.first + c * values.step, 1, 1});
  };
  const std::size_t tasks = tasks_of_piece(count);
  if (by_column)
    return for_shares(columns(), tasks, [&](Range own) {
      for (std::int64_t row = 0; row < count; ++row) add(row, own);
    });
  // Rows with targets of their own are shared out, others are one after the other.
  for_shares(count, target_step != 0 ? tasks : 1, [&](Range rows) {
    for (std::int64_t row = rows.begin; row < rows.end; ++row) add(row, {0, columns()});
  });
}

// Whether each column goes to a sum of its own, as every sum's terms come in the order of rows.
template <typename T>
bool RowCall<T>::adds_by_column(const Sum& sum) const {
  return sum.targets[axis_] == 1 && sum.terms[axis_] == 0;
}

template <typename T>
void RowCall<T>::add_up_elements(Sum& sum, std::int64_t count) {
  const bool looped = outer_loops_ < loop_count_;
  const Strided<T> values{scratch(sum), 1, count};
  TermSums<T> sums = terms(sum);
  if (!sum.along_row) {
    const std::int64_t term_step = looped ? sum.terms[inner_] : 0;
    const std::int64_t target_step = looped ? sum.targets[inner_] : 0;
    if (term_step == 0 && target_step <= 1) return sums.add(sum.target, sum.term, values);
    for (std::int64_t i = 0; i < count; ++i)
      sums.add(sum.target + i * target_step, sum.term + i * term_step, {values.first + i, 1, 1});
    return;
  }
  RowSum<T>& row = *row_sum(sum);
  row.add(values);
  if (row.count() != sum.row_length) return;
  const T result = row.result();
  sums.add(sum.target, sum.term, {&result, 1, 1});
  row.restart();
}

// The same by a task: what is whole are blocks.
template <typename T>
void RowCall<T>::add_up_block(Sum& sum, std::int64_t count) {
  auto& block = *reinterpret_cast<RowSum<T>*>(memory_ + sum.block_row);
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t left = std::min(kBlock - sum.column % kBlock, sum.row_length - sum.column);
    const std::int64_t columns = std::min(left, count - done);
    block.add({scratch(sum) + done, 1, columns});
    done += columns;
    sum.column += columns;
    if (columns < left) continue;
    block_sums(sum)[sum.block++] = {block.result(), block.count(), sum.target, sum.term};
    block.restart();
    if (sum.column == sum.row_length) sum.column = 0;
  }
}

// Elements of an elementwise function whose sums are all of the same rows. What does not make a
// whole block, where a call of many pieces begins or ends within one, the calling thread does.
template <typename T>
void RowCall<T>::run_blocks(Range units) {
  const Blocks blocks{row_length(), -row_sum(sum_at(0))->count()};
  const Range whole{blocks.first_from(0), blocks.count_to(units.end)};
  if (whole.begin >= whole.end) return run_loop(0, units);
  run_loop(0, {0, blocks.begin(whole.begin)});
  for (std::int64_t first = whole.begin; first < whole.end;) {
    const std::int64_t most = blocks.count_to(
        std::min(blocks.begin(first) + kTaskPiece * static_cast<std::int64_t>(tasks_), units.end));
    const std::int64_t end = std::clamp(most, first + 1, std::min(first + block_count_, whole.end));
    run_block_tasks({first, end}, blocks.row_begin);
    for (std::size_t s = 0; s < sum_count_; ++s) add_block_sums(sum_at(s), end - first);
    first = end;
  }
  run_loop(0, {blocks.begin(whole.end), units.end});
}

template <typename T>
void RowCall<T>::run_block_tasks(Range range, std::int64_t row_begin) {
  const Blocks blocks{row_length(), row_begin};
  const std::size_t tasks = std::min(tasks_, static_cast<std::size_t>(range.length()));
  parallel_->for_each(tasks, [&](std::size_t task) {
    const Range own = range.share(task, tasks);
    RowCall mine(*this);
    mine.in_task_ = true;
    mine.packs_ += task * packs_each_;
    for (std::size_t s = 0; s < sum_count_; ++s) {
      Sum& sum = mine.sum_at(s);
      sum.scratch += task * sum.scratch_each;
      sum.block_row += task * workspace_aligned(sizeof(RowSum<T>));
      sum.block = own.begin - range.begin;
      sum.column = own.begin % blocks.a_row() * kBlock;
      new (memory_ + sum.block_row) RowSum<T>;
    }
    mine.run_loop(0, {blocks.begin(own.begin), blocks.begin(own.end)});
  });
}

template <typename T>
void RowCall<T>::add_block_sums(Sum& sum, std::int64_t count) {
  RowSum<T>& row = *row_sum(sum);
  TermSums<T> sums = terms(sum);
  for (std::int64_t b = 0; b < count; ++b) {
    const BlockSum<T>& block = block_sums(sum)[b];
    row.add_block(block.value, block.columns);
    if (row.count() != sum.row_length) continue;
    const T result = row.result();
    sums.add(block.target, block.term, {&result, 1, 1});
    row.restart();
  }
}

template void RowCall<float>::add_up(Sum&, std::int64_t);
template void RowCall<double>::add_up(Sum&, std::int64_t);
template void RowCall<float>::run_blocks(Range);
template void RowCall<double>::run_blocks(Range);

}  // namespace sluice
