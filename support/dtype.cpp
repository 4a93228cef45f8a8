#include <sluice/dtype.hpp>

#include <array>

namespace sluice {
namespace {

struct Row {
  Dtype dtype;
  std::string_view name;
  std::size_t size;
};

// In the order of the enumeration, which indexes it.
constexpr std::array<Row, 9> kDtypes{{{Dtype::f32, "f32", 4},
                                      {Dtype::f64, "f64", 8},
                                      {Dtype::f16, "f16", 2},
                                      {Dtype::bf16, "bf16", 2},
                                      {Dtype::i8, "i8", 1},
                                      {Dtype::u8, "u8", 1},
                                      {Dtype::i32, "i32", 4},
                                      {Dtype::i64, "i64", 8},
                                      {Dtype::boolean, "bool", 1}}};

const Row& row(Dtype dtype) { return kDtypes[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::string_view name(Dtype dtype) { return row(dtype).name; }

std::optional<Dtype> dtype_from_name(std::string_view text) {
  for (const Row& entry : kDtypes)
    if (entry.name == text) return entry.dtype;
  return std::nullopt;
}

bool is_floating(Dtype dtype) {
  return dtype == Dtype::f32 || dtype == Dtype::f64 || dtype == Dtype::f16 || dtype == Dtype::bf16;
}

bool is_quantised(Dtype dtype) { return dtype == Dtype::i8 || dtype == Dtype::u8; }

IntegerRange range_of(Dtype quantised) {
  return quantised == Dtype::i8 ? IntegerRange{-128, 127} : IntegerRange{0, 255};
}

std::size_t size_of(Dtype dtype) { return row(dtype).size; }

}  // namespace sluice
