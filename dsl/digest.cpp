#include "dsl/digest.hpp"

#include <cstdint>
#include <string>

#include "dsl/print.hpp"

namespace sluice::dsl {
namespace {

// The prime 2^88 + 0x13b and the offset basis of FNV's 128-bit form.
constexpr std::uint64_t kPrimeLow = 0x13b;
constexpr unsigned kPrimeShift = 88;
constexpr Digest kBasis{0x6c62272e07bb0142, 0x62b821756295c58d};

Digest times_prime(Digest h) {
  // low * 0x13b in two halves of 32 bits, for the carry into the high word.
  const std::uint64_t bottom = (h.low & 0xffffffffU) * kPrimeLow;
  const std::uint64_t top = (h.low >> 32U) * kPrimeLow + (bottom >> 32U);
  const std::uint64_t low = (top << 32U) | (bottom & 0xffffffffU);
  const std::uint64_t high = h.high * kPrimeLow + (top >> 32U) + (h.low << (kPrimeShift - 64));
  return {high, low};
}

Digest continued(Digest h, std::string_view text) {
  for (const char c : text) {
    h.low ^= static_cast<unsigned char>(c);
    h = times_prime(h);
  }
  return h;
}

Digest continued(Digest h, const Digest& other) {
  for (const std::uint64_t word : {other.high, other.low}) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
      h.low ^= (word >> shift) & 0xffU;
      h = times_prime(h);
    }
  }
  return h;
}

}  // namespace

Digest digest_of(std::string_view text) { return continued(kBasis, text); }

Digest digest_of(const FunctionDef& function, const Program& program) {
  Digest h = digest_of(print(function, program, {.documentation = false}));
  for (const Expr& e : function.expressions) {
    if (e.kind == ExprKind::call) h = continued(h, program.function(e.callee).digest);
  }
  return h;
}

}  // namespace sluice::dsl
