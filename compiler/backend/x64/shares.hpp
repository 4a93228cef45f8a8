// How many vectors a round of the loop takes, and which of them divide by the divider.
#pragma once

#include "compiler/backend/x64/code.hpp"

namespace sluice::x64 {

struct Shares {
  int copies = 1;
  int sequences = 0;  // copies that go by Way::sequence
};

// The copies that cost least, at most `limit` of them.
[[nodiscard]] Shares share(const Block& block, int limit = 4);

// Leaves Way::divider alone.
void drop_sequences(Block& block);

}  // namespace sluice::x64
