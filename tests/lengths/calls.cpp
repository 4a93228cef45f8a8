#include "calls.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace sluice::lengths {
namespace {

// Enough for the longest buffer, its misalignment, and bytes to watch on either side.
constexpr std::size_t kMemory = 1024;
constexpr std::size_t kWatched = 64;
static_assert(kMemory >= kWatched + 64 + kLongest * 8 + kWatched);

constexpr std::array<std::uint8_t, kMemory> filled(std::uint8_t byte) {
  std::array<std::uint8_t, kMemory> bytes{};
  bytes.fill(byte);
  return bytes;
}
// What stands around buffers. Not the same around inputs and outputs: many a function of the one,
// computed and written past the end, would be the other.
constexpr std::array<std::uint8_t, kMemory> kAroundInput = filled(0x3c);
constexpr std::array<std::uint8_t, kMemory> kAroundOutput = filled(0xa5);

const std::uint8_t* around(bool output) {
  return output ? kAroundOutput.data() : kAroundInput.data();
}

// All NaNs are one.
template <typename T>
bool same_as(const std::uint8_t* a, const std::uint8_t* b) {
  T x, y;
  std::memcpy(&x, a, sizeof x);
  std::memcpy(&y, b, sizeof y);
  return std::memcmp(a, b, sizeof x) == 0 || (x != x && y != y);
}

bool same(std::size_t size, const std::uint8_t* a, const std::uint8_t* b) {
  if (size == sizeof(double)) return same_as<double>(a, b);
  return same_as<float>(a, b);
}

std::string hex(const std::uint8_t* bytes, std::size_t size) {
  std::string text = "0x";
  for (std::size_t i = size; i-- > 0;) {
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return text;
}

}  // namespace

void write_expected(const Kernel& kernel, Table& table) {
  std::vector<void*> pointers;
  std::size_t outputs = 0;
  for (const OperandInfo& operand : kernel.operands()) outputs += operand.output ? 1 : 0;
  table.written.resize(outputs);
  auto written = table.written.begin();
  auto read = table.read.begin();
  for (const OperandInfo& operand : kernel.operands()) {
    if (operand.output) written->resize(table.rows * size_of(operand.dtype));
    pointers.push_back((operand.output ? written++ : read++)->data());
  }
  kernel.run(pointers.data(), static_cast<std::int64_t>(table.rows));
}

Caller::Caller(const Kernel& kernel, const Table& table) : kernel_(kernel) {
  auto written = table.written.begin();
  auto read = table.read.begin();
  for (const OperandInfo& operand : kernel.operands()) {
    guarded_.emplace_back(kMemory, 0, true);
    const Bytes& column = operand.output ? *written++ : *read++;
    buffers_.push_back({guarded_.back().data(), &column, size_of(operand.dtype), operand.output});
  }
  pointers_.resize(buffers_.size());
}

void Caller::place(const Call& call) {
  std::size_t strayed[2] = {0, 0};
  for (std::size_t k = 0; k < buffers_.size(); ++k) {
    Buffer& buffer = buffers_[k];
    const std::size_t bytes = call.count * buffer.size;
    const std::size_t offset = buffer.output ? call.written_offset : call.read_offset;
    // Five elements on is every element's distance in turn.
    const std::size_t stray = 5 * buffer.size * strayed[buffer.output ? 1 : 0]++;
    buffer.begin = call.at_page_end ? kMemory - bytes : kWatched + (offset + stray) % 64;
    std::memcpy(buffer.memory, around(buffer.output), kMemory);
    pointers_[k] = buffer.memory + buffer.begin;
    if (!buffer.output)
      std::memcpy(pointers_[k], buffer.column->data() + call.first * buffer.size, bytes);
  }
}

std::optional<std::string> Caller::check(const Buffer& buffer, const Call& call) const {
  const std::size_t end = buffer.begin + call.count * buffer.size;
  if (std::memcmp(buffer.memory, around(buffer.output), buffer.begin) != 0 ||
      std::memcmp(buffer.memory + end, around(buffer.output), kMemory - end) != 0)
    return "bytes outside were written";
  const std::uint8_t* const expected = buffer.column->data() + call.first * buffer.size;
  const std::uint8_t* const got = buffer.memory + buffer.begin;
  if (std::memcmp(got, expected, call.count * buffer.size) == 0) return std::nullopt;
  if (!buffer.output) return "it was read only, and changed";
  for (std::size_t i = 0; i < call.count; ++i) {
    const std::size_t at = i * buffer.size;
    if (same(buffer.size, got + at, expected + at)) continue;
    std::string text = "element " + std::to_string(i) + ": expected " +
                       hex(expected + at, buffer.size) + ", got " + hex(got + at, buffer.size) +
                       " for";
    for (const Buffer& other : buffers_)
      if (!other.output)
        text += " " + hex(other.column->data() + (call.first + i) * other.size, other.size);
    return text;
  }
  return std::nullopt;
}

std::optional<std::string> Caller::run(const Call& call) {
  place(call);
  kernel_.run(pointers_.data(), static_cast<std::int64_t>(call.count));
  for (std::size_t k = 0; k < buffers_.size(); ++k)
    if (const auto wrong = check(buffers_[k], call))
      return "'" + kernel_.operands()[k].name + "' of " + std::to_string(call.count) +
             " elements, " +
             (call.at_page_end ? "at a page's end"
                               : "misaligned by " + std::to_string(buffers_[k].begin % 64)) +
             ": " + *wrong;
  return std::nullopt;
}

}  // namespace sluice::lengths
