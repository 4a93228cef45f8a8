// Row functions, those of the library and texts that bring every reduction: each way to run them
// gives the interpreter's bits, whatever the length of a row.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <iostream>

#include "dsl/program.hpp"
#include "rows.hpp"

using namespace sluice;

namespace {

constexpr const char* kTexts = R"(
fn naive(x; scale = 1) {
  let t = exp(scale * x)
  t / row_sum(t)
}
fn log_of_sum(x) -> (y: row) = row_logsumexp(x)
fn with_sink(x, s: row) = row_softmax(x, s)
fn loss(x, target: index) -> (loss: row, lse: row, correct: mask) {
  let l = row_logsumexp(x)
  (l - at(x, target), l, row_argmax(x) == target)
}
fn normalized(x, weight; eps = 1e-5) {
  let m = row_mean(x)
  let c = x - m
  c * rsqrt(row_mean(c^2) + eps) * weight
}
fn causal(x; offset: int = 0) = row_softmax(if col() <= row() + offset then x else -inf)
fn to_length(x, length: index) = row_softmax(if col() < length then x else -inf)
fn windowed(x, length: index) = row_softmax(if col() < length and col() > 3 then x else -inf)
fn of_prefix(x, end: index) -> (sum: row, most: row, product: row, first: index) =
  (row_sum(if col() < end then x else 0), row_max(if col() < end then x else -inf),
   row_prod(if col() < end then 1 + x / 64 else 1),
   row_argmax(if col() < end then x else -inf))
fn of_zeros(x, end: index) -> (y: row, z: row) =
  (1 / row_sum(if col() < end then -0.0 * x * x else 0), 1 / row_sum(if col() > end then 0 else -0.0))
fn masked(x, open: mask) = row_softmax(if open then x else -inf)
fn extremes(x) -> (most: row, least: row, first: index) = (row_max(x), row_min(x), row_argmax(x))
fn product(x) -> (y: row) = row_prod(1 + x / 64)
fn tests(x) -> (some: mask, every: mask) = (row_any(x > 2), row_all(x > -8))
fn at_softmax(x, i: index) -> (y: row) = at(row_softmax(x), i)
fn hard(x) = if col() == row_argmax(x) then 1 else 0
fn centred_twice(x) {
  let a = x - row_mean(x)
  let b = abs(a) - row_max(abs(a))
  row_softmax(b) * width()
}
fn after(x, bias) = silu(row_softmax(x) + bias) - row_logsumexp(x * x)
)";

std::uint64_t seed() {
  const char* text = std::getenv("SLUICE_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device{}();
}

// Of short rows more than two vectors of lanes: where they lie across, code takes several at once.
std::int64_t rows_of(std::int64_t columns, std::mt19937_64& random) {
  if (columns > 4096) return 2;
  return 1 + static_cast<std::int64_t>(random() % (columns > 300 ? 5 : 40));
}

void check(const dsl::Program& program, dsl::FunctionId id, std::mt19937_64& random,
           std::span<const std::int64_t> lengths, Dtype dtype, std::vector<std::string>& ran) {
  for (const Pass pass : {Pass::forward, Pass::backward, Pass::forward_backward}) {
    const driver::Request request =
        differential::row_request(program, id, pass, dtype, random() % 2 == 0);
    const bool writes =
        std::any_of(request.operands.begin(), request.operands.end(),
                    [](const auto& operand) { return !driver::is_source(operand.role); });
    const bool has_gradient =
        std::any_of(request.operands.begin(), request.operands.end(), [](const auto& operand) {
          return operand.role == driver::Role::output_gradient;
        });
    if (!writes || (pass != Pass::forward && !has_gradient)) continue;
    for (const std::int64_t columns : lengths) {
      const std::int64_t rows = rows_of(columns, random);
      const differential::RowData data = differential::random_rows(request, rows, columns, random);
      const differential::RowOutputs expected = differential::interpret_rows(request, data);
      INFO(program.function(id).name << " " << name(pass) << " " << name(dtype) << ", " << rows
                                     << " rows of " << columns);
      REQUIRE_FALSE(expected.empty());
      const auto found = differential::row_disagreement(request, data, expected, ran);
      INFO(found.value_or(""));
      CHECK_FALSE(found.has_value());
    }
  }
}

std::vector<std::int64_t> some_lengths(std::mt19937_64& random) {
  constexpr std::int64_t kEdges[] = {1,   2,   15,  16,  17,   63,   64,   65,   128,
                                     255, 257, 511, 513, 4095, 4096, 4097, 8192, 12289};
  std::vector<std::int64_t> lengths;
  for (int i = 0; i < 3; ++i) lengths.push_back(kEdges[random() % std::size(kEdges)]);
  lengths.push_back(1 + static_cast<std::int64_t>(random() % 300));
  return lengths;
}

}  // namespace

TEST_CASE("row functions have the same bits however they are run", "[differential]") {
  const std::uint64_t start = seed();
  INFO("SLUICE_SEED=" << start);
  std::mt19937_64 random(start);
  const auto parsed = dsl::parse(kTexts, "rows", &dsl::standard_library());
  REQUIRE(parsed.ok());
  std::vector<std::string> ran;
  const dsl::Program& program = parsed->program;
  for (std::size_t i = 0; i < program.size(); ++i) {
    const auto id = static_cast<dsl::FunctionId>(i);
    const dsl::FunctionDef& function = program.function(id);
    if (!function.row_wise || function.is_builtin) continue;
    for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::f16, Dtype::bf16})
      check(program, id, random, some_lengths(random), dtype, ran);
  }
  for (const std::string& way : ran) std::cout << "rows ran: " << way << "\n";
}
