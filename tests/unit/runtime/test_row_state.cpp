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
#include "tests/unit/runtime/row_cases.hpp"

namespace sluice {
namespace {

using testing::RowCase;
using testing::RowData;
using Kind = testing::RowOperand::Kind;
using Lengths = std::vector<std::int64_t>;

constexpr std::int64_t kBlock = 4096;

const std::vector<RowCase> kCases = {
    {"softmax", {{"x", Kind::element}, {"y", Kind::element}}},
    {"softmax",
     {{"x", Kind::element},
      {"mask", Kind::element},
      {"keep", Kind::mask},
      {"length", Kind::index},
      {"sink", Kind::row},
      {"y", Kind::element}},
     forward,
     {{"causal", 1}, {"offset", 300}, {"temperature", 0.7}}},
    {"log_softmax", {{"x", Kind::element}, {"y", Kind::element}}},
    {"logsumexp", {{"x", Kind::element}, {"y", Kind::row}}},
    {"cross_entropy",
     {{"x", Kind::element},
      {"target", Kind::index},
      {"loss", Kind::row},
      {"lse", Kind::row},
      {"correct", Kind::flag}}},
    {"cross_entropy",
     {{"x", Kind::element},
      {"target", Kind::index},
      {"weight", Kind::element},
      {"loss", Kind::row},
      {"divisor", Kind::row}},
     forward,
     {{"label_smoothing", 0.1}, {"z_loss", 0.01}, {"soft_cap", 30}}},
    {"soft_cross_entropy",
     {{"x", Kind::element}, {"target", Kind::element}, {"loss", Kind::row}, {"lse", Kind::row}},
     forward,
     {{"label_smoothing", 0.1}}},
    {"nll_loss", {{"x", Kind::element}, {"target", Kind::index}, {"loss", Kind::row}}},
    {"kl_div", {{"x", Kind::element}, {"target", Kind::element}, {"loss", Kind::row}}},
    {"layer_norm",
     {{"x", Kind::element},
      {"weight", Kind::shared},
      {"bias", Kind::number},
      {"y", Kind::element}}},
    {"rms_norm", {{"x", Kind::element}, {"y", Kind::element}}},
    {"l2_normalize", {{"x", Kind::element}, {"y", Kind::element}}},
    {"poly_norm", {{"x", Kind::element}, {"w0", Kind::row}, {"y", Kind::element}}},
    {"hardmax", {{"x", Kind::element}, {"y", Kind::element}}},
    {"logmeanexp", {{"x", Kind::element}, {"y", Kind::row}}},
    {"softmin", {{"x", Kind::element}, {"y", Kind::element}}},
    {"sparsemax", {{"x", Kind::element}, {"y", Kind::element}}},
    {"entmax15", {{"x", Kind::element}, {"y", Kind::element}}},
    {"logits",
     {{"x", Kind::element}, {"z", Kind::element}, {"lse", Kind::row}},
     forward,
     {{"soft_cap", 20}, {"window_left", 300}}},
    {"softmax1", {{"x", Kind::element}, {"y", Kind::element}}},
    {"softmax_dropout", {{"x", Kind::element}, {"dropout_keep", Kind::mask}, {"y", Kind::element}}},
};

StateKernel states_of(const Kernel& kernel) {
  auto made = StateKernel::make(kernel);
  if (!made.ok()) FAIL(made.error().message);
  return *made;
}

void done(const Outcome& outcome) {
  if (!outcome.ok()) FAIL(outcome.error().message);
}

// The elements of some columns of a row operand, gathered; of written ones, scattered afterwards.
class Slice {
 public:
  Slice(RowData& data, std::size_t k, std::int64_t begin, std::int64_t end)
      : data_(data), k_(k), begin_(begin), count_(end - begin),
        bytes_(static_cast<std::size_t>(data.rows * count_) * data.size(k) + 1) {
    copy(true);
  }
  void copy(bool gather) {
    const std::size_t size = data_.size(k_);
    const bool shared = data_.kinds[k_] == Kind::shared;
    for (std::int64_t row = 0; row < data_.rows && count_ > 0; ++row) {
      std::byte* const far =
          data_.elements[k_].data() +
          static_cast<std::size_t>((shared ? 0 : row) * data_.columns + begin_) * size;
      std::byte* const near = &bytes_[static_cast<std::size_t>(row * count_) * size];
      std::memcpy(gather ? near : far, gather ? far : near,
                  static_cast<std::size_t>(count_) * size);
    }
  }
  [[nodiscard]] TensorView view() {
    return {bytes_.data(), data_.dtypes[k_], {data_.rows, count_}};
  }

 private:
  RowData& data_;
  std::size_t k_;
  std::int64_t begin_, count_;
  std::vector<std::byte> bytes_;
};

bool has_columns(const RowData& data, std::size_t k) {
  return data.has_columns(k) || data.kinds[k] == Kind::shared;
}

RowState state_of(const StateKernel& kernel, RowData& data, std::int64_t first = 0) {
  RowStateOptions options{.rows = data.rows, .first_column = first};
  std::vector<TensorView> inputs;
  for (std::size_t k = 0; k < data.dtypes.size(); ++k)
    if (!data.is_output(k) && !has_columns(data, k)) inputs.push_back(data.views()[k]);
  options.inputs = inputs;
  auto made = RowState::make(kernel, options);
  if (!made.ok()) FAIL(made.error().message);
  return std::move(made).value();
}

void update(RowState& state, RowData& data, std::int64_t begin, std::int64_t end) {
  std::vector<Slice> slices;
  std::vector<TensorView> views;
  for (std::size_t k = 0; k < data.dtypes.size(); ++k)
    if (!data.is_output(k) && has_columns(data, k)) slices.emplace_back(data, k, begin, end);
  for (Slice& each : slices) views.push_back(each.view());
  done(state.update(std::span<const TensorView>(views)));
}

void write(RowState& state, RowData& data, std::int64_t begin, std::int64_t end) {
  std::vector<Slice> slices;
  std::vector<TensorView> views;
  for (std::size_t k = 0; k < data.dtypes.size(); ++k)
    if (has_columns(data, k)) slices.emplace_back(data, k, begin, end);
  for (Slice& each : slices) views.push_back(each.view());
  done(state.write(std::span<const TensorView>(views)));
  for (Slice& each : slices) each.copy(false);
}

// Ends of pieces, the last one the row's.
template <typename Random>
Lengths cuts(std::int64_t columns, Random& random) {
  Lengths ends;
  for (std::int64_t at = 0; at < columns;) {
    const std::int64_t most = random() % 3 == 0 ? 100 : 3 * kBlock;
    at = std::min(columns,
                  at + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most)));
    ends.push_back(at);
  }
  ends.push_back(columns);
  return ends;
}

void finish(RowState& state, RowData& data, const StateKernel& kernel) {
  done(state.finish());
  if (state.level() < kernel.levels()) return;
  std::vector<TensorView> views;
  for (std::size_t k = 0; k < data.dtypes.size(); ++k)
    if (data.is_output(k) && !has_columns(data, k)) views.push_back(data.views()[k]);
  done(state.row_outputs(views));
}

std::vector<RowData::Bytes> streamed(RowData& data, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const StateKernel kernel = states_of(data.code());
  RowState state = state_of(kernel, data);
  while (state.level() < kernel.levels()) {
    std::int64_t at = 0;
    for (const std::int64_t end : cuts(data.columns, random)) {
      update(state, data, at, end);
      at = end;
    }
    finish(state, data, kernel);
  }
  std::int64_t at = 0;
  for (const std::int64_t end : kernel.writes() ? cuts(data.columns, random) : Lengths{}) {
    write(state, data, at, end);
    at = end;
  }
  std::vector<RowData::Bytes> outputs = data.outputs();
  data.wipe();
  return outputs;
}

// Each level by shards, merged in a random grouping; then every shard is written by a state of its
// own, which came as bytes.
std::vector<RowData::Bytes> sharded(RowData& data, const Lengths& bounds, std::mt19937_64& random) {
  const StateKernel kernel = states_of(data.code());
  std::vector<std::byte> sent;
  for (std::size_t level = 0; level < kernel.levels(); ++level) {
    std::vector<RowState> shards;
    for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
      if (level == 0) {
        shards.push_back(state_of(kernel, data, bounds[i]));
      } else {
        auto received = RowState::from_bytes(kernel, sent);
        REQUIRE(received.ok());
        shards.push_back(std::move(received).value());
        done(shards.back().begin_at(bounds[i]));
      }
      std::int64_t at = bounds[i];
      for (const std::int64_t end : cuts(bounds[i + 1] - at, random)) {
        update(shards.back(), data, at, bounds[i] + end);
        at = bounds[i] + end;
      }
    }
    while (shards.size() > 1) {
      const auto left = static_cast<std::ptrdiff_t>(random() % (shards.size() - 1));
      auto whole = RowState::from_bytes(kernel, shards[static_cast<std::size_t>(left)].bytes());
      REQUIRE(whole.ok());
      done(whole->merge(shards[static_cast<std::size_t>(left) + 1]));
      shards[static_cast<std::size_t>(left)] = std::move(whole).value();
      shards.erase(shards.begin() + left + 1);
    }
    finish(shards.front(), data, kernel);
    sent = shards.front().bytes();
  }
  for (std::size_t i = 0; kernel.writes() && i + 1 < bounds.size(); ++i) {
    auto state = RowState::from_bytes(kernel, sent);
    REQUIRE(state.ok());
    done(state->begin_at(bounds[i]));
    write(*state, data, bounds[i], bounds[i + 1]);
  }
  std::vector<RowData::Bytes> outputs = data.outputs();
  data.wipe();
  return outputs;
}

TEST_CASE("a row in pieces has the bits of the whole row", "[runtime]") {
  for (const std::string& target : testing::row_targets())
    for (const RowCase& each : kCases)
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
    for (const RowCase& each : kCases)
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
    for (const RowCase& each : kCases) {
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
        RowData data(kCases[which], Dtype::f32, {2, columns}, "");
        const auto whole = data.whole();
        INFO(kCases[which].function << " " << columns << " in " << ranks);
        CHECK(sharded(data, bounds, random) == whole);
      }
}

TEST_CASE("the same columns give a state the same bytes", "[runtime]") {
  std::mt19937_64 random(7);
  for (const RowCase& each : kCases) {
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
  RowData data{kCases[0], Dtype::f32, {1, 3 * kBlock}, ""};
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
  CHECK_THAT(made({.function = "softmax", .pass = backward, .operands = {x, x, x}}),
             Contains("forward"));
  CHECK_THAT(made({.function = "logsumexp", .operands = {x, f32({})}, .reduction = Reduction::sum}),
             Contains("reduces an output"));
  CHECK_THAT(made({.function = "softmax", .operands = {x, x}, .axis = 0}), Contains("innermost"));
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
  RowData loss(kCases[4], Dtype::f32, {2, 8}, "");
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
  RowData other(kCases[2], Dtype::f32, {1, 8}, "");
  CHECK_THAT(merged(fixture.at(0, 0), RowState::make(states_of(other.code())).value()),
             Contains("'softmax' and 'log_softmax'"));
  CHECK_THAT(merged(fixture.at(0, 0), RowState::make(fixture.kernel, {.rows = 2}).value()),
             Contains("1 and 2 rows"));
  CHECK_THAT(merged(fixture.at(0, 0), RowState::make(fixture.kernel, {.columns = 7}).value()),
             Contains("different inputs"));
  RowData loss(kCases[4], Dtype::f32, {1, 8}, "");
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
  RowData other(kCases[2], Dtype::f32, {1, 8}, "");
  CHECK_THAT(refused(RowState::from_bytes(states_of(other.code()), good), Status::invalid_argument),
             Contains("another kernel"));
}

}  // namespace
}  // namespace sluice
