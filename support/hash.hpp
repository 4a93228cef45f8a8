// Mixing of 64-bit words: for hash tables and for keys held in memory. Not for data that leaves the
// process.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice {

// A function of both words whose bits all depend on all bits of them (the finaliser of SplitMix64;
// Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014, applied to a product
// of the seed and a value).
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
  std::uint64_t x = (seed + 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu ^ value;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Of a list: a multiplication a word, in two chains that a processor follows at once, and one mix.
[[nodiscard]] constexpr std::uint64_t mix(std::span<const std::uint64_t> words) {
  std::uint64_t even = words.size(), odd = 0;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    even = (std::rotl(even, 29) ^ words[i]) * 0x9e3779b97f4a7c15u;
    if (i + 1 < words.size()) odd = (std::rotl(odd, 29) ^ words[i + 1]) * 0xbf58476d1ce4e5b9u;
  }
  return mix(even, odd);
}

}  // namespace sluice
