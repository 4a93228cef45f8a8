// Call frame information as DWARF 5, section 6.4, has it, of System V's AMD64.
#include "compiler/backend/llvm/frame.hpp"

#include <cstring>

namespace sluice::llvm_backend {
namespace {

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  [[nodiscard]] bool done() const { return bytes_.empty(); }
  [[nodiscard]] bool broken() const { return broken_; }
  template <typename T>
  T take() {
    T value{};
    if (bytes_.size() < sizeof value) return fail<T>();
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_ = bytes_.subspan(sizeof value);
    return value;
  }
  std::uint64_t uleb() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = take<std::uint8_t>();
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return fail<std::uint64_t>();
  }
  Reader part(std::uint64_t size) {
    if (size > bytes_.size()) return Reader({});
    const Reader first(bytes_.first(size));
    bytes_ = bytes_.subspan(size);
    return first;
  }

 private:
  template <typename T>
  T fail() {
    broken_ = true;
    bytes_ = {};
    return {};
  }
  std::span<const std::uint8_t> bytes_;
  bool broken_ = false;
};

constexpr std::uint64_t kRbp = 6, kRsp = 7, kWord = 8;

int processor_number(std::uint64_t dwarf) {
  constexpr int kLegacy[] = {0, 2, 1, 3, 6, 7, 5, 4};  // rax rdx rcx rbx rsi rdi rbp rsp
  return dwarf < 8 ? kLegacy[dwarf] : static_cast<int>(dwarf);
}

// The steps of a frame that rbp links: rbp pushed, set, the others pushed, and all of it taken back
// at the end.
std::optional<object::CallFrame> follow(Reader steps, std::size_t code_size) {
  enum : std::uint8_t { kNop, kAdvance1 = 2, kAdvance2, kAdvance4, kDefCfa = 0x0c };
  enum : std::uint8_t { kDefCfaRegister = 0x0d, kDefCfaOffset = 0x0e };
  object::CallFrame frame;
  std::size_t at = 0;
  while (!steps.done()) {
    const auto code = steps.take<std::uint8_t>();
    const std::uint64_t low = code & 0x3f;
    switch (code & 0xc0) {
      case 0x40: at += low; continue;
      case 0x80: {  // saved, so many words below the frame's address
        const std::uint64_t below = steps.uleb() * kWord;
        if (low == kRbp && below == 2 * kWord) continue;
        if (frame.set == 0 || frame.left != 0) return std::nullopt;
        frame.pushed = at;
        frame.saved.push_back({processor_number(low), static_cast<int>(below - 2 * kWord)});
        continue;
      }
      case 0xc0: continue;  // back, which they are where the frame is left
      default: break;
    }
    switch (code) {
      case kNop: continue;
      case kAdvance1: at += steps.take<std::uint8_t>(); continue;
      case kAdvance2: at += steps.take<std::uint16_t>(); continue;
      case kAdvance4: at += steps.take<std::uint32_t>(); continue;
      case kDefCfaOffset:
        if (steps.uleb() != 2 * kWord || frame.linked != 0) return std::nullopt;
        frame.linked = at;
        continue;
      case kDefCfaRegister:
        if (steps.uleb() != kRbp || frame.linked == 0 || frame.set != 0) return std::nullopt;
        frame.set = at;
        frame.pushed = at;
        continue;
      case kDefCfa:
        if (steps.uleb() != kRsp || steps.uleb() != kWord || frame.set == 0 || frame.left != 0)
          return std::nullopt;
        frame.left = at;
        continue;
      default: return std::nullopt;
    }
  }
  if (steps.broken() || frame.left == 0) return std::nullopt;
  frame.returned = code_size;
  return frame;
}

}  // namespace

std::optional<object::CallFrame> frame_of(std::span<const std::uint8_t> section,
                                          std::size_t code_size) {
  Reader entries(section);
  while (!entries.done()) {
    Reader entry = entries.part(entries.take<std::uint32_t>());
    if (entry.take<std::uint32_t>() == 0) continue;  // what holds at every entry
    // Where it begins and how long it is, in four bytes each, and no words of a language's own.
    entry.take<std::uint32_t>();
    entry.take<std::uint32_t>();
    entry.part(entry.uleb());
    return entry.broken() ? std::nullopt : follow(entry, code_size);
  }
  return std::nullopt;
}

}  // namespace sluice::llvm_backend
