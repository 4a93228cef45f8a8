// gdb's JIT interface (Debugging with GDB, chapter 30) and the file that it reads, as little of ELF
// as names code and unwinds it.
#include "compiler/object/gdb.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <utility>

#include <elf.h>
#include <unistd.h>

#include "compiler/object/bytes.hpp"
#include "compiler/object/unwind.hpp"

namespace sluice::object {

// gdb knows these by the names of their symbols. Weak, because a program may hold another compiler
// that has them.
struct GdbDescriptor {
  std::uint32_t version;
  std::uint32_t action;
  GdbCode* relevant;
  GdbCode* first;
};
extern GdbDescriptor gdb_descriptor asm("__jit_debug_descriptor");
[[gnu::weak]] constinit GdbDescriptor gdb_descriptor = {1, 0, nullptr, nullptr};
// gdb stops here.
void gdb_register_code() asm("__jit_debug_register_code");
[[gnu::weak, gnu::noinline]] void gdb_register_code() { asm volatile("" ::: "memory"); }

namespace {

enum Action : std::uint32_t { kNone, kRegister, kUnregister };

// Holds the number of the process whose thread has it, so that a child of fork() waits for no
// thread that it does not have.
class ListLock {
 public:
  ListLock() {
    const pid_t self = getpid();
    for (pid_t seen = 0; !owner.compare_exchange_weak(seen, self, std::memory_order_acquire);)
      if (seen == self) {
        std::this_thread::yield();
        seen = 0;
      }
  }
  ListLock(const ListLock&) = delete;
  ListLock& operator=(const ListLock&) = delete;
  ~ListLock() { owner.store(0, std::memory_order_release); }

 private:
  static inline constinit std::atomic<pid_t> owner{0};
};

void tell(Action action, GdbCode* code) {
  gdb_descriptor.action = action;
  gdb_descriptor.relevant = code;
  gdb_register_code();
}

}  // namespace

Bytes elf_image(const CodeObject& code, const void* entry) {
  const Bytes unwinding = eh_frame(code, entry);
  enum : std::uint16_t { kNull, kText, kUnwind, kSymbols, kNames, kSections };
  // Names of sections and symbols in one table; the first is empty.
  std::string names(1, '\0');
  const auto name = [&names](const std::string& text) {
    const auto at = static_cast<Elf64_Word>(names.size());
    names.append(text).push_back('\0');
    return at;
  };
  Elf64_Shdr sections[kSections] = {};
  Elf64_Off end = sizeof(Elf64_Ehdr) + sizeof sections;
  const auto section = [&](int which, const char* title, Elf64_Word type, Elf64_Xword size) {
    Elf64_Shdr& made = sections[which];
    made.sh_name = name(title);
    made.sh_type = type;
    made.sh_offset = end;
    made.sh_size = size;
    made.sh_addralign = 8;
    if (type != SHT_NOBITS) end += (size + 7) / 8 * 8;
    return &made;
  };

  Elf64_Shdr* text = section(kText, ".text", SHT_NOBITS, code.code_size);
  text->sh_flags = SHF_ALLOC | SHF_EXECINSTR;
  text->sh_addr = reinterpret_cast<std::uintptr_t>(entry);
  Elf64_Shdr* unwind = section(kUnwind, ".eh_frame", SHT_PROGBITS, unwinding.size());
  unwind->sh_flags = SHF_ALLOC;

  Elf64_Sym symbols[2] = {};
  symbols[1].st_name = name(code.symbol());
  symbols[1].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
  symbols[1].st_shndx = kText;
  symbols[1].st_size = code.code_size;
  Elf64_Shdr* table = section(kSymbols, ".symtab", SHT_SYMTAB, sizeof symbols);
  table->sh_link = kNames;
  table->sh_info = 1;  // the first that is not local
  table->sh_entsize = sizeof *symbols;
  const Elf64_Word title = name(".strtab");
  section(kNames, "", SHT_STRTAB, names.size() + 1)->sh_name = title;

  Elf64_Ehdr header = {};
  for (std::size_t i = 0; i < SELFMAG; ++i)
    header.e_ident[i] = static_cast<unsigned char>(ELFMAG[i]);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_REL;  // symbols count from their sections
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_shoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_shentsize = sizeof *sections;
  header.e_shnum = kSections;
  header.e_shstrndx = kNames;

  Bytes image;
  image.reserve(end);
  put(image, header);
  for (const Elf64_Shdr& each : sections) put(image, each);
  image.insert(image.end(), unwinding.begin(), unwinding.end());
  image.resize(sections[kSymbols].sh_offset);
  for (const Elf64_Sym& each : symbols) put(image, each);
  put_text(image, names);
  image.resize(end);
  return image;
}

GdbEntry::GdbEntry(std::vector<std::uint8_t> image)
    : image_(std::move(image)), code_{nullptr, nullptr, image_.data(), image_.size()} {
  const ListLock lock;
  code_.next = gdb_descriptor.first;
  if (code_.next != nullptr) code_.next->previous = &code_;
  gdb_descriptor.first = &code_;
  tell(kRegister, &code_);
}

GdbEntry::~GdbEntry() {
  const ListLock lock;
  (code_.previous != nullptr ? code_.previous->next : gdb_descriptor.first) = code_.next;
  if (code_.next != nullptr) code_.next->previous = code_.previous;
  tell(kUnregister, &code_);
  tell(kNone, nullptr);
}

}  // namespace sluice::object
