// Kernels whose rows are sharded, on ranks that are threads: every bit against the call of whole
// rows, wherever the rows are cut; and what goes wrong on one rank is an error on all.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

#include "tests/unit/runtime/row_streams.hpp"

namespace sluice {
namespace {

using namespace testing;
using Catch::Matchers::Contains;
using Outcomes = std::vector<Outcome>;

// Threads that reach each other through memory.
class ThreadRanks {
 public:
  explicit ThreadRanks(std::size_t count)
      : sent_(count), barrier_(static_cast<std::ptrdiff_t>(count)) {}

  Ranks of(std::size_t rank) {
    Ranks ranks;
    ranks.rank = rank;
    ranks.count = sent_.size();
    ranks.gather = [this, rank](std::span<const std::byte> own, std::span<std::byte> all) {
      std::vector<std::byte> copy(own.begin(), own.end());
      sent_[rank] = {{0, copy}};
      barrier_.arrive_and_wait();
      for (std::size_t i = 0; i < sent_.size(); ++i)
        std::copy_n(sent_[i][0].bytes.begin(), own.size(), &all[i * own.size()]);
      barrier_.arrive_and_wait();
      return true;
    };
    ranks.broadcast = [this, rank](std::size_t root, std::span<std::byte> bytes) {
      if (broken) return false;
      sent_[rank] = {{0, bytes}};
      barrier_.arrive_and_wait();
      const bool good = sent_[root][0].bytes.size() == bytes.size();
      if (good && rank != root) std::ranges::copy(sent_[root][0].bytes, bytes.begin());
      barrier_.arrive_and_wait();
      return good;
    };
    ranks.exchange = [this, rank](std::span<const Ranks::Message> sent,
                                  std::span<const Ranks::Message> received) {
      sent_[rank].assign(sent.begin(), sent.end());
      barrier_.arrive_and_wait();
      bool good = true;
      std::size_t found = 0;
      for (const Ranks::Message& to : received)
        for (const Ranks::Message& from : sent_[to.rank]) {
          if (from.rank != rank) continue;
          good = good && from.bytes.size() == to.bytes.size();
          if (good) std::ranges::copy(from.bytes, to.bytes.begin());
          ++found;
        }
      moved += found;
      barrier_.arrive_and_wait();
      return good && found == received.size();
    };
    return ranks;
  }

  // What each rank's thread gives.
  Outcomes run(const std::function<Outcome(const Ranks&)>& body) {
    Outcomes outcomes(sent_.size(), Unit{});
    std::vector<std::thread> threads;
    for (std::size_t rank = 0; rank < outcomes.size(); ++rank)
      threads.emplace_back([&, rank] { outcomes[rank] = body(of(rank)); });
    for (std::thread& each : threads) each.join();
    return outcomes;
  }

  bool broken = false;
  std::atomic<std::size_t> moved = 0;

 private:
  std::vector<std::vector<Ranks::Message>> sent_;
  std::barrier<> barrier_;
};

// One rank's operands: its columns of those that have any, the whole of others.
struct Shard {
  Shard(const RowData& data, std::int64_t begin, std::int64_t end) {
    const auto count = static_cast<std::size_t>(end - begin);
    for (std::size_t k = 0; k < data.dtypes.size(); ++k) {
      if (!has_columns(data, k)) {
        shapes.push_back(data.shapes[k]);
        elements.push_back(data.elements[k]);
        continue;
      }
      const bool shared = data.kinds[k] == Kind::shared;
      const std::int64_t rows = shared ? 1 : data.rows;
      shapes.push_back(shared ? Lengths{end - begin} : Lengths{rows, end - begin});
      const std::size_t size = data.size(k);
      auto& mine = elements.emplace_back(static_cast<std::size_t>(rows) * count * size);
      for (std::int64_t row = 0; count > 0 && row < rows; ++row)
        std::memcpy(&mine[static_cast<std::size_t>(row) * count * size],
                    &data.elements[k][static_cast<std::size_t>(row * data.columns + begin) * size],
                    count * size);
    }
  }

  std::vector<TensorView> views(const RowData& data) {
    std::vector<TensorView> list;
    for (std::size_t k = 0; k < elements.size(); ++k)
      list.emplace_back(elements[k].data(), data.dtypes[k], shapes[k]);
    return list;
  }

  std::vector<Lengths> shapes;
  std::vector<RowData::Bytes> elements;
};

// The outputs of all ranks put together; those of one value a row must be every rank's.
std::vector<RowData::Bytes> joined(const RowData& data, const std::vector<Shard>& shards,
                                   const Lengths& bounds) {
  std::vector<RowData::Bytes> outputs;
  for (std::size_t k = 0; k < data.dtypes.size(); ++k) {
    if (!data.is_output(k)) continue;
    outputs.push_back(data.has_columns(k) ? data.elements[k] : shards[0].elements[k]);
    for (std::size_t rank = 0; rank < shards.size(); ++rank) {
      const RowData::Bytes& from = shards[rank].elements[k];
      if (!data.has_columns(k)) {
        CHECK(from == outputs.back());
        continue;
      }
      const std::size_t size = data.size(k);
      const auto count = static_cast<std::size_t>(bounds[rank + 1] - bounds[rank]) * size;
      for (std::int64_t row = 0; count > 0 && row < data.rows; ++row)
        std::memcpy(
            &outputs.back()[static_cast<std::size_t>(row * data.columns + bounds[rank]) * size],
            &from[static_cast<std::size_t>(row) * count], count);
    }
  }
  return outputs;
}

std::vector<RowData::Bytes> on_ranks(const RowData& data, const Lengths& bounds, bool realign) {
  ThreadRanks ranks(bounds.size() - 1);
  std::vector<Shard> shards;
  for (std::size_t rank = 0; rank + 1 < bounds.size(); ++rank)
    shards.emplace_back(data, bounds[rank], bounds[rank + 1]);
  const Outcomes outcomes = ranks.run([&](const Ranks& own) -> Outcome {
    auto kernel = ShardedKernel::make(own, data.code());
    if (!kernel.ok()) return kernel.error();
    return kernel->call(shards[own.rank].views(data), {.realign = realign});
  });
  for (const Outcome& each : outcomes) done(each);
  return joined(data, shards, bounds);
}

Lengths even_bounds(std::int64_t columns, std::int64_t ranks) {
  Lengths bounds;
  for (std::int64_t rank = 0; rank <= ranks; ++rank) bounds.push_back(columns * rank / ranks);
  return bounds;
}

TEST_CASE("sharded rows have the bits of whole ones", "[runtime]") {
  for (const RowCase& each : kStateCases)
    for (const std::size_t ranks : {1u, 3u}) {
      RowData data(each, Dtype::f32, {3, 4 * kBlock + 1700}, "");
      INFO(each.function << " on " << ranks << " ranks");
      const auto whole = data.whole();
      CHECK(on_ranks(data, shard_bounds(data.columns, ranks), false) == whole);
      CHECK(on_ranks(data, even_bounds(data.columns, static_cast<std::int64_t>(ranks)), true) ==
            whole);
    }
}

TEST_CASE("sharded rows may be cut anywhere", "[runtime]") {
  for (const std::size_t which : {0u, 4u, 9u, 11u, 21u, 24u, 25u}) {
    const RowCase& each = kStateCases.at(which);
    for (const Lengths& bounds :
         {Lengths{0, 0, 5000, 5000, 5001}, Lengths{0, 1, 2, 3, 4}, Lengths{0, 0, 0, 0},
          Lengths{0, 10000, 10000, 10000}, Lengths{0, 2047, 2048, 2049, 12288},
          Lengths{0, 6143, 6145, 9000, 9001, 20000}, Lengths{0, 8192, 9000}}) {
      if (bounds.back() == 0 && which == 4) continue;  // an index of no columns
      RowData data(each, Dtype::f32, {2, bounds.back()}, "");
      INFO(each.function << " " << bounds.back() << " columns");
      const auto whole = data.whole();
      CHECK(on_ranks(data, bounds, true) == whole);
    }
  }
}

TEST_CASE("a vocabulary of 128256 on 4 ranks, cut evenly", "[runtime]") {
  for (const RowCase& each : kStateCases) {
    const std::string function = each.function;
    if (function != "softmax" && function != "log_softmax" && function != "cross_entropy") continue;
    for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
      RowData data(each, dtype, {2, 128256}, "");
      INFO(function << " " << name(each.pass) << " " << name(dtype));
      CHECK(on_ranks(data, even_bounds(128256, 4), true) == data.whole());
    }
  }
}

// Three ranks, and what each of them says; `change` makes one of them err.
struct Group {
  RowData data{kStateCases[4], Dtype::f32, {2, 3 * kBlock}, ""};
  Lengths bounds = shard_bounds(3 * kBlock, 3);

  struct Call {
    std::vector<TensorView> views;
    ShardedCallOptions options = {};
    std::optional<Kernel> kernel = std::nullopt;
  };

  Outcomes call(const std::function<void(std::size_t rank, Call&)>& change) {
    ThreadRanks ranks(3);
    std::vector<Shard> shards;
    std::vector<Call> calls;
    for (std::size_t rank = 0; rank < 3; ++rank)
      shards.emplace_back(data, bounds[rank], bounds[rank + 1]);
    for (std::size_t rank = 0; rank < 3; ++rank) {
      calls.push_back({.views = shards[rank].views(data)});
      calls.back().kernel = data.code();
      change(rank, calls.back());
    }
    const Outcomes outcomes = ranks.run([&](const Ranks& own) -> Outcome {
      const Call& mine = calls[own.rank];
      auto kernel = ShardedKernel::make(own, *mine.kernel);
      if (!kernel.ok()) return kernel.error();
      return kernel->call(mine.views, mine.options);
    });
    for (std::size_t rank = 0; rank < 3; ++rank)
      for (std::size_t k = 0; k < data.dtypes.size(); ++k)
        if (data.is_output(k) && !outcomes[rank].ok())
          CHECK(shards[rank].elements[k] == data.elements[k]);  // nothing was written
    return outcomes;
  }
};

void all_say(const Outcomes& outcomes, Status status, const std::string& message) {
  for (const Outcome& each : outcomes) {
    REQUIRE(!each.ok());
    CHECK(name(each.error().status) == name(status));
    CHECK_THAT(each.error().message, Contains(message));
  }
}

TEST_CASE("one rank's mistake is an error on all", "[runtime]") {
  Group group;
  for (const std::size_t wrong : {0u, 1u, 2u}) {
    const std::string whose = "rank " + std::to_string(wrong) + ": ";
    const auto says = [&](const Outcomes& outcomes, Status status, const std::string& message) {
      all_say(outcomes, status, message);
      for (std::size_t rank = 0; rank < 3; ++rank)
        CHECK((outcomes[rank].error().message.rfind(whose, 0) == 0) == (rank != wrong));
    };
    const auto at = [&](const std::function<void(Group::Call&)>& change) {
      return group.call([&](std::size_t rank, Group::Call& call) {
        if (rank == wrong) change(call);
      });
    };
    says(at([](auto& call) { call.views.pop_back(); }), Status::invalid_operands, "takes 5");
    says(at([](auto& call) { call.views[0].data = nullptr; }), Status::invalid_operands, "null");
    says(at([](auto& call) { call.views[0].dtype = Dtype::f64; }), Status::invalid_operands, "f64");
    says(at([](auto& call) { call.views[2].shape[0] = 7; }), Status::invalid_operands, "7");
    says(at([](auto& call) { call.views[2].writable = false; }), Status::invalid_operands,
         "constant");
    says(at([](auto& call) { call.views[3].data = call.views[2].data; }), Status::invalid_operands,
         "overlaps");
    static const double one = 1;
    all_say(at([](auto& call) {
              call.options.params = {&one, 1};
            }),
            Status::invalid_argument, "other parameters");
    says(at([](auto& call) { call.views[1].shape[0] = 3; }), Status::invalid_operands, "target");
  }
}

TEST_CASE("ranks that do not mean one call", "[runtime]") {
  Group group;
  const auto at_last = [&](const std::function<void(Group::Call&)>& change) {
    return group.call([&](std::size_t rank, Group::Call& call) {
      if (rank == 2) change(call);
    });
  };
  all_say(at_last([](auto& call) { call.options.realign = true; }), Status::invalid_argument,
          "realign");
  all_say(at_last([](auto& call) { call.options.row_index = 3; }), Status::invalid_argument,
          "row index");
  all_say(at_last([](auto& call) {
            for (const std::size_t k : {0u, 1u, 2u, 3u, 4u}) call.views[k].shape[0] = 1;
          }),
          Status::invalid_operands, "rank 2 has 1 rows, and rank 0 has 2");
  all_say(at_last([](auto& call) {
            const auto x = f32({2, 3 * kBlock});
            call.kernel =
                default_runtime().compile({.function = "softmax", .operands = {x, x}}).value();
          }),
          Status::invalid_argument, "another kernel");
  // Inputs of one value a row are the same on all ranks.
  std::vector<std::int64_t> other{1, 0};
  all_say(at_last([&](auto& call) { call.views[1].data = other.data(); }), Status::invalid_argument,
          "began with different inputs");
}

TEST_CASE("cuts off the blocks are refused unless they are to be realigned", "[runtime]") {
  RowData data(kStateCases[0], Dtype::f32, {1, 128256}, "");
  const Lengths bounds = even_bounds(128256, 4);
  ThreadRanks ranks(4);
  std::vector<Shard> shards;
  for (std::size_t rank = 0; rank < 4; ++rank)
    shards.emplace_back(data, bounds[rank], bounds[rank + 1]);
  const auto call = [&](bool realign) {
    return ranks.run([&](const Ranks& own) -> Outcome {
      auto kernel = ShardedKernel::make(own, data.code());
      if (!kernel.ok()) return kernel.error();
      return kernel->call(shards[own.rank].views(data), {.realign = realign});
    });
  };
  all_say(call(false), Status::invalid_argument, "rank 1 begins at column 32064");
  CHECK(ranks.moved == 0);
  for (const Outcome& each : call(true)) done(each);
  CHECK(ranks.moved == 3 + 3);  // an edge between neighbours, then the states
}

TEST_CASE("a kernel that one rank can't have, and ranks in different calls", "[runtime]") {
  const auto x = f32({1, 8192});
  ThreadRanks ranks(3);
  const auto make = [&](const Ranks& own, const std::string& function) -> Outcome {
    auto made = ShardedKernel::make(
        own, default_runtime().compile({.function = function, .operands = {x, x}}));
    return made.ok() ? Outcome(Unit{}) : Outcome(made.error());
  };
  all_say(
      ranks.run([&](const Ranks& own) { return make(own, own.rank == 1 ? "sofmax" : "softmax"); }),
      Status::unknown_function, "sofmax");
  all_say(
      ranks.run([&](const Ranks& own) { return make(own, own.rank == 1 ? "relu" : "softmax"); }),
      Status::invalid_argument, "elementwise");
  all_say(ranks.run([&](const Ranks& own) {
    return own.rank == 1 ? agree(own, Unit{}) : make(own, "softmax");
  }),
          Status::invalid_argument, "different calls");
  all_say(ranks.run([&](const Ranks& own) {
    return agree(own, own.rank == 2 ? Outcome(Error{Status::io_error, "no file"}) : Unit{});
  }),
          Status::io_error, "no file");
  for (const Outcome& each : ranks.run([&](const Ranks& own) { return agree(own, Unit{}); }))
    CHECK(each.ok());
}

TEST_CASE("a transport that fails is an error", "[runtime]") {
  Ranks alone;
  alone.count = 2;
  const Outcome none = agree(alone, Unit{});
  REQUIRE(!none.ok());
  CHECK(name(none.error().status) == "io_error");
  RowData data(kStateCases[0], Dtype::f32, {1, 8192}, "");
  ThreadRanks ranks(2);
  ranks.broken = true;
  std::vector<Shard> shards{{data, 0, 4096}, {data, 4096, 8192}};
  all_say(ranks.run([&](const Ranks& own) -> Outcome {
    return ShardedKernel::make(own, data.code())->call(shards[own.rank].views(data));
  }),
          Status::io_error, "transport");
}

}  // namespace
}  // namespace sluice
