// Position-independent machine code with its constants, as a back end emits it: a pure function of
// program and target.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::object {

// What stands at an offset of the code, for the annotated listing.
struct Annotation {
  std::size_t offset;
  std::string text;
};

// How code keeps its caller's frame, for who walks the stack: `push rbp; mov rbp, rsp`, other
// registers pushed, the work, those registers back, `leave; ret`. Outside of that the stack is as
// the caller left it.
struct CallFrame {
  struct Saved {
    int reg;        // as the processor numbers it
    int below_rbp;  // bytes
  };
  std::size_t linked = 0;    // the offset past `push rbp`
  std::size_t set = 0;       // past `mov rbp, rsp`
  std::size_t pushed = 0;    // past the last push
  std::size_t left = 0;      // past `leave`
  std::size_t returned = 0;  // past `ret`; there may be more of the work behind it
  std::vector<Saved> saved;
};

struct CodeObject {
  std::string name;  // e.g. "gelu.forward.f32.v4[n]"
  std::vector<std::uint8_t>
      bytes;  // entry at offset 0; instructions, then constants from `code_size` on
  std::size_t code_size = 0;
  std::optional<CallFrame> frame;  // none: nothing is known, and who walks the stack ends here
  std::vector<Annotation> annotations;
  std::size_t spills_in_loop =
      0;  // stores of spilled values in the main loop; what the schedule's tests look at
  std::size_t workspace_bytes = 0;  // of a row kernel: what a call needs

  // What tools call it.
  [[nodiscard]] std::string symbol() const { return "sluice:" + name; }
};

}  // namespace sluice::object
