// Sharded rows on the ranks of MPI, run by mpirun on any number of them: every bit against the call
// of whole rows in this process; a mistake or a lack of memory on one rank is an error on all, and
// the next call is as good as any.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <sluice/mpi.hpp>
#include <sluice/sluice.hpp>

namespace {

// The allocation that fails: -1 for none.
long refused_in = -1;

int rank_of_all = 0;
int failures = 0;

void check(bool good, const std::string& what) {
  if (good) return;
  ++failures;
  std::printf("rank %d: %s\n", rank_of_all, what.c_str());
}

}  // namespace

void* operator new(std::size_t bytes) {
  if (refused_in >= 0 && refused_in-- == 0) throw std::bad_alloc();
  if (void* const memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using sluice::Dtype;
using sluice::Outcome;
using Bounds = std::vector<std::int64_t>;

enum class Kind : std::uint8_t { element, row, index };
struct Operand {
  const char* name;
  Kind kind;
};
struct Case {
  const char* function;
  sluice::Pass pass;
  std::vector<Operand> operands;
};

const std::vector<Case>& cases() {
  using enum Kind;
  static const std::vector<Case> list = {
      {"softmax", sluice::forward, {{"x", element}, {"y", element}}},
      {"softmax", sluice::backward, {{"x", element}, {"grad_y", element}, {"dx", element}}},
      {"log_softmax", sluice::forward, {{"x", element}, {"y", element}}},
      {"log_softmax", sluice::backward, {{"x", element}, {"grad_y", element}, {"dx", element}}},
      {"cross_entropy",
       sluice::forward,
       {{"x", element}, {"target", index}, {"loss", row}, {"lse", row}}},
      {"cross_entropy",
       sluice::backward,
       {{"x", element}, {"target", index}, {"grad_loss", row}, {"dx", element}}},
      {"cross_entropy",
       sluice::forward_backward,
       {{"x", element}, {"target", index}, {"grad_loss", row}, {"loss", row}, {"dx", element}}},
  };
  return list;
}

// Operands of whole rows, the same on every rank, and one rank's part of them.
class Problem {
 public:
  Problem(const Case& of, Dtype dtype, std::int64_t rows, std::int64_t columns)
      : rows_(rows), columns_(columns) {
    sluice::KernelSpec spec{.function = of.function, .pass = of.pass};
    std::uint64_t seed = 7;
    for (const Operand& each : of.operands) {
      const bool wide = each.kind == Kind::element;
      // Rows' values of 16-bit functions are f32.
      const Dtype row_type = dtype == Dtype::f64 ? Dtype::f64 : Dtype::f32;
      const Dtype type = each.kind == Kind::index ? Dtype::i64 : wide ? dtype : row_type;
      const auto shape = wide ? Bounds{rows, columns} : Bounds{rows};
      spec.operands.push_back({type, shape, each.name});
      dtypes.push_back(type);
      wide_.push_back(wide);
      auto& to =
          whole.emplace_back(static_cast<std::size_t>(rows * (wide ? columns : 1)) * size_of(type));
      for (std::size_t at = 0; at < to.size(); at += size_of(type)) fill(&to[at], type, seed);
    }
    kernel = runtime().compile(spec);
  }

  // Each process has its own, which lives as long as it does.
  static sluice::Runtime& runtime() { return sluice::default_runtime(); }

  [[nodiscard]] std::vector<sluice::TensorView> views() {
    std::vector<sluice::TensorView> list;
    for (std::size_t k = 0; k < whole.size(); ++k)
      list.emplace_back(whole[k].data(), dtypes[k],
                        wide_[k] ? Bounds{rows_, columns_} : Bounds{rows_});
    return list;
  }

  // The columns from `begin` to `end` of the operands, and whole ones of those that have none.
  [[nodiscard]] std::vector<std::vector<std::byte>> part(std::int64_t begin,
                                                         std::int64_t end) const {
    std::vector<std::vector<std::byte>> parts;
    for (std::size_t k = 0; k < whole.size(); ++k) {
      parts.push_back(whole[k]);
      parts.back().push_back(std::byte{0});  // so that none is empty
      if (!wide_[k]) continue;
      const std::size_t size = size_of(dtypes[k]), count = static_cast<std::size_t>(end - begin);
      parts.back().assign(static_cast<std::size_t>(rows_) * count * size + 1, std::byte{0});
      for (std::int64_t row = 0; row < rows_; ++row)
        std::memcpy(&parts.back()[static_cast<std::size_t>(row) * count * size],
                    &whole[k][static_cast<std::size_t>(row * columns_ + begin) * size],
                    count * size);
    }
    return parts;
  }
  [[nodiscard]] std::vector<sluice::TensorView> views_of(std::vector<std::vector<std::byte>>& parts,
                                                         std::int64_t columns) const {
    std::vector<sluice::TensorView> list;
    for (std::size_t k = 0; k < parts.size(); ++k)
      list.emplace_back(parts[k].data(), dtypes[k],
                        wide_[k] ? Bounds{rows_, columns} : Bounds{rows_});
    return list;
  }

  std::vector<std::vector<std::byte>> whole;
  std::vector<Dtype> dtypes;
  std::optional<sluice::Result<sluice::Kernel>> kernel;

 private:
  void fill(std::byte* to, Dtype dtype, std::uint64_t& seed) const {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const double value = static_cast<double>(seed >> 40) / 1048576.0 - 8;
    const auto put = [&](auto each) { std::memcpy(to, &each, sizeof each); };
    if (dtype == Dtype::i64) return put(static_cast<std::int64_t>(seed >> 33) % columns_);
    if (dtype == Dtype::f64) return put(value);
    const auto single = static_cast<float>(value);
    if (dtype == Dtype::f32) return put(single);
    std::uint32_t bits = 0;
    std::memcpy(&bits, &single, sizeof bits);
    put(static_cast<std::uint16_t>(bits >> 16));  // bf16
  }

  std::int64_t rows_, columns_;
  std::vector<bool> wide_;
};

Bounds even_bounds(std::int64_t columns, std::size_t ranks) {
  Bounds bounds;
  for (std::size_t rank = 0; rank <= ranks; ++rank)
    bounds.push_back(columns * static_cast<std::int64_t>(rank) / static_cast<std::int64_t>(ranks));
  return bounds;
}

void test_bits(const sluice::Ranks& ranks) {
  for (const Case& each : cases())
    for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::bf16})
      for (const std::int64_t columns : {128256, 10000, 3}) {
        if (dtype == Dtype::f64 && columns == 128256) continue;
        const std::string what = std::string(each.function) + " " + std::string(name(each.pass)) +
                                 " " + std::string(name(dtype)) + " of " + std::to_string(columns);
        Problem problem(each, dtype, 3, columns);
        const auto sharded = sluice::ShardedKernel::make(ranks, *problem.kernel);
        check(sharded.ok(), what + ": " + (sharded.ok() ? "" : sharded.error().message));
        if (!sharded.ok()) continue;
        for (const bool realign : {false, true}) {
          const Bounds bounds = realign ? even_bounds(columns, ranks.count)
                                        : sluice::shard_bounds(columns, ranks.count);
          const std::int64_t begin = bounds[ranks.rank], end = bounds[ranks.rank + 1];
          auto parts = problem.part(begin, end);
          for (std::size_t k = 0; k < parts.size(); ++k)
            if ((*problem.kernel)->operands()[k].output)
              std::fill(parts[k].begin(), parts[k].end() - 1, std::byte{0x5a});
          const Outcome called =
              sharded->call(problem.views_of(parts, end - begin), {.realign = realign});
          check(called.ok(), what + ": " + (called.ok() ? "" : called.error().message));
          check((*problem.kernel)->call(problem.views()).ok(), what + ": the call of whole rows");
          check(parts == problem.part(begin, end), what + ": other bits than one process");
        }
      }
}

// Whether all ranks say the same of an outcome; their answer.
bool all_agree(const Outcome& outcome, const std::string& what) {
  int own = outcome.ok() ? 1 : 0, least = 0, most = 0;
  MPI_Allreduce(&own, &least, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  MPI_Allreduce(&own, &most, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  check(least == most, what + ": an error on some ranks only");
  return most == 1;
}

// The same call with something wrong on the last rank, and then the good one.
void test_errors(const sluice::Ranks& ranks) {
  struct Wrong {
    const char* what;
    std::function<void(std::vector<sluice::TensorView>&, sluice::ShardedCallOptions&)> change;
  };
  static const double one = 1;
  const std::vector<Wrong> all = {
      {"no operand", [](auto& views, auto&) { views.pop_back(); }},
      {"a null buffer", [](auto& views, auto&) { views[0].data = nullptr; }},
      {"another type", [](auto& views, auto&) { views[1].dtype = Dtype::f64; }},
      {"rows that differ",
       [](auto& views, auto&) {
         for (auto& each : views) each.shape[0] = 2;
       }},
      {"parameters that differ",
       [](auto&, auto& options) {
         options.params = {&one, 1};
       }},
      {"a row index that differs", [](auto&, auto& options) { options.row_index = 5; }},
  };
  Problem problem(cases().front(), Dtype::f32, 3, 10000);
  const auto sharded = sluice::ShardedKernel::make(ranks, *problem.kernel);
  const Bounds bounds = sluice::shard_bounds(10000, ranks.count);
  const std::int64_t columns = bounds[ranks.rank + 1] - bounds[ranks.rank];
  for (const Wrong& wrong : all) {
    auto parts = problem.part(bounds[ranks.rank], bounds[ranks.rank + 1]);
    sluice::ShardedCallOptions options;
    auto views = problem.views_of(parts, columns);
    const bool alone = ranks.count == 1;
    if (ranks.rank + 1 == ranks.count && columns > 0) wrong.change(views, options);
    const Outcome called = sharded->call(views, options);
    const bool differ = std::string(wrong.what).find("differ") != std::string::npos;
    const bool fine = all_agree(called, wrong.what);
    if (!alone || !differ) check(!fine, std::string(wrong.what) + " was not refused");
    check(all_agree(sharded->call(problem.views_of(parts, columns)), wrong.what),
          std::string("the call after ") + wrong.what);
  }
  // A kernel that one rank does not have, and one that is another's.
  const auto none = sluice::ShardedKernel::make(
      ranks,
      ranks.rank == 0 ? Problem::runtime().compile({.function = "no_such"}) : *problem.kernel);
  check(!none.ok(), "a kernel that one rank lacks");
  if (!none.ok()) {
    const bool told = none.error().message.find("no_such") != std::string::npos;
    check(told, "rank 0's message is '" + none.error().message + "'");
  }
  Problem other(cases()[2], Dtype::f32, 3, 10000);
  const auto mixed =
      sluice::ShardedKernel::make(ranks, ranks.rank == 0 ? *other.kernel : *problem.kernel);
  check(mixed.ok() == (ranks.count == 1), "kernels of two functions");
}

// Each allocation of a call in turn is refused on one rank.
void test_memory(const sluice::Ranks& ranks) {
  Problem problem(cases()[1], Dtype::f32, 3, 20000);
  const auto sharded = sluice::ShardedKernel::make(ranks, *problem.kernel);
  const Bounds bounds = even_bounds(20000, ranks.count);
  const std::int64_t columns = bounds[ranks.rank + 1] - bounds[ranks.rank];
  for (std::size_t poor = 0; poor < ranks.count; ++poor)
    for (long which = 0;; ++which) {
      auto parts = problem.part(bounds[ranks.rank], bounds[ranks.rank + 1]);
      const auto views = problem.views_of(parts, columns);
      if (ranks.rank == poor) refused_in = which;
      const Outcome called = sharded->call(views, {.realign = true});
      refused_in = -1;
      const std::string what =
          "allocation " + std::to_string(which) + " refused on rank " + std::to_string(poor);
      if (all_agree(called, what)) {
        check(which > 10, "a call that hardly allocates");
        break;
      }
      check(which < 1000, what + ": no end");
      if (which >= 1000) break;
    }
}

}  // namespace

int main(int count, char** arguments) {
  MPI_Init(&count, &arguments);
  {
    const auto ranks = sluice::mpi::ranks_of(MPI_COMM_WORLD);
    check(ranks.ok(), "no ranks");
    rank_of_all = ranks.ok() ? static_cast<int>(ranks->rank) : -1;
    check(!sluice::mpi::ranks_of(MPI_COMM_NULL).ok(), "MPI_COMM_NULL has ranks");
    if (ranks.ok()) {
      test_bits(*ranks);
      test_errors(*ranks);
      test_memory(*ranks);
    }
    if (rank_of_all == 0) std::printf("ran: sharded rows on %zu ranks\n", ranks->count);
  }
  MPI_Finalize();
  return failures == 0 ? 0 : 1;
}
