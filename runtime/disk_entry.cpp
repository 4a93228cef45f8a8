#include "runtime/disk_entry.hpp"

#include <array>
#include <cstring>
#include <string_view>
#include <tuple>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "support/build_digest.hpp"
#include "support/bytes.hpp"

namespace sluice {
namespace {

// "sluice" and what no text has.
constexpr std::array<std::uint8_t, 8> kMagic = {0x93, 's', 'l', 'u', 'i', 'c', 'e', 0x0a};
constexpr std::uint32_t kFormat = 1;

using Checksum = std::array<std::uint8_t, 16>;
constexpr std::size_t kBody = kMagic.size() + std::tuple_size_v<Checksum>;

struct Body {
  std::uint32_t format = kFormat;
  std::vector<std::uint8_t> build;
  std::vector<std::uint64_t> key;
  std::vector<std::uint8_t> payload;
};
constexpr auto fields(Type<Body>) {
  return std::tuple(&Body::format, &Body::build, &Body::key, &Body::payload);
}

Checksum checksum_of(std::span<const std::uint8_t> bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  Checksum checksum;
  static_assert(sizeof canonical == sizeof checksum);
  std::memcpy(checksum.data(), &canonical, sizeof checksum);
  return checksum;
}

std::vector<std::uint8_t> this_build() {
  const std::string_view digest = build_digest();
  return {digest.begin(), digest.end()};
}

}  // namespace

std::string entry_name(Words key) {
  std::vector<std::uint8_t> bytes = this_build();
  const std::size_t at = bytes.size();
  bytes.resize(at + key.size_bytes());
  if (!key.empty()) std::memcpy(bytes.data() + at, key.data(), key.size_bytes());
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string name;
  for (const std::uint8_t byte : checksum_of(bytes)) {
    name += kDigits[byte >> 4];
    name += kDigits[byte & 15u];
  }
  return name;
}

std::vector<std::uint8_t> to_entry(Words key, std::span<const std::uint8_t> payload) {
  const std::vector<std::uint8_t> body = to_bytes(
      Body{kFormat, this_build(), {key.begin(), key.end()}, {payload.begin(), payload.end()}});
  const Checksum checksum = checksum_of(body);
  std::vector<std::uint8_t> entry(kBody + body.size());
  std::memcpy(entry.data(), kMagic.data(), kMagic.size());
  std::memcpy(entry.data() + kMagic.size(), checksum.data(), checksum.size());
  std::memcpy(entry.data() + kBody, body.data(), body.size());
  return entry;
}

DiskEntry read_entry(std::string_view name, std::span<const std::uint8_t> bytes) {
  if (bytes.size() < kBody || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
    return {Standing::damaged, {}, {}};
  const std::span<const std::uint8_t> rest = bytes.subspan(kBody);
  const Checksum checksum = checksum_of(rest);
  if (std::memcmp(bytes.data() + kMagic.size(), checksum.data(), checksum.size()) != 0)
    return {Standing::damaged, {}, {}};
  Body body;
  // What stands behind the format is this format's alone.
  std::uint32_t format = 0;
  if (rest.size() < sizeof format) return {Standing::damaged, {}, {}};
  std::memcpy(&format, rest.data(), sizeof format);
  if (format != kFormat) return {Standing::other_build, {}, {}};
  if (!from_bytes(rest, body)) return {Standing::damaged, {}, {}};
  if (body.build != this_build()) return {Standing::other_build, {}, {}};
  if (entry_name(body.key) != name) return {Standing::other_key, {}, {}};
  return {Standing::sound, std::move(body.key), std::move(body.payload)};
}

}  // namespace sluice
