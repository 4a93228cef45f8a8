// The form of an entry of the disk store: a key, what is kept under it, and what tells whether both
// are whole and this library's.
//
//   magic, checksum | format, build | words of the key, payload
// The checksum is of all that follows it. An entry belongs to the build of the library that wrote
// it, by a digest of its sources: no other one reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice {

using Words = std::span<const std::uint64_t>;

// What is found under a key's name.
enum class Standing : std::uint8_t {
  sound,
  damaged,      // bits are wrong, or some are missing or too many
  other_build,  // written by another version of the library
  other_key,    // it stands under a name that is not its key's
};

// 32 hexadecimal digits: a digest of the key and the build.
[[nodiscard]] std::string entry_name(Words key);

[[nodiscard]] std::vector<std::uint8_t> to_entry(Words key, std::span<const std::uint8_t> payload);

struct DiskEntry {
  Standing standing = Standing::damaged;
  std::vector<std::uint64_t> key;     // of a sound one
  std::vector<std::uint8_t> payload;  // likewise
};
// Takes any bytes. Sound is what `name` is the key's name of.
[[nodiscard]] DiskEntry read_entry(std::string_view name, std::span<const std::uint8_t> bytes);

}  // namespace sluice
