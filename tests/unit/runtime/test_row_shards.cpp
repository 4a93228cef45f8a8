// States of rows where it is hard: of every type, of long rows, and where whole blocks are -inf,
// NaN or zeros.
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

#include "tests/unit/runtime/row_streams.hpp"

namespace sluice {
namespace {

using namespace testing;

constexpr Dtype kDtypes[] = {Dtype::f32, Dtype::f64, Dtype::f16, Dtype::bf16};

// T's bits of an infinity.
template <typename T>
void make_nans_one(RowData::Bytes& bytes, T infinity) {
  constexpr auto kMagnitude = static_cast<T>(static_cast<T>(~T{0}) >> 1);
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(T)) {
    T bits;
    std::memcpy(&bits, &bytes[at], sizeof bits);
    if (static_cast<T>(bits & kMagnitude) > infinity) bits = kMagnitude;
    std::memcpy(&bytes[at], &bits, sizeof bits);
  }
}

// The outputs with all NaNs made one, whose sign and payload are not promised.
std::vector<RowData::Bytes> numbers(const RowData& data, std::vector<RowData::Bytes> outputs) {
  std::size_t next = 0;
  for (std::size_t k = 0; k < data.dtypes.size(); ++k) {
    if (!data.is_output(k)) continue;
    RowData::Bytes& bytes = outputs[next++];
    if (data.dtypes[k] == Dtype::f16) make_nans_one<std::uint16_t>(bytes, 0x7c00);
    if (data.dtypes[k] == Dtype::bf16) make_nans_one<std::uint16_t>(bytes, 0x7f80);
    if (data.dtypes[k] == Dtype::f32) make_nans_one<std::uint32_t>(bytes, 0x7f800000);
    if (data.dtypes[k] == Dtype::f64) make_nans_one(bytes, std::uint64_t{0x7ff} << 52);
  }
  return outputs;
}

// Stretches of the first input, of whole blocks and less: what has no maximum, what hides a sum,
// what is lost in it, and in one row of three a NaN or an infinity.
void put_special_values(RowData& data, std::mt19937_64& random) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  constexpr double kStretches[] = {-kInf, -0.0, 1e-40, 88, -104, 3e4, -3e4};
  const auto columns = static_cast<std::uint64_t>(data.columns);
  const auto put = [&](std::int64_t row, std::uint64_t column, double value) {
    const std::size_t at = static_cast<std::size_t>(row) * columns + column;
    composed::store_lane<double>(data.dtypes[0], &data.elements[0][at * data.size(0)],
                                 std::bit_cast<std::uint64_t>(value), false);
  };
  for (std::int64_t row = 0; row < data.rows; ++row) {
    for (int stretch = 0; stretch < 6; ++stretch) {
      const std::uint64_t begin = random() % columns / kBlock * kBlock;
      const std::uint64_t length = random() % 3 == 0 ? 100 : (1 + random() % 3) * kBlock;
      const double value = kStretches[random() % std::size(kStretches)];
      for (std::uint64_t c = begin; c < std::min(begin + length, columns); ++c) put(row, c, value);
    }
    if (row % 3 == 1) put(row, random() % columns, random() % 2 == 0 ? kInf : std::nan(""));
    if (row % 4 == 3)
      for (std::uint64_t c = 0; c < columns; ++c) put(row, c, -kInf);
  }
}

Lengths random_bounds(std::int64_t columns, std::size_t shards, std::mt19937_64& random) {
  std::set<std::int64_t> at{0, columns};
  const auto blocks = static_cast<std::uint64_t>(columns / kBlock + 1);
  for (std::size_t i = 0; i + 1 < shards; ++i)
    at.insert(std::min(columns, kBlock * static_cast<std::int64_t>(random() % blocks)));
  return {at.begin(), at.end()};
}

// Shards may be empty, as those of more ranks than blocks are.
void check(RowData& data, std::uint64_t seed, std::size_t ranks) {
  std::mt19937_64 random(seed);
  const auto whole = numbers(data, data.whole());
  const bool in_pieces = numbers(data, streamed(data, seed)) == whole;
  CHECK(in_pieces);
  for (const Lengths& bounds :
       {random_bounds(data.columns, 6, random), shard_bounds(data.columns, ranks)}) {
    const bool in_shards = numbers(data, sharded(data, bounds, random)) == whole;
    CHECK(in_shards);
  }
}

TEST_CASE("special values in pieces and shards", "[runtime]") {
  std::mt19937_64 random(11);
  for (const std::string& target : row_targets())
    for (const RowCase& each : kStateCases) {
      if (target == "interpreter" && each.operands.size() > 4) continue;
      for (const Dtype dtype : {Dtype::f32, Dtype::f16}) {
        RowData data(each, dtype, {4, 6 * kBlock + 100}, target);
        put_special_values(data, random);
        INFO(each.function << " " << name(dtype) << " " << target);
        check(data, random(), 3);
      }
    }
}

TEST_CASE("pieces and shards of all types", "[runtime][slow]") {
  std::mt19937_64 random(12);
  for (const std::string& target : row_targets())
    for (const RowCase& each : kStateCases)
      for (const Dtype dtype : kDtypes)
        for (const std::int64_t columns : {1, 300, 4097, 8192, 32000, 50001})
          for (std::size_t ranks = 1; ranks <= 7; ++ranks) {
            if (target == "interpreter" && columns > 10000 && ranks != 5) continue;
            RowData data(each, dtype, {2, columns}, target);
            if (ranks % 2 == 0) put_special_values(data, random);
            INFO(each.function << " " << name(dtype) << " " << columns << " " << target << " in "
                               << ranks);
            check(data, random(), ranks);
          }
}

TEST_CASE("pieces and shards of a million columns", "[runtime][slow]") {
  std::mt19937_64 random(13);
  for (const std::string& target : row_targets())
    for (const RowCase& each : kStateCases)
      for (const std::int64_t columns : {128256, 1000003}) {
        if (target == "interpreter" && (columns > 200000 || each.operands.size() > 4)) continue;
        RowData data(each, Dtype::f32, {1, columns}, target);
        INFO(each.function << " " << columns << " " << target);
        check(data, random(), 1 + random() % 7);
      }
}

}  // namespace
}  // namespace sluice
