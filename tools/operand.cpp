#include "tools/operand.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "tools/values.hpp"

namespace sluice::tools {
namespace {

// Elements of a window: enough that small operands are read once and large ones in long pieces.
constexpr std::int64_t kWindow = std::int64_t{1} << 20;

std::size_t bytes_of(std::int64_t count, Dtype dtype) {
  return static_cast<std::size_t>(count) * size_of(dtype);
}

}  // namespace

Outcome Source::read(std::int64_t first, std::span<std::byte> out) const {
  if (file_) return file_->read(first, out);
  if (!out.empty()) std::memcpy(out.data(), elements_.data() + bytes_of(first, dtype_), out.size());
  return Unit{};
}

Result<Shape> broadcast(const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape shape = longer;
  const std::size_t shift = longer.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    std::int64_t& extent = shape[i + shift];
    if (extent != shorter[i] && extent != 1 && shorter[i] != 1)
      return Error{Status::invalid_operands,
                   fmt::format("shapes {} and {} do not broadcast", to_string(a), to_string(b))};
    if (extent == 1) extent = shorter[i];
  }
  std::int64_t count = 1;
  for (std::int64_t extent : shape)
    if (__builtin_mul_overflow(count, std::max<std::int64_t>(extent, 1), &count))
      return Error{Status::limit_exceeded,
                   fmt::format("shapes {} and {} broadcast to more elements than can be counted",
                               to_string(a), to_string(b))};
  return shape;
}

Broadcast::Broadcast(const Shape& operand, const Shape& result) {
  const std::size_t shift = result.size() - operand.size();
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (result[i] == 1) continue;
    const bool repeats = i < shift || operand[i - shift] == 1;
    if (!groups_.empty() && groups_.back().repeats == repeats)
      groups_.back().extent *= result[i];
    else
      groups_.push_back({result[i], 0, repeats});
  }
  std::int64_t stride = 1;
  for (auto group = groups_.rbegin(); group != groups_.rend(); ++group) {
    if (group->repeats) continue;
    group->stride = stride;
    stride *= group->extent;
  }
}

Outcome Broadcast::runs(std::int64_t first, std::int64_t count, const Use& use) const {
  const std::int64_t innermost = groups_.empty() ? 1 : groups_.back().extent;
  while (count > 0) {
    std::int64_t rest = first;
    std::int64_t offset = 0;
    for (auto group = groups_.rbegin(); group != groups_.rend(); ++group) {
      offset += rest % group->extent * group->stride;
      rest /= group->extent;
    }
    const std::int64_t length = std::min(count, innermost - first % innermost);
    if (Outcome used = use(offset, length, repeats_innermost()); !used) return used;
    first += length;
    count -= length;
  }
  return Unit{};
}

OperandStream::OperandStream(Source source, Dtype wanted, const Shape& result)
    : source_(std::move(source)), wanted_(wanted), map_(source_.shape(), result) {}

Result<std::span<const std::byte>> OperandStream::stored(std::int64_t offset, std::int64_t length) {
  if (offset < window_first_ || offset + length > window_first_ + window_count_) {
    window_first_ = offset;
    window_count_ = std::min(std::max(length, kWindow), source_.count() - offset);
    window_.resize(bytes_of(window_count_, source_.dtype()));
    if (Outcome read = source_.read(window_first_, window_); !read) return read.error();
  }
  return std::span<const std::byte>(window_).subspan(
      bytes_of(offset - window_first_, source_.dtype()), bytes_of(length, source_.dtype()));
}

Outcome OperandStream::fill(std::int64_t first, std::int64_t count, std::span<std::byte> out) {
  if (single()) first = 0, count = 1;
  out = out.first(bytes_of(count, wanted_));
  Outcome filled = map_.whole() && source_.dtype() == wanted_ ? source_.read(first, out)
                                                              : gather(first, count, out);
  // A file may hold any byte for a bool; a kernel expects 0 or 1.
  if (wanted_ == Dtype::boolean)
    for (std::byte& each : out) each = each == std::byte{0} ? std::byte{0} : std::byte{1};
  return filled;
}

Outcome OperandStream::gather(std::int64_t first, std::int64_t count, std::span<std::byte> out) {
  const std::size_t size = size_of(wanted_);
  return map_.runs(
      first, count, [&](std::int64_t offset, std::int64_t length, bool repeats) -> Outcome {
        const auto elements = stored(offset, repeats ? 1 : length);
        if (!elements) return elements.error();
        const std::size_t bytes = bytes_of(length, wanted_);
        convert(*elements, source_.dtype(), wanted_, out.first(repeats ? size : bytes));
        for (std::size_t done = size; repeats && done < bytes; done += size)
          std::memcpy(out.data() + done, out.data(), size);
        out = out.subspan(bytes);
        return Unit{};
      });
}

}  // namespace sluice::tools
