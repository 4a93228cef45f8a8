// UTF-8 sequences (RFC 3629, section 4: the table of well-formed ones).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice {

struct CodePoint {
  std::uint32_t value;
  std::size_t length;  // in bytes; 0 where no sequence is
};

// The code point whose sequence begins at `at`, an offset within the text.
[[nodiscard]] CodePoint decode_utf8(std::string_view text, std::size_t at);

}  // namespace sluice
