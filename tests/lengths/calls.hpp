// Calls of a kernel on parts of a table of inputs, each buffer where the caller wants it, with
// every byte around the buffers watched.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sluice/kernel.hpp>

#include "tests/unit/x64/kernel_check.hpp"

namespace sluice::lengths {

inline constexpr std::size_t kLongest = 65;

using Bytes = std::vector<std::uint8_t>;

// The inputs and gradients that a kernel reads, in order, and what it must write for them: a
// column's bytes each.
struct Table {
  std::size_t rows = 0;
  std::vector<Bytes> read;
  std::vector<Bytes> written;
};

// Which rows a call is for, and where its buffers lie.
struct Call {
  std::size_t first = 0;
  std::size_t count = 0;
  bool at_page_end = false;  // every buffer ends where a page begins that may not be touched
  // Bytes of the first buffer read and of the first written past a multiple of 64; further ones
  // stray from these by whole elements.
  std::size_t read_offset = 0;
  std::size_t written_offset = 0;
};

// Fills in `written` by one call for all rows.
void write_expected(const Kernel& kernel, Table& table);

// The memory of a kernel's buffers; made once, since each lies before a page of its own.
class Caller {
 public:
  Caller(const Kernel& kernel, const Table& table);

  // What is wrong after the call: an element, a byte outside of the buffers, a changed input.
  [[nodiscard]] std::optional<std::string> run(const Call& call);

 private:
  struct Buffer {
    std::uint8_t* memory;
    const Bytes* column;
    std::size_t size;  // of an element
    bool output;
    std::size_t begin = 0;  // of the buffer, within the memory
  };
  void place(const Call& call);
  [[nodiscard]] std::optional<std::string> check(const Buffer& buffer, const Call& call) const;

  const Kernel& kernel_;
  std::vector<x64::check::GuardedBuffer> guarded_;
  std::vector<Buffer> buffers_;
  std::vector<void*> pointers_;
};

}  // namespace sluice::lengths
