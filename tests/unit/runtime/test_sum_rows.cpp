// Sums against the order that the numerics give, written out term by term.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/sum_rows.hpp"

namespace sluice {
namespace {

// A binary counter over results that are there: the largest power of two below the count on the
// left, the rest on the right.
template <typename T>
T counted(const std::vector<T>& results) {
  std::vector<T> stack;
  for (std::size_t i = 0; i < results.size(); ++i) {
    stack.push_back(results[i]);
    for (std::size_t count = i + 1; count % 2 == 0; count /= 2) {
      const T right = stack.back();
      stack.pop_back();
      stack.back() = stack.back() + right;
    }
  }
  while (stack.size() > 1) {
    const T right = stack.back();
    stack.pop_back();
    stack.back() = stack.back() + right;
  }
  return stack.empty() ? T{0} : stack.back();
}

template <typename T>
T block_sum(const T* columns, std::size_t count) {
  const std::size_t partials = sizeof(T) == 8 ? 32 : 64;
  std::vector<T> sums;
  for (std::size_t p = 0; p < partials; ++p) {
    std::vector<T> lane;
    for (std::size_t i = p; i < count; i += partials) lane.push_back(columns[i]);
    sums.push_back(lane.empty() ? -T{0} : counted(lane));
  }
  for (std::size_t half = partials / 2; half > 0; half /= 2)
    for (std::size_t p = 0; p < half; ++p) sums[p] += sums[p + half];
  return sums[0];
}

template <typename T>
T row_sum(const std::vector<T>& row) {
  std::vector<T> blocks;
  for (std::size_t begin = 0; begin < row.size(); begin += 4096)
    blocks.push_back(
        block_sum(row.data() + begin, std::min<std::size_t>(4096, row.size() - begin)));
  return counted(blocks);
}

template <typename T>
std::vector<T> numbers(std::size_t count) {
  std::mt19937 random(static_cast<unsigned>(count) + 1);
  std::normal_distribution<T> normal(0, 1);
  std::vector<T> result(count);
  for (T& each : result) each = normal(random) * std::exp(normal(random) * 3);
  return result;
}

template <typename T>
void check_rows() {
  for (const std::size_t count : std::initializer_list<std::size_t>{
           0, 1, 2, 63, 64, 65, 4095, 4096, 4097, 8192, 12288, 12289, 50000}) {
    const std::vector<T> row = numbers<T>(count);
    const T expected = row_sum(row);
    for (const std::size_t piece :
         std::initializer_list<std::size_t>{1, 7, 64, 100, 4096, 5000, 100000}) {
      RowSum<T> sum;
      for (std::size_t at = 0; at < count; at += piece)
        sum.add({row.data() + at, 1, static_cast<std::int64_t>(std::min(piece, count - at))});
      INFO(count << " elements in pieces of " << piece);
      CHECK(sum.count() == static_cast<std::int64_t>(count));
      CHECK(sum.result() == expected);
    }
  }
}

TEST_CASE("a row's sum has the order of a row reduction, whatever its pieces", "[runtime]") {
  check_rows<float>();
  check_rows<double>();
}

TEST_CASE("a row's sum takes every other element, and starts again", "[runtime]") {
  const std::vector<float> row = numbers<float>(10000);
  std::vector<float> even;
  for (std::size_t i = 0; i < row.size(); i += 2) even.push_back(row[i]);
  RowSum<float> sum;
  sum.add({row.data(), 1, 5});
  sum.restart();
  CHECK(sum.result() == 0);
  CHECK_FALSE(std::signbit(sum.result()));
  sum.add({row.data(), 2, 5000});
  CHECK(sum.result() == row_sum(even));
}

template <typename T>
void check_terms() {
  constexpr std::int64_t kTargets = 11;
  for (const std::size_t terms :
       std::initializer_list<std::size_t>{0, 1, 2, 63, 64, 65, 128, 129, 192, 256, 1000, 8191}) {
    const std::vector<T> values = numbers<T>(terms * kTargets);
    std::vector<std::byte> memory(TermSums<T>::bytes(kTargets, static_cast<std::int64_t>(terms)));
    TermSums<T> sums(memory.data(), kTargets, static_cast<std::int64_t>(terms));
    for (std::size_t term = 0; term < terms; ++term) {
      const T* row = values.data() + term * kTargets;
      const auto index = static_cast<std::int64_t>(term);
      sums.add(0, index, {row, 1, 4});
      sums.add(4, index, {row + 4, 3, 3});
      sums.add(7, index, {row + 7, 1, kTargets - 7});
    }
    for (std::size_t target = 0; target < kTargets; ++target) {
      const std::size_t from = target == 5 ? 7 : target == 6 ? 10 : target;
      std::vector<T> own;
      for (std::size_t term = 0; term < terms; ++term)
        own.push_back(values[term * kTargets + from]);
      INFO(terms << " terms of target " << target);
      CHECK(sums.result(static_cast<std::int64_t>(target)) == counted(own));
    }
  }
}

TEST_CASE("terms of many targets are added in groups", "[runtime]") {
  check_terms<float>();
  check_terms<double>();
}

TEST_CASE("terms of one target are added together or one by one", "[runtime]") {
  const std::vector<float> values = numbers<float>(3 * 1000);
  for (const std::int64_t step : {1, 3})
    for (const std::int64_t piece : {1, 50, 64, 200, 1000}) {
      std::vector<std::byte> memory(TermSums<float>::bytes(2, 1000)), other(memory.size());
      TermSums<float> sums(memory.data(), 2, 1000), together(other.data(), 2, 1000);
      for (std::int64_t term = 0; term < 1000; ++term)
        sums.add(1, term, {&values[static_cast<std::size_t>(term * step)], 1, 1});
      for (std::int64_t term = 0; term < 1000; term += piece)
        together.add_terms(1, term,
                           {&values[static_cast<std::size_t>(term * step)], step,
                            std::min<std::int64_t>(piece, 1000 - term)});
      CHECK(together.result(1) == sums.result(1));
    }
}

TEST_CASE("a row's sum from those of its blocks", "[runtime]") {
  for (const std::int64_t count : {1, 4095, 4096, 4097, 8192, 13 * 4096, 13 * 4096 + 5}) {
    const std::vector<float> row = numbers<float>(static_cast<std::size_t>(count));
    RowSum<float> whole, sum;
    whole.add({row.data(), 1, count});
    for (std::int64_t first = 0; first < count; first += 4096) {
      RowSum<float> block;
      block.add({row.data() + first, 1, std::min<std::int64_t>(4096, count - first)});
      sum.add_block(block.result(), block.count());
    }
    INFO(count << " elements");
    CHECK(sum.count() == count);
    CHECK(sum.result() == whole.result());
  }
}

TEST_CASE("a sum of negative zeros is one", "[runtime]") {
  const float zero = -0.0f;
  RowSum<float> row;
  row.add({&zero, 0, 5000});
  CHECK(std::signbit(row.result()));
  std::vector<std::byte> memory(TermSums<float>::bytes(1, 1));
  TermSums<float> sums(memory.data(), 1, 1);
  sums.add(0, 0, {&zero, 1, 1});
  CHECK(std::signbit(sums.result(0)));
}

}  // namespace
}  // namespace sluice
