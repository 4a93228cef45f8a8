#include "tools/disassemble.hpp"

#include <Zydis/Zydis.h>

#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

namespace sluice::tools {

std::string disassemble(const object::CodeObject& code) {
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  ZydisFormatter formatter;
  ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
  std::string text;
  auto annotation = code.annotations.begin();
  for (std::size_t offset = 0; offset < code.code_size;) {
    for (; annotation != code.annotations.end() && annotation->offset <= offset; ++annotation)
      text.append("; ").append(annotation->text).append("\n");
    ZydisDecodedInstruction instruction;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    const std::uint8_t* from = code.bytes.data() + offset;
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, from, code.code_size - offset, &instruction,
                                             operands))) {
      text.append(fmt::format("{:6x}  db {:#04x}\n", offset, *from));
      ++offset;
      continue;
    }
    char line[256];
    ZydisFormatterFormatInstruction(&formatter, &instruction, operands,
                                    instruction.operand_count_visible, line, sizeof line, offset,
                                    nullptr);
    text.append(fmt::format("{:6x}  {}\n", offset, line));
    offset += instruction.length;
  }
  text.append(fmt::format("; constants: {} bytes\n", code.bytes.size() - code.code_size));
  return text;
}

}  // namespace sluice::tools
