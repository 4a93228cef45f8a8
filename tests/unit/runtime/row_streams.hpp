// Row functions run by states instead of a call: streamed in pieces of random length, or as shards
// that are merged in a random grouping. And the cases that this is done with.
#pragma once

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

#include "tests/unit/runtime/row_cases.hpp"

namespace sluice::testing {

using Kind = RowOperand::Kind;
using Lengths = std::vector<std::int64_t>;

inline constexpr std::int64_t kBlock = 4096;

inline const std::vector<RowCase> kStateCases = {
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
    {"softmax", {{"x", Kind::element}, {"grad_y", Kind::element}, {"dx", Kind::element}}, backward},
    {"softmax",
     {{"x", Kind::element}, {"grad_y", Kind::element}, {"y", Kind::element}, {"dx", Kind::element}},
     forward_backward,
     {{"causal", 1}, {"offset", 300}, {"temperature", 0.7}}},
    {"log_softmax",
     {{"x", Kind::element}, {"grad_y", Kind::element}, {"dx", Kind::element}},
     backward},
    {"cross_entropy",
     {{"x", Kind::element},
      {"target", Kind::index},
      {"grad_loss", Kind::row},
      {"dx", Kind::element}},
     backward},
    {"cross_entropy",
     {{"x", Kind::element},
      {"target", Kind::index},
      {"grad_loss", Kind::row},
      {"loss", Kind::row},
      {"lse", Kind::row},
      {"dx", Kind::element}},
     forward_backward,
     {{"label_smoothing", 0.1}, {"z_loss", 0.01}}},
    {"layer_norm",
     {{"x", Kind::element},
      {"weight", Kind::shared},
      {"grad_y", Kind::element},
      {"dx", Kind::element}},
     backward},
    {"poly_norm",
     {{"x", Kind::element},
      {"w0", Kind::row},
      {"grad_y", Kind::element},
      {"dx", Kind::element},
      {"dw0", Kind::row}},
     backward},
    {"softmax",
     {{"x", Kind::element}, {"grad_y", Kind::element}, {"dx", Kind::element}},
     backward,
     {},
     Reduction::none,
     true},
};

inline StateKernel states_of(const Kernel& kernel) {
  auto made = StateKernel::make(kernel);
  if (!made.ok()) FAIL(made.error().message);
  return *made;
}

inline void done(const Outcome& outcome) {
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

inline bool has_columns(const RowData& data, std::size_t k) {
  return data.has_columns(k) || data.kinds[k] == Kind::shared;
}

inline RowState state_of(const StateKernel& kernel, RowData& data, std::int64_t first = 0) {
  RowStateOptions options{.rows = data.rows, .first_column = first};
  std::vector<TensorView> inputs;
  for (std::size_t k = 0; k < data.dtypes.size(); ++k)
    if (!data.is_output(k) && !has_columns(data, k)) inputs.push_back(data.views()[k]);
  options.inputs = inputs;
  auto made = RowState::make(kernel, options);
  if (!made.ok()) FAIL(made.error().message);
  return std::move(made).value();
}

inline void update(RowState& state, RowData& data, std::int64_t begin, std::int64_t end) {
  std::vector<Slice> slices;
  std::vector<TensorView> views;
  for (std::size_t k = 0; k < data.dtypes.size(); ++k)
    if (!data.is_output(k) && has_columns(data, k)) slices.emplace_back(data, k, begin, end);
  for (Slice& each : slices) views.push_back(each.view());
  done(state.update(std::span<const TensorView>(views)));
}

inline void write(RowState& state, RowData& data, std::int64_t begin, std::int64_t end) {
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

inline void finish(RowState& state, RowData& data, const StateKernel& kernel) {
  done(state.finish());
  if (state.level() < kernel.levels()) return;
  std::vector<TensorView> views;
  for (std::size_t k = 0; k < data.dtypes.size(); ++k)
    if (data.is_output(k) && !has_columns(data, k)) views.push_back(data.views()[k]);
  done(state.row_outputs(views));
}

inline std::vector<RowData::Bytes> streamed(RowData& data, std::uint64_t seed) {
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
inline std::vector<RowData::Bytes> sharded(RowData& data, const Lengths& bounds,
                                           std::mt19937_64& random) {
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

}  // namespace sluice::testing
