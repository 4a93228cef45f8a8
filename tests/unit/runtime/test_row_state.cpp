// States of rows: streams in pieces of any length, shards in any grouping, bytes; every bit against
// the call of the whole row. And what is refused.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

#include "compiler/backend/composed/subtrees.hpp"
#include "runtime/state_kernel.hpp"
#include "tests/unit/runtime/row_streams.hpp"

namespace sluice {
namespace {

using namespace testing;

TEST_CASE("a row in pieces has the bits of the whole row", "[runtime]") {
  for (const std::string& target : testing::row_targets())
    for (const RowCase& each : kStateCases)
      for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::f16, Dtype::bf16})
        for (const std::int64_t columns : {1, 700, 4096, 4097, 20500}) {
          if (columns != 4097 && dtype != Dtype::f32) continue;
          INFO(each.function << " " << name(dtype) << " " << columns << " " << target);
          RowData data(each, dtype, {columns > 5000 ? 2 : 3, columns}, target);
          const auto whole = data.whole();
          const bool same = streamed(data, static_cast<std::uint64_t>(columns)) == whole;
          CHECK(same);
        }
}

TEST_CASE("long rows in pieces have the bits of the whole row", "[runtime][slow]") {
  for (const std::string& target : testing::row_targets())
    for (const RowCase& each : kStateCases)
      for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::f16, Dtype::bf16})
        for (const std::int64_t columns : {1, 4096, 20500, 300007}) {
          if (columns > 30000 && (target == "interpreter" || each.parameters.size() > 1)) continue;
          INFO(each.function << " " << name(dtype) << " " << columns << " " << target);
          RowData data(each, dtype, {columns > 30000 ? 1 : 3, columns}, target);
          const auto whole = data.whole();
          const bool same = streamed(data, static_cast<std::uint64_t>(columns)) == whole;
          CHECK(same);
        }
}

TEST_CASE("shards merge to the whole row in any grouping", "[runtime]") {
  std::mt19937_64 random(5);
  for (const std::string& target : testing::row_targets())
    for (const RowCase& each : kStateCases) {
      if (target == "interpreter" && each.operands.size() > 4) continue;
      const std::int64_t columns = 11 * kBlock + 17;
      RowData data(each, Dtype::f32, {2, columns}, target);
      const auto whole = data.whole();
      std::set<std::int64_t> at{0, columns};
      for (int i = 0; i < 5; ++i) at.insert(kBlock * static_cast<std::int64_t>(random() % 12));
      INFO(each.function << " " << target << " " << at.size() - 1 << " shards");
      CHECK(sharded(data, {at.begin(), at.end()}, random) == whole);
    }
}

TEST_CASE("shards at shard_bounds", "[runtime]") {
  std::mt19937_64 random(6);
  for (const std::size_t which : {0u, 4u, 9u})
    for (const std::int64_t columns : {0, 5000, 32000, 100003})
      for (std::size_t ranks = 1; ranks <= 7; ++ranks) {
        const Lengths bounds = shard_bounds(columns, ranks);
        REQUIRE(bounds.size() == ranks + 1);
        CHECK(bounds.front() == 0);
        CHECK(bounds.back() == columns);
        CHECK(std::is_sorted(bounds.begin(), bounds.end()));
        for (std::size_t i = 0; i < ranks; ++i) {
          CHECK(bounds[i] % kBlock == 0);
          CHECK(bounds[i + 1] - bounds[i] <
                columns / static_cast<std::int64_t>(ranks) + kBlock + 1);
        }
        RowData data(kStateCases[which], Dtype::f32, {2, columns}, "");
        const auto whole = data.whole();
        INFO(kStateCases[which].function << " " << columns << " in " << ranks);
        CHECK(sharded(data, bounds, random) == whole);
      }
}

TEST_CASE("the same columns give a state the same bytes", "[runtime]") {
  std::mt19937_64 random(7);
  for (const RowCase& each : kStateCases) {
    INFO(each.function);
    RowData data(each, Dtype::f32, {2, 9 * kBlock + 5}, "");
    const StateKernel kernel = states_of(data.code());
    RowState once = state_of(kernel, data);
    update(once, data, 0, data.columns);
    RowState pieces = state_of(kernel, data);
    RowState right = state_of(kernel, data, 5 * kBlock);
    for (std::int64_t at = 0; at < 5 * kBlock; at += 1024) update(pieces, data, at, at + 1024);
    update(right, data, 5 * kBlock, data.columns);
    done(pieces.merge(right));
    CHECK(once.bytes() == pieces.bytes());
    auto copy = RowState::from_bytes(kernel, once.bytes());
    REQUIRE(copy.ok());
    CHECK(copy->bytes() == once.bytes());
  }
}

TEST_CASE("subtrees of a range of blocks follow from it alone", "[runtime]") {
  using namespace composed;
  for (std::int64_t begin = 0; begin < 40; ++begin)
    for (std::int64_t end = begin; end < 40; ++end) {
      std::vector<Subtree> stack;  // as blocks arrive
      for (std::int64_t block = begin; block < end; ++block) {
        Subtree arrived{block, 0};
        stack.push_back(arrived);
        for (std::size_t left = merges_after(begin, arrived); left > 0; --left) {
          const Subtree right = stack.back();
          stack.pop_back();
          CHECK(stack.back().level == right.level);
          ++stack.back().level;
        }
      }
      CHECK(stack.size() == subtree_count({begin, end}));
      std::int64_t at = begin;
      for (const Subtree& each : stack) {
        CHECK(each.begin == at);
        CHECK(each.begin % (std::int64_t{1} << each.level) == 0);
        CHECK(first_subtree({at, end}).level == each.level);
        at = each.end();
      }
      CHECK(at == end);
    }
}

struct Fixture {
  RowData data{kStateCases[0], Dtype::f32, {1, 3 * kBlock}, ""};
  StateKernel kernel = states_of(data.code());
  std::vector<float> x = std::vector<float>(static_cast<std::size_t>(3 * kBlock), 1.0f);
  std::vector<float> y = x;

  RowState at(std::int64_t first, std::size_t columns) const {
    RowState state = RowState::make(kernel, {.first_column = first}).value();
    done(state.update(std::span(x).first(columns)));
    return state;
  }
};

std::string refused(const Outcome& outcome, Status status) {
  if (outcome.ok()) return "nothing was refused";
  CHECK(name(outcome.error().status) == name(status));
  return outcome.error().message;
}
template <typename T>
std::string refused(const Result<T>& result, Status status) {
  return refused(result.ok() ? Outcome(Unit{}) : Outcome(result.error()), status);
}

using Catch::Matchers::Contains;

TEST_CASE("kernels that have no states", "[runtime]") {
  Runtime& runtime = default_runtime();
  const auto made = [&](const KernelSpec& spec) {
    auto kernel = runtime.compile(spec);
    REQUIRE(kernel.ok());
    return refused(StateKernel::make(*kernel),
                   spec.axis == 0 ? Status::unsupported : Status::invalid_argument);
  };
  const auto x = f32({4, 8});
  CHECK_THAT(made({.function = "relu", .operands = {x, x}}), Contains("elementwise"));
  CHECK_THAT(made({.function = "layer_norm",
                   .pass = backward,
                   .operands = {f32({4, 8}, "x"), f32({8}, "weight"), f32({4, 8}, "grad_y"),
                                f32({4, 8}, "dx"), f32({8}, "dweight")}}),
             Contains("reduces an output"));
  CHECK_THAT(made({.function = "logsumexp", .operands = {x, f32({})}, .reduction = Reduction::sum}),
             Contains("reduces an output"));
  CHECK_THAT(made({.function = "softmax", .operands = {x, x}, .axis = 0}), Contains("innermost"));
}

TEST_CASE("states do not add to gradients of one value a row", "[runtime]") {
  const RowCase of{
      "poly_norm",
      {{"x", Kind::element}, {"w0", Kind::row}, {"grad_y", Kind::element}, {"dw0", Kind::row}},
      backward,
      {},
      Reduction::none,
      true};
  const RowData data(of, Dtype::f32, {2, 8}, "");
  const auto made = StateKernel::make(data.code());
  REQUIRE(!made.ok());
  CHECK_THAT(made.error().message, Contains("'dw0' is one value a row"));
}

// Of wider views, in which other rows lie between; a row that all share stands once.
TEST_CASE("columns of larger tensors", "[runtime]") {
  const RowCase of{"cross_entropy",
                   {{"x", Kind::element},
                    {"target", Kind::index},
                    {"weight", Kind::shared},
                    {"grad_loss", Kind::row},
                    {"dx", Kind::element}},
                   backward};
  RowData data(of, Dtype::f32, {3, 2 * kBlock + 300}, "");
  const auto whole = data.whole();
  const StateKernel kernel = states_of(data.code());
  RowState state = state_of(kernel, data);
  const auto views = data.views();
  const std::vector<TensorView> inputs{views[0], views[2]}, all{views[0], views[2], views[4]};
  while (state.level() < kernel.levels()) {
    for (std::int64_t at = 0; at < data.columns; at += 1500)
      done(state.update_columns(inputs, at, std::min<std::int64_t>(1500, data.columns - at)));
    done(state.finish());
  }
  CHECK_THAT(refused(state.write_columns(all, -1, 4), Status::invalid_argument),
             Contains("columns from column"));
  CHECK_THAT(refused(state.write_columns(all, data.columns, 1), Status::invalid_argument),
             Contains("columns from column"));
  CHECK_THAT(refused(state.write_columns(all, 5, -1), Status::invalid_argument),
             Contains("columns from column"));
  std::vector<TensorView> onto = all;
  std::vector<float> both(static_cast<std::size_t>(3 * data.columns));
  onto[1].data = onto[2].data = both.data();
  CHECK_THAT(refused(state.write_columns(onto, 0, 4), Status::invalid_operands),
             Contains("overlaps the operand 'weight'"));
  for (std::int64_t at = 0; at < data.columns; at += 700)
    done(state.write_columns(all, at, std::min<std::int64_t>(700, data.columns - at)));
  CHECK(data.outputs() == whole);
}

TEST_CASE("states that cannot be made", "[runtime]") {
  const Fixture fixture;
  const auto made = [&](const RowStateOptions& options) {
    return refused(RowState::make(fixture.kernel, options), Status::invalid_argument);
  };
  CHECK_THAT(made({.rows = 0}), Contains("one row at least"));
  CHECK_THAT(made({.first_column = 100}), Contains("a multiple of 4096"));
  for (const RowStateOptions& options : {RowStateOptions{.rows = std::int64_t{1} << 60},
                                         RowStateOptions{.columns = std::int64_t{1} << 40}})
    CHECK_THAT(refused(RowState::make(fixture.kernel, options), Status::limit_exceeded),
               Contains("at most"));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which stop at so much
  CHECK_THAT(refused(RowState::make(fixture.kernel, {.rows = 1 << 30}), Status::out_of_memory),
             Contains("no memory"));
#endif
  CHECK_THAT(made({.first_column = 8192, .columns = 5000}), Contains("is to have 5000"));
  const double extra[] = {1};
  CHECK_THAT(refused(RowState::make(fixture.kernel, {.params = extra}), Status::invalid_operands),
             Contains("0 passed parameters"));
  const TensorView input[] = {TensorView(fixture.x)};
  CHECK_THAT(refused(RowState::make(fixture.kernel, {.inputs = input}), Status::invalid_operands),
             Contains("takes 0 operands"));
  RowData loss(kStateCases[4], Dtype::f32, {2, 8}, "");
  const std::vector<std::int64_t> target{1, 2, 3};
  const TensorView three[] = {TensorView(target.data(), Dtype::i64, {3})};
  CHECK_THAT(refused(RowState::make(states_of(loss.code()), {.rows = 2, .inputs = three}),
                     Status::invalid_operands),
             Contains("one for each of the state's 2 rows"));
}

TEST_CASE("a function that asks for its width first", "[runtime]") {
  Runtime runtime;
  REQUIRE(runtime.define("fn spread(x) -> (s: row) = row_sum(x * (col() / width()))").ok());
  RowData data({"spread", {{"x", Kind::element}, {"s", Kind::row}}}, Dtype::f32, {1, 5000}, "",
               runtime);
  const auto whole = data.whole();
  const StateKernel kernel = states_of(data.code());
  CHECK_THAT(refused(RowState::make(kernel), Status::invalid_argument), Contains("width()"));
  RowState state = RowState::make(kernel, {.columns = 5000}).value();
  update(state, data, 0, 4999);
  CHECK_THAT(refused(state.finish(), Status::invalid_argument), Contains("4999 of the row's 5000"));
  CHECK_THAT(refused(state.update(std::vector<float>(2)), Status::invalid_operands),
             Contains("2 more, after 4999"));
  update(state, data, 4999, 5000);
  finish(state, data, kernel);
  CHECK(data.outputs() == whole);
}

TEST_CASE("wrong use of a state", "[runtime]") {
  Fixture fixture;
  RowState state = fixture.at(0, 100);
  const std::vector<double> wide(10);
  CHECK_THAT(refused(state.update(wide), Status::invalid_operands), Contains("of type f32"));
  CHECK_THAT(refused(state.update(fixture.x, fixture.x), Status::invalid_operands),
             Contains("takes 1 operands (x), and 2"));
  const TensorView two(fixture.x.data(), Dtype::f32, {2, 8});
  CHECK_THAT(refused(state.update(two), Status::invalid_operands), Contains("must have 1 rows"));
  const TensorView null(static_cast<float*>(nullptr), Dtype::f32, {8});
  CHECK_THAT(refused(state.update(null), Status::invalid_operands), Contains("is null"));
  const TensorView apart(fixture.x.data(), Dtype::f32, {8}, {2});
  CHECK_THAT(refused(state.update(apart), Status::unsupported), Contains("lie next to each other"));
  constexpr std::int64_t kLong = std::int64_t{1} << 40;
  const TensorView longest(fixture.x.data(), Dtype::f32, {kLong});
  CHECK_THAT(refused(state.update(longest), Status::limit_exceeded),
             Contains("at most 2147483647"));
  const TensorView empty(fixture.x.data(), Dtype::f32, {kLong, kLong, 0});
  CHECK_THAT(refused(state.update(empty), Status::invalid_operands), Contains("must have 1 rows"));
  CHECK_THAT(refused(state.write(fixture.x, fixture.y), Status::invalid_argument),
             Contains("level 1 of 1"));
  CHECK_THAT(refused(state.begin_at(0), Status::invalid_argument), Contains("option of the state"));
  const TensorView row[] = {TensorView(fixture.y)};
  CHECK_THAT(refused(state.finish(row), Status::invalid_operands), Contains("takes 0 operands"));
  CHECK(state.next_column() == 100);
  done(state.finish());
  CHECK(state.columns() == 100);
  CHECK_THAT(refused(state.update(fixture.x), Status::invalid_argument), Contains("are finished"));
  CHECK_THAT(refused(state.finish(), Status::invalid_argument), Contains("are finished"));
  CHECK_THAT(refused(state.merge(fixture.at(0, 1)), Status::invalid_argument),
             Contains("different levels"));
  CHECK_THAT(refused(state.begin_at(101), Status::invalid_argument), Contains("from 0 to 100"));
  CHECK_THAT(refused(state.write(fixture.x, fixture.y), Status::invalid_operands),
             Contains("has 100 columns"));
  const auto part = std::span(fixture.x).first(50);
  CHECK_THAT(
      refused(state.write(part, std::span(fixture.x).subspan(10, 50)), Status::invalid_operands),
      Contains("overlaps"));
  CHECK_THAT(refused(state.write(part, std::span<const float>(fixture.y).first(50)),
                     Status::invalid_operands),
             Contains("constant"));
  CHECK_THAT(refused(state.write(part, std::span(fixture.y).first(49)), Status::invalid_operands),
             Contains("has 49 columns"));
  done(state.write(part, part));
}

TEST_CASE("states that do not merge", "[runtime]") {
  Fixture fixture;
  const auto merged = [](RowState left, const RowState& right) {
    return refused(left.merge(right), Status::invalid_argument);
  };
  CHECK_THAT(merged(fixture.at(0, 100), fixture.at(4096, 1)), Contains("within a block"));
  CHECK_THAT(merged(fixture.at(0, 4096), fixture.at(8192, 1)), Contains("no neighbours"));
  CHECK_THAT(merged(fixture.at(4096, 4096), fixture.at(0, 4096)), Contains("no neighbours"));
  CHECK_THAT(refused(fixture.at(4096, 1).finish(), Status::invalid_argument),
             Contains("begins at column 4096"));
  RowData other(kStateCases[2], Dtype::f32, {1, 8}, "");
  CHECK_THAT(merged(fixture.at(0, 0), RowState::make(states_of(other.code())).value()),
             Contains("'softmax' and 'log_softmax'"));
  CHECK_THAT(merged(fixture.at(0, 0), RowState::make(fixture.kernel, {.rows = 2}).value()),
             Contains("1 and 2 rows"));
  CHECK_THAT(merged(fixture.at(0, 0), RowState::make(fixture.kernel, {.columns = 7}).value()),
             Contains("different inputs"));
  RowData loss(kStateCases[4], Dtype::f32, {1, 8}, "");
  const StateKernel losses = states_of(loss.code());
  const std::int64_t one = 1, two = 2;
  const TensorView first[] = {TensorView(&one, Dtype::i64, {1})};
  const TensorView second[] = {TensorView(&two, Dtype::i64, {1})};
  CHECK_THAT(merged(RowState::make(losses, {.inputs = first}).value(),
                    RowState::make(losses, {.inputs = second}).value()),
             Contains("different inputs"));
  RowState left = fixture.at(0, 100);
  done(left.merge(fixture.at(4096, 0)));
  CHECK(left.next_column() == 100);
}

TEST_CASE("bytes that are no state", "[runtime]") {
  const Fixture fixture;
  const std::vector<std::byte> good = fixture.at(0, 5000).bytes();
  const auto read = [&](std::vector<std::byte> bytes, Status status) {
    return refused(RowState::from_bytes(fixture.kernel, bytes), status);
  };
  CHECK_THAT(read({}, Status::invalid_argument), Contains("too few"));
  for (const std::size_t at : {0u, 8u, 16u}) {
    std::vector<std::byte> bytes = good;
    bytes[at] ^= std::byte{1};
    CHECK_THAT(read(bytes, Status::invalid_argument), Contains(at < 16 ? "no state" : "another"));
  }
  std::mt19937_64 random(8);
  for (int i = 0; i < 200; ++i) {
    std::vector<std::byte> bytes = good;
    bytes[24 + random() % (bytes.size() - 24)] ^=
        std::byte{static_cast<std::uint8_t>(1u << random() % 8)};
    CHECK_THAT(read(bytes, Status::io_error), Contains("damaged"));
  }
  std::vector<std::byte> shorter = good;
  shorter.pop_back();
  CHECK_THAT(read(shorter, Status::io_error), Contains("damaged"));
  RowData other(kStateCases[2], Dtype::f32, {1, 8}, "");
  CHECK_THAT(refused(RowState::from_bytes(states_of(other.code()), good), Status::invalid_argument),
             Contains("another kernel"));
}

TEST_CASE("bytes of a place that no stream comes to are no state", "[runtime]") {
  constexpr std::size_t kSum = 24, kPlace = 32;  // of the header: where the checksum and place are
  Fixture fixture;
  RowState state = fixture.at(0, 100);
  done(state.finish());
  const std::vector<std::byte> good = state.bytes();
  const auto with = [&](std::size_t word, std::int64_t value) {
    std::vector<std::byte> bytes = good;
    std::memcpy(bytes.data() + kPlace + 8 * word, &value, sizeof value);
    const std::uint64_t sum = checksum(std::span(bytes).subspan(kPlace));
    std::memcpy(bytes.data() + kSum, &sum, sizeof sum);
    return RowState::from_bytes(fixture.kernel, bytes);
  };
  constexpr std::size_t kColumns = 2, kNext = 4, kLevel = 7;
  CHECK(with(kColumns, 100).ok());
  // A finished level has told how many there are.
  CHECK_THAT(refused(with(kColumns, -1), Status::io_error), Contains("no state has such a place"));
  CHECK_THAT(refused(with(kNext, 101), Status::io_error), Contains("no state has such a place"));
  CHECK_THAT(refused(with(kLevel, 2), Status::io_error), Contains("no state has such a place"));
}

}  // namespace
}  // namespace sluice
