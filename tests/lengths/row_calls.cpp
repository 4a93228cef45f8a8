#include "row_calls.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <thread>

#include "tests/unit/x64/kernel_check.hpp"

namespace sluice::lengths {
namespace {

using Byte = std::uint8_t;

constexpr std::size_t kWatched = 64;
constexpr Byte kAround = 0xa5;

bool is_nan(Dtype dtype, const Byte* at) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, at, size_of(dtype));
  switch (dtype) {
    case Dtype::f16: return (bits & 0x7fff) > 0x7c00;
    case Dtype::bf16: return (bits & 0x7fff) > 0x7f80;
    case Dtype::f32: return (bits & 0x7fffffff) > 0x7f800000;
    case Dtype::f64: return (bits & ~(std::uint64_t{1} << 63)) > std::uint64_t{0x7ff} << 52;
    case Dtype::i8:
    case Dtype::u8:
    case Dtype::i32:
    case Dtype::i64:
    case Dtype::boolean: return false;
  }
  return false;
}

std::string hex(const Byte* bytes, std::size_t size) {
  std::string text = "0x";
  for (std::size_t i = size; i-- > 0;) {
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return text;
}

// Bytes in front of a page that may not be touched, with watched ones around them.
class Memory {
 public:
  Memory(std::size_t bytes, std::size_t behind)
      : count_(bytes), behind_(behind), buffer_(kWatched + bytes + behind, 0, true) {
    std::memset(buffer_.data(), kAround, kWatched + bytes + behind);
  }
  [[nodiscard]] Byte* data() const { return buffer_.data() + kWatched; }
  [[nodiscard]] std::span<Byte> bytes() const { return {data(), count_}; }
  [[nodiscard]] bool kept_around() const {
    const auto kept = [](Byte each) { return each == kAround; };
    return std::all_of(buffer_.data(), data(), kept) &&
           std::all_of(data() + count_, data() + count_ + behind_, kept);
  }

 private:
  std::size_t count_, behind_;
  x64::check::GuardedBuffer buffer_;
};

// A thread for each task, the last one first.
Parallel threads(std::size_t count) {
  return {count, [](std::size_t tasks, TaskRef task) {
            std::vector<std::thread> running;
            for (std::size_t i = tasks; i-- > 0;) running.emplace_back([=] { task(i); });
            for (std::thread& each : running) each.join();
          }};
}

std::size_t behind_of(std::size_t first, std::size_t k) {
  return first == 0 ? 0 : (first + 13 * k) % 64;
}

std::string in_words(const std::string& name, const std::string& how, const std::string& what) {
  return "'" + name + "'" + how + ": " + what;
}

// The output that lies in the first input, if there is one of its shape and type.
std::size_t sharing(const Kernel& kernel, std::span<const RowElements> given) {
  for (std::size_t k = given.size(); k-- > 1;)
    if (kernel.operands()[k].output && given[k].kind == given[0].kind &&
        given[k].dtype == given[0].dtype && given[k].shape == given[0].shape)
      return k;
  return 0;
}

// The workspace that a call asks for, before a page that may not be touched where it is a multiple
// of the alignment.
class Workspace {
 public:
  explicit Workspace(std::size_t bytes) : bytes_(bytes), buffer_((bytes + 63) / 64 * 64, 0, true) {}
  [[nodiscard]] std::span<std::byte> bytes() const {
    return {reinterpret_cast<std::byte*>(buffer_.data()), bytes_};
  }

 private:
  std::size_t bytes_;
  x64::check::GuardedBuffer buffer_;
};

// Of an operand's rows in memory, bytes.
struct Rows {
  std::int64_t row_step = 0, column_step = 0;
  std::int64_t rows = 1, columns = 1, size = 1;

  [[nodiscard]] std::size_t origin() const {
    return static_cast<std::size_t>((rows - 1) * std::max<std::int64_t>(-row_step, 0) +
                                    (columns - 1) * std::max<std::int64_t>(-column_step, 0));
  }
  [[nodiscard]] std::size_t bytes() const {
    return static_cast<std::size_t>((rows - 1) * std::abs(row_step) +
                                    (columns - 1) * std::abs(column_step) + size);
  }
  [[nodiscard]] std::size_t at(std::int64_t row, std::int64_t column) const {
    return static_cast<std::size_t>(static_cast<std::int64_t>(origin()) + row * row_step +
                                    column * column_step);
  }
};

Rows rows_of(const RowElements& operand, const Layout& layout, const RowSteps& steps) {
  const bool across = layout.axis == 0;
  Rows rows;
  rows.size = static_cast<std::int64_t>(size_of(operand.dtype));
  const std::int64_t sign = steps.backwards ? -1 : 1;
  if (operand.kind == RowKindOf::number) return rows;
  if (operand.kind != RowKindOf::shared) rows.rows = layout.rows();
  if (operand.kind == RowKindOf::shared || operand.has_columns()) rows.columns = layout.columns();
  rows.row_step = rows.rows == 1 && operand.kind == RowKindOf::shared ? 0 : rows.size;
  rows.column_step = rows.columns == 1 && !operand.has_columns() ? 0 : rows.size;
  if (!operand.has_columns()) {
    if (operand.kind == RowKindOf::shared) rows.column_step = rows.size;
    return rows;
  }
  std::int64_t& far = across ? rows.column_step : rows.row_step;
  far = sign * ((across ? layout.rows() : layout.columns()) * rows.size + steps.gap);
  return rows;
}

// Calls `visit` with an element's place in the operand's bytes and in memory.
template <typename Visit>
void for_each_element(const RowElements& operand, const Layout& layout, const Rows& rows,
                      const Visit& visit) {
  for (std::int64_t r = 0; r < rows.rows; ++r)
    for (std::int64_t c = 0; c < rows.columns; ++c) {
      const std::size_t from =
          operand.has_columns() ? layout.at(r, c) : static_cast<std::size_t>(r + c);
      visit(from * static_cast<std::size_t>(rows.size), rows.at(r, c));
    }
}

std::optional<std::string> check_gaps(const Kernel& kernel, std::size_t k,
                                      const RowElements& operand, const Layout& layout,
                                      const Rows& rows, const Memory& memory) {
  std::vector<Byte> got(operand.bytes.size());
  const auto size = static_cast<std::size_t>(rows.size);
  for_each_element(operand, layout, rows, [&](std::size_t from, std::size_t at) {
    std::memcpy(&got[from], memory.data() + at, size);
    std::memset(memory.data() + at, kAround, size);
  });
  if (const auto wrong = difference(operand.dtype, operand.bytes, got)) return wrong;
  const std::span<const Byte> rest = memory.bytes();
  if (!memory.kept_around() ||
      !std::all_of(rest.begin(), rest.end(), [](Byte each) { return each == kAround; }))
    return kernel.operands()[k].output ? "bytes outside were written" : "bytes around were changed";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> difference(Dtype dtype, std::span<const Byte> expected,
                                      std::span<const Byte> got) {
  if (std::equal(expected.begin(), expected.end(), got.begin(), got.end())) return std::nullopt;
  if (expected.size() != got.size()) return "another length";
  const std::size_t size = size_of(dtype);
  for (std::size_t at = 0; at < expected.size(); at += size) {
    const bool same = std::memcmp(&expected[at], &got[at], size) == 0 ||
                      (is_nan(dtype, &expected[at]) && is_nan(dtype, &got[at]));
    if (!same)
      return "element " + std::to_string(at / size) + ": expected " + hex(&expected[at], size) +
             ", got " + hex(&got[at], size);
  }
  return std::nullopt;
}

void expect_rows(const Kernel& kernel, std::vector<RowElements>& operands) {
  std::vector<TensorView> views;
  for (RowElements& each : operands)
    views.emplace_back(static_cast<void*>(each.bytes.data()), each.dtype, each.shape);
  const Outcome called = kernel.call(views);
  if (!called.ok()) FAIL(called.error().message);
}

std::optional<std::string> check_call(const Kernel& kernel, std::span<const RowElements> given,
                                      std::span<const RowElements> expected,
                                      const RowPlace& place) {
  const std::size_t shared = place.in_place ? sharing(kernel, given) : 0;
  std::vector<Memory> memory;
  std::vector<TensorView> views;
  memory.reserve(given.size());
  for (std::size_t k = 0; k < given.size(); ++k) {
    const std::vector<Byte>& bytes = given[k].bytes;
    memory.emplace_back(bytes.size(), behind_of(place.behind, k));
    if (!kernel.operands()[k].output) std::copy(bytes.begin(), bytes.end(), memory.back().data());
    const Memory& own = shared != 0 && k == shared ? memory[0] : memory[k];
    views.emplace_back(static_cast<void*>(own.data()), given[k].dtype, given[k].shape);
  }
  const Workspace workspace(place.own_workspace ? kernel.workspace_bytes(views, place.threads) : 0);
  const Outcome called = kernel.call(views, {}, threads(place.threads), workspace.bytes());
  const std::string how = " over " + std::to_string(place.threads) + " threads, " +
                          std::to_string(place.behind) + " bytes before a page" +
                          (shared != 0 ? ", in place" : "");
  if (!called.ok()) return how + ": " + called.error().message;
  for (std::size_t k = 0; k < given.size(); ++k) {
    const bool output = kernel.operands()[k].output;
    const std::size_t in = shared != 0 && k == shared ? 0 : k;
    if (!memory[k].kept_around()) return in_words(given[k].name, how, "bytes outside were written");
    if (shared != 0 && k == 0) continue;
    const auto& wanted = output ? expected[k].bytes : given[k].bytes;
    if (const auto wrong = difference(given[k].dtype, wanted, memory[in].bytes()))
      return in_words(given[k].name, how, (output ? "" : "an input changed, ") + *wrong);
  }
  return std::nullopt;
}

std::optional<std::string> check_steps(const Kernel& kernel, std::span<const RowElements> expected,
                                       const Layout& layout, const RowSteps& steps) {
  std::vector<Memory> memory;
  std::vector<Rows> rows;
  std::vector<void*> buffers;
  std::vector<std::int64_t> row_steps, column_steps;
  memory.reserve(expected.size());
  for (std::size_t k = 0; k < expected.size(); ++k) {
    rows.push_back(rows_of(expected[k], layout, steps));
    memory.emplace_back(rows[k].bytes(), behind_of(steps.behind, k));
    Byte* const data = memory[k].data();
    if (!kernel.operands()[k].output)
      for_each_element(expected[k], layout, rows[k], [&](std::size_t from, std::size_t at) {
        std::memcpy(data + at, &expected[k].bytes[from], static_cast<std::size_t>(rows[k].size));
      });
    buffers.push_back(data + rows[k].origin());
    row_steps.push_back(kernel.operands()[k].scalar ? 0 : rows[k].row_step);
    column_steps.push_back(rows[k].column_step);
  }
  const Workspace workspace(kernel.workspace_bytes(layout.columns()));
  RowExtent extent{layout.rows(), layout.columns(), row_steps.data(), column_steps.data()};
  extent.row_index_step = layout.axis == 0 ? 0 : 1;  // row() counts along the axis before
  kernel.run_rows(buffers.data(), extent, workspace.bytes().data());
  for (std::size_t k = 0; k < expected.size(); ++k)
    if (const auto wrong = check_gaps(kernel, k, expected[k], layout, rows[k], memory[k]))
      return in_words(expected[k].name,
                      " with gaps of " + std::to_string(steps.gap) +
                          (steps.backwards ? " bytes, backwards" : " bytes"),
                      *wrong);
  return std::nullopt;
}

}  // namespace sluice::lengths
