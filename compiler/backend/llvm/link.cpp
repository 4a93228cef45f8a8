#include "compiler/backend/llvm/link.hpp"

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <utility>

#include <llvm/BinaryFormat/ELF.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/Support/MemoryBuffer.h>

#include "compiler/backend/llvm/frame.hpp"

namespace sluice::llvm_backend {
namespace {

using llvm::object::SectionRef;

Error failure(std::string what) {
  return {Status::unsupported, "LLVM's object " + std::move(what)};
}
Error failure(llvm::Error error) {
  return failure("is unreadable: " + llvm::toString(std::move(error)));
}

class Linker {
 public:
  explicit Linker(const llvm::object::ObjectFile& file) : file_(file) {}

  Result<object::CodeObject> run() {
    if (Outcome placed = place(true); !placed) return placed.error();
    result_.code_size = result_.bytes.size();
    if (Outcome placed = place(false); !placed) return placed.error();
    for (const SectionRef& section : file_.sections()) {
      auto target = section.getRelocatedSection();
      if (!target) return failure(target.takeError());
      if (*target == file_.section_end() || places_.count((*target)->getIndex()) == 0) continue;
      for (const llvm::object::RelocationRef& relocation : section.relocations())
        if (Outcome done = resolve(relocation, places_[(*target)->getIndex()]); !done)
          return done.error();
    }
    return std::move(result_);
  }

 private:
  // Sections of instructions, or those of constants.
  Outcome place(bool text) {
    for (const SectionRef& section : file_.sections()) {
      const auto flags = llvm::object::ELFSectionRef(section).getFlags();
      if ((flags & llvm::ELF::SHF_ALLOC) == 0 || section.isText() != text) continue;
      auto name = section.getName();
      if (!name) return failure(name.takeError());
      if (section.getSize() == 0) continue;
      if (*name == ".eh_frame") {
        if (Outcome told = read_frame(section); !told) return told;
        continue;
      }
      if ((flags & llvm::ELF::SHF_WRITE) != 0) return failure("has writable data");
      auto contents = section.getContents();
      if (!contents) return failure(contents.takeError());
      const std::uint64_t alignment = section.getAlignment().value();
      while (result_.bytes.size() % alignment != 0) result_.bytes.push_back(0xcc);
      places_[section.getIndex()] = result_.bytes.size();
      result_.bytes.insert(result_.bytes.end(), contents->bytes_begin(), contents->bytes_end());
    }
    return Unit{};
  }

  Outcome read_frame(const SectionRef& section) {
    auto contents = section.getContents();
    if (!contents) return failure(contents.takeError());
    result_.frame = frame_of({contents->bytes_begin(), contents->bytes_end()}, result_.code_size);
    return Unit{};
  }

  Outcome resolve(const llvm::object::RelocationRef& relocation, std::uint64_t section) {
    const auto symbol = relocation.getSymbol();
    if (symbol == file_.symbol_end()) return failure("refers to nothing");
    auto home = symbol->getSection();
    auto value = symbol->getValue();
    auto name = symbol->getName();
    if (!home) return failure(home.takeError());
    if (!value) return failure(value.takeError());
    if (*home == file_.section_end() || places_.count((*home)->getIndex()) == 0)
      return failure("calls " + (name ? name->str() : std::string("something")));
    auto addend = llvm::object::ELFRelocationRef(relocation).getAddend();
    if (!addend) return failure(addend.takeError());
    const std::uint64_t type = relocation.getType();
    if (type != llvm::ELF::R_X86_64_PC32 && type != llvm::ELF::R_X86_64_PLT32)
      return failure("has a relocation of type " + std::to_string(type));
    const std::uint64_t place = section + relocation.getOffset();
    const auto distance =
        static_cast<std::int32_t>(static_cast<std::int64_t>(places_[(*home)->getIndex()] + *value) +
                                  *addend - static_cast<std::int64_t>(place));
    std::memcpy(result_.bytes.data() + place, &distance, sizeof distance);
    return Unit{};
  }

  const llvm::object::ObjectFile& file_;
  std::map<std::uint64_t, std::uint64_t> places_;  // by section: where it begins
  object::CodeObject result_;
};

}  // namespace

Result<object::CodeObject> link(std::string_view object) {
  auto file = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef(llvm::StringRef(object.data(), object.size()), "kernel"));
  if (!file) return failure(file.takeError());
  return Linker(**file).run();
}

}  // namespace sluice::llvm_backend
