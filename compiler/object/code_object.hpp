// Position-independent machine code with its constants, as a back end emits it: a pure function of
// program and target.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::object {

// What stands at an offset of the code, for the annotated listing.
struct Annotation {
  std::size_t offset;
  std::string text;
};

struct CodeObject {
  std::vector<std::uint8_t>
      bytes;  // entry at offset 0; instructions, then constants from `code_size` on
  std::size_t code_size = 0;
  std::vector<Annotation> annotations;
  std::size_t spills_in_loop =
      0;  // stores of spilled values in the main loop; what the schedule's tests look at
  std::size_t workspace_bytes = 0;  // of a row kernel: what a call needs
};

}  // namespace sluice::object
