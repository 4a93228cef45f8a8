// Call frame information (DWARF 5, section 6.4, in the form of the Linux Standard Base's .eh_frame)
// of code on x86-64: one CIE, which says how things are at a function's entry, and one FDE, which
// says what a CallFrame changes in that.
#include "compiler/object/unwind.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "compiler/object/bytes.hpp"

namespace sluice::object {

#if SLUICE_HAVE_REGISTER_FRAME
void register_section(const void* section, void* room) asm("__register_frame_info");
void* forget_section(const void* section) asm("__deregister_frame_info");
#endif

namespace {

enum : std::uint8_t {
  kAdvance1 = 0x02,
  kAdvance2 = 0x03,
  kAdvance4 = 0x04,
  kUndefined = 0x07,
  kRememberState = 0x0a,
  kRestoreState = 0x0b,
  kDefCfa = 0x0c,
  kDefCfaRegister = 0x0d,
  kDefCfaOffset = 0x0e,
  kAdvance = 0x40,  // with these three an operand in the low six bits
  kOffset = 0x80,
  kRestore = 0xc0,
};

// Registers as DWARF numbers them (System V ABI for AMD64, figure 3.36).
constexpr std::uint8_t kRbp = 6;
constexpr std::uint8_t kRsp = 7;
constexpr std::uint8_t kReturnAddress = 16;
constexpr int kWord = 8;

std::uint8_t dwarf_number(int reg) {
  constexpr std::uint8_t kLegacy[] = {0, 2, 1, 3, kRsp, kRbp, 4, 5};  // rax rcx rdx rbx rsp rbp ..
  return reg < 8 ? kLegacy[reg] : static_cast<std::uint8_t>(reg);
}

class Section {
 public:
  explicit Section(Bytes& bytes) : bytes_(bytes) {}

  template <typename T>
  void put(T value) {
    object::put(bytes_, value);
  }
  void op(unsigned code) { put(static_cast<std::uint8_t>(code)); }
  void op(unsigned code, unsigned operand) {
    op(code);
    uleb(operand);
  }
  void uleb(unsigned value) {
    for (; value >= 0x80; value >>= 7) op((value & 0x7f) | 0x80);
    op(value);
  }
  // From here on.
  void advance_to(std::size_t offset) {
    const std::size_t by = offset - std::exchange(at_, offset);
    if (by == 0) {
      return;
    } else if (by < 0x40) {
      op(kAdvance | static_cast<unsigned>(by));
    } else if (by <= 0xff) {
      op(kAdvance1);
      put(static_cast<std::uint8_t>(by));
    } else if (by <= 0xffff) {
      op(kAdvance2);
      put(static_cast<std::uint16_t>(by));
    } else {
      op(kAdvance4);
      put(static_cast<std::uint32_t>(by));
    }
  }

  // An entry's length stands before it, and its end is aligned.
  [[nodiscard]] std::size_t begin() {
    put(std::uint32_t{0});
    return bytes_.size();
  }
  void end(std::size_t begin) {
    while (bytes_.size() % kWord != 0) op(0);
    const auto size = static_cast<std::uint32_t>(bytes_.size() - begin);
    std::memcpy(bytes_.data() + begin - sizeof size, &size, sizeof size);
  }

 private:
  Bytes& bytes_;
  std::size_t at_ = 0;
};

void write_rules_at_entry(Section& out) {
  const std::size_t begin = out.begin();
  out.put(std::uint32_t{0});  // a CIE
  out.op(1);                  // version
  out.op(0);                  // no augmentation
  out.uleb(1);                // unit of advances
  out.op(0x80 - kWord);       // unit of offsets, -8
  out.op(kReturnAddress);     // the column it is in
  out.op(kDefCfa, kRsp);      // the frame's address is rsp + 8
  out.uleb(kWord);
  out.op(kOffset | kReturnAddress, 1);
  out.end(begin);
}

// What the frame changes before and within the stretch of the code from `begin` to `end`.
void write_changes(Section& out, const std::optional<CallFrame>& known, std::size_t begin,
                   std::size_t end) {
  if (!known) return out.op(kUndefined, kReturnAddress);
  const CallFrame& frame = *known;
  const auto reaches = [&](std::size_t offset) {
    if (offset >= end) return false;
    out.advance_to(std::max(offset, begin) - begin);
    return true;
  };
  if (!reaches(frame.linked)) return;
  out.op(kDefCfaOffset, 2 * kWord);
  out.op(kOffset | kRbp, 2);
  if (!reaches(frame.set)) return;
  out.op(kDefCfaRegister, kRbp);
  // Until the last push they are in their registers too.
  if (!reaches(frame.pushed)) return;
  for (const CallFrame::Saved& saved : frame.saved)
    out.op(kOffset | dwarf_number(saved.reg),
           2 + static_cast<unsigned>(saved.below_rbp) / static_cast<unsigned>(kWord));
  if (!reaches(frame.left)) return;
  out.op(kRememberState);
  out.op(kDefCfa, kRsp);
  out.uleb(kWord);
  out.op(kRestore | kRbp);
  for (const CallFrame::Saved& saved : frame.saved) out.op(kRestore | dwarf_number(saved.reg));
  if (!reaches(frame.returned)) return;
  out.op(kRestoreState);
}

// The head of an entry, for what its CIE at the section's beginning holds for.
[[nodiscard]] std::size_t begin_entry(Section& out, std::uintptr_t from, std::size_t size) {
  const std::size_t begin = out.begin();
  out.put(static_cast<std::uint32_t>(begin));  // how far back the CIE is
  out.put(std::uint64_t{from});
  out.put(std::uint64_t{size});
  return begin;
}

constexpr std::size_t kEntryHead = 24;
// Of a page's entry: three bytes at most for each of the five advances, and of five registers saved
// and back, and rbp, the frame's address and the state, 31.
constexpr std::size_t kEntryRoom = 48;

}  // namespace

Bytes eh_frame(const CodeObject& code, const void* entry) {
  Bytes bytes;
  Section out(bytes);
  write_rules_at_entry(out);
  const std::size_t begin =
      begin_entry(out, reinterpret_cast<std::uintptr_t>(entry), code.code_size);
  write_changes(out, code.frame, 0, code.code_size);
  out.end(begin);
  out.put(std::uint32_t{0});  // no more
  return bytes;
}

UnwindTable::UnwindTable(const void* begin, std::size_t pages, std::size_t page_size)
    : page_size_(page_size) {
  section_.reserve(64 + pages * (kEntryHead + kEntryRoom));
  Section out(section_);
  write_rules_at_entry(out);
  entries_ = section_.size();
  for (std::size_t page = 0; page < pages; ++page) {
    const std::size_t entry =
        begin_entry(out, reinterpret_cast<std::uintptr_t>(begin) + page * page_size, page_size);
    section_.resize(section_.size() + kEntryRoom);
    out.end(entry);
  }
  out.put(std::uint32_t{0});
#if SLUICE_HAVE_REGISTER_FRAME
  register_section(section_.data(), room_.data());
#endif
}

UnwindTable::~UnwindTable() {
#if SLUICE_HAVE_REGISTER_FRAME
  forget_section(section_.data());
#endif
}

void UnwindTable::describe(std::size_t first_page, std::size_t pages,
                           const std::optional<CallFrame>& frame) {
  Bytes changes;
  changes.reserve(kEntryRoom);
  for (std::size_t i = 0; i < pages; ++i) {
    changes.clear();
    Section out(changes);
    write_changes(out, frame, i * page_size_, (i + 1) * page_size_);
    changes.resize(kEntryRoom);  // zeros do nothing
    std::memcpy(section_.data() + entries_ + (first_page + i) * (kEntryHead + kEntryRoom) +
                    kEntryHead,
                changes.data(), kEntryRoom);
  }
}

}  // namespace sluice::object
