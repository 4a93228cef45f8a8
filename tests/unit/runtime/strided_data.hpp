// Operands of any strides within guarded memory, and the same call on contiguous copies of them:
// every byte around the elements of a strided call's operands must be as it was, and every element
// as the contiguous call has it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

namespace sluice::testing {

using Dims = std::vector<std::int64_t>;

// How an operand lies: its dimensions in memory, outermost first, what of them goes backwards or,
// of inputs, stands still, and how many elements apart the innermost ones are.
struct Lie {
  std::vector<std::size_t> order;
  unsigned backwards = 0;  // a bit each dimension of the shape
  unsigned still = 0;
  std::int64_t gap = 1;      // elements from one to the next
  std::int64_t padding = 0;  // elements after each run of the innermost
};

inline Lie row_major(std::size_t rank) {
  Lie lie;
  lie.order.resize(rank);
  std::iota(lie.order.begin(), lie.order.end(), std::size_t{0});
  return lie;
}

// Of each operand any order of the dimensions, each forwards or backwards, and of inputs standing
// still; with gaps and without.
inline Lie any_lie(std::size_t rank, bool written, std::mt19937& random) {
  Lie lie = row_major(rank);
  if (random() % 3 != 0) std::shuffle(lie.order.begin(), lie.order.end(), random);
  if (random() % 2 != 0) lie.backwards = static_cast<unsigned>(random());
  if (!written && random() % 3 == 0) lie.still = static_cast<unsigned>(random());
  const std::int64_t gaps[] = {1, 1, 1, 2, 3, 5};
  lie.gap = gaps[random() % std::size(gaps)];
  lie.padding = random() % 3 == 0 ? static_cast<std::int64_t>(random() % 7) : 0;
  return lie;
}

// A thread for each of three tasks.
inline const Parallel& threads() {
  static const Parallel parallel{3, [](std::size_t count, TaskRef task) {
                                   std::vector<std::thread> all;
                                   for (std::size_t i = 0; i < count; ++i)
                                     all.emplace_back([&, i] { task(i); });
                                   for (std::thread& each : all) each.join();
                                 }};
  return parallel;
}

class StridedOperand {
 public:
  using Bytes = std::vector<std::byte>;
  static constexpr std::int64_t kGuard = 64;  // bytes, and one so that nothing is aligned

  StridedOperand(Dtype dtype, Dims shape, const Lie& lie, std::mt19937& random)
      : dtype_(dtype), shape_(std::move(shape)), strides_(shape_.size()),
        size_(static_cast<std::int64_t>(size_of(dtype))) {
    std::int64_t next = lie.gap, low = 0, high = 0;
    for (std::size_t i = shape_.size(); i-- > 0;) {
      const std::size_t d = lie.order[i];
      const std::int64_t reach = std::max<std::int64_t>(shape_[d] - 1, 0) * next;
      if ((lie.still >> d & 1u) == 0) {
        const bool back = (lie.backwards >> d & 1u) != 0;
        strides_[d] = back ? -next : next;
        (back ? low : high) += back ? -reach : reach;
        next *= std::max<std::int64_t>(shape_[d], 1);
      }
      if (i + 1 == shape_.size()) next += lie.padding;
    }
    first_ = kGuard + 1 - low * size_;
    memory_.resize(static_cast<std::size_t>(2 * kGuard + 1 + (high - low + 1) * size_));
    for (std::byte& each : memory_) each = static_cast<std::byte>(random());
    copy_.resize(static_cast<std::size_t>(count() * size_));
    for (std::int64_t i = 0; i < count(); ++i) make_fit(element(i), random);
    for (std::int64_t i = 0; i < count(); ++i) std::memcpy(&copy_[at(i)], element(i), bytes());
  }

  [[nodiscard]] TensorView strided() {
    return {static_cast<void*>(memory_.data() + first_), dtype_, shape_, strides_};
  }
  [[nodiscard]] TensorView contiguous() {
    return {static_cast<void*>(copy_.data()), dtype_, shape_};
  }

  // After both calls.
  void check(const std::string& what, const Bytes& before) {
    Bytes expected = before;
    for (std::int64_t i = 0; i < count(); ++i)
      std::memcpy(expected.data() + (element(i) - memory_.data()), &copy_[at(i)], bytes());
    if (memory_ == expected) return;
    for (std::int64_t i = 0; i < count(); ++i)
      if (std::memcmp(element(i), &copy_[at(i)], bytes()) != 0) {
        std::string bits;
        for (std::size_t b = 0; b < 2 * bytes(); ++b)
          bits += ' ' + std::to_string(static_cast<int>(b < bytes() ? element(i)[b]
                                                                    : copy_[at(i) + b - bytes()]));
        FAIL(what << ": element " << i << " has the bytes (got, then expected)" << bits);
      }
    FAIL(what << ": bytes that are no element's were written");
  }

  [[nodiscard]] const Bytes& memory() const { return memory_; }
  [[nodiscard]] std::int64_t count() const {
    return std::accumulate(shape_.begin(), shape_.end(), std::int64_t{1}, std::multiplies<>());
  }

 private:
  [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(size_); }
  [[nodiscard]] std::size_t at(std::int64_t flat) const {
    return static_cast<std::size_t>(flat * size_);
  }
  // Which of two NaNs an operation gives is not promised, so the highest bit of an exponent is 0.
  // Indices are small, though not all are columns.
  void make_fit(std::byte* to, std::mt19937& random) const {
    if (is_floating(dtype_)) to[bytes() - 1] &= std::byte{0xbf};
    const std::int64_t index = static_cast<std::int64_t>(random() % 8);
    if (dtype_ == Dtype::i64) std::memcpy(to, &index, sizeof index);
  }
  [[nodiscard]] std::byte* element(std::int64_t flat) {
    std::int64_t offset = first_;
    for (std::size_t d = shape_.size(); d-- > 0;) {
      offset += flat % shape_[d] * strides_[d] * size_;
      flat /= shape_[d];
    }
    return memory_.data() + offset;
  }

  Dtype dtype_;
  Dims shape_;
  Dims strides_;
  std::int64_t size_;
  std::int64_t first_ = 0;
  Bytes memory_, copy_;
};

// The kernel on strided operands and on their copies; `same` says which operand, if any, the last
// one shares its memory with.
inline void check_strided(const std::string& what, const Kernel& kernel,
                          std::vector<StridedOperand>& operands, const Parallel& parallel = {},
                          std::size_t same = ~std::size_t{0}) {
  std::vector<TensorView> strided, contiguous;
  std::vector<StridedOperand::Bytes> before;
  for (StridedOperand& each : operands) {
    strided.push_back(each.strided());
    contiguous.push_back(each.contiguous());
    before.push_back(each.memory());
  }
  if (same < operands.size()) {
    strided.back() = strided[same];
    contiguous.back() = contiguous[same];
  }
  const Outcome plain = kernel.call(contiguous, {});
  const Outcome outcome = kernel.call(strided, {}, parallel);
  INFO(what);
  if (!plain.ok()) FAIL(plain.error().message);
  if (!outcome.ok()) FAIL(outcome.error().message);
  for (std::size_t k = 0; k < operands.size(); ++k)
    operands[k].check(what + ", operand " + std::to_string(k), before[k]);
}

}  // namespace sluice::testing
