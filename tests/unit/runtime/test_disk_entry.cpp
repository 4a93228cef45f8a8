#include <cstring>

#include <catch2/catch.hpp>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "runtime/disk_entry.hpp"

namespace sluice {
namespace {

constexpr std::size_t kBody = 24;  // behind the magic and the checksum

const std::vector<std::uint64_t> kKey = {1, 2, 3};
const std::vector<std::uint8_t> kPayload = {7, 8, 9};

Standing standing(const std::vector<std::uint8_t>& entry) {
  return read_entry(entry_name(kKey), entry).standing;
}

// As another writer would have made it.
std::vector<std::uint8_t> with_body_byte(std::size_t at, std::uint8_t change) {
  std::vector<std::uint8_t> entry = to_entry(kKey, kPayload);
  entry[kBody + at] ^= change;
  XXH128_canonical_t checksum;
  XXH128_canonicalFromHash(&checksum, XXH3_128bits(entry.data() + kBody, entry.size() - kBody));
  std::memcpy(entry.data() + 8, &checksum, sizeof checksum);
  return entry;
}

TEST_CASE("an entry is read by its own name alone", "[runtime]") {
  const auto entry = to_entry(kKey, kPayload);
  const DiskEntry read = read_entry(entry_name(kKey), entry);
  CHECK(read.standing == Standing::sound);
  CHECK(read.key == kKey);
  CHECK(read.payload == kPayload);
  const std::vector<std::uint64_t> other = {1, 2, 4};
  CHECK(read_entry(entry_name(other), entry).standing == Standing::other_key);
  CHECK(entry_name(kKey).size() == 32);
}

TEST_CASE("every flipped bit and every length but the right one is seen", "[runtime]") {
  const auto entry = to_entry(kKey, kPayload);
  for (std::size_t bit = 0; bit < entry.size() * 8; ++bit) {
    auto flipped = entry;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    CHECK(standing(flipped) == Standing::damaged);
  }
  for (std::size_t size = 0; size < entry.size(); ++size)
    CHECK(standing({entry.begin(), entry.begin() + static_cast<std::ptrdiff_t>(size)}) ==
          Standing::damaged);
  auto longer = entry;
  longer.push_back(0);
  CHECK(standing(longer) == Standing::damaged);
}

TEST_CASE("an entry of another build or a newer form is not read", "[runtime]") {
  CHECK(standing(with_body_byte(0, 0)) == Standing::sound);
  CHECK(standing(with_body_byte(0, 2)) == Standing::other_build);       // the format
  CHECK(standing(with_body_byte(4 + 8, 1)) == Standing::other_build);   // the build's digest
  CHECK(standing(with_body_byte(4 + 8 + 32, 8)) == Standing::damaged);  // the key's length
  CHECK(standing(with_body_byte(4 + 8 + 32 + 8, 8)) == Standing::other_key);
}

}  // namespace
}  // namespace sluice
