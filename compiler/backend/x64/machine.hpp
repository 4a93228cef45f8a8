// What of a target and a compute type the back end's steps need to know, and the constant pool laid
// out for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace sluice::x64 {

// k0 to k7; k0 can't serve as a mask.
inline constexpr int kMaskRegisters = 8;

struct Machine {
  bool avx512 = false;
  bool wide = false;  // f64 lanes

  [[nodiscard]] constexpr std::uint32_t vector_bytes() const { return avx512 ? 64 : 32; }
  [[nodiscard]] constexpr std::uint32_t lane_bytes() const { return wide ? 8 : 4; }
  [[nodiscard]] constexpr std::uint32_t lanes() const { return vector_bytes() / lane_bytes(); }
  [[nodiscard]] constexpr int vector_registers() const { return avx512 ? 32 : 16; }
};

// Bytes that follow the code. AVX-512 repeats one element in all lanes by itself; for AVX2 it is
// stored repeated.
class Pool {
 public:
  explicit Pool(Machine machine) : machine_(machine) { bytes_.reserve(512); }

  std::uint32_t add_constant(std::uint64_t bits) {
    const std::uint32_t copies = machine_.avx512 ? 1 : machine_.lanes();
    const std::uint32_t place =
        reserve(machine_.lane_bytes() * copies, machine_.lane_bytes() * copies);
    for (std::uint32_t i = 0; i < copies; ++i) put(place, i, bits);
    return place;
  }

  // Room for `count` lanes, aligned to a register.
  std::uint32_t add_lanes(std::uint32_t count) {
    return reserve(count * machine_.lane_bytes(), machine_.vector_bytes());
  }
  void put(std::uint32_t place, std::uint32_t lane, std::uint64_t bits) {
    std::memcpy(bytes_.data() + place + std::size_t{lane} * machine_.lane_bytes(), &bits,
                machine_.lane_bytes());
  }

  [[nodiscard]] const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  std::uint32_t reserve(std::uint32_t size, std::uint32_t alignment) {
    const std::size_t place = (bytes_.size() + alignment - 1) / alignment * alignment;
    bytes_.resize(place + size);
    return static_cast<std::uint32_t>(place);
  }

  Machine machine_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace sluice::x64
