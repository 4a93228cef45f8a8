#include <catch2/catch.hpp>

#include "compiler/driver/stages.hpp"
#include "compiler/numerics/grade.hpp"

using namespace sluice;

namespace {

using driver::Role;
using numerics::Grade;

driver::Request request(std::vector<driver::Operand> operands, Grade grade = Grade::full) {
  driver::Request request;
  request.operands = std::move(operands);
  request.grade = grade;
  return request;
}

constexpr double kF16 = numerics::storage_bound(Dtype::f16);
constexpr double kBF16 = numerics::storage_bound(Dtype::bf16);

TEST_CASE("results of 16 bits may be a hundredth of their ulp off", "[driver]") {
  CHECK(kF16 == 0.01 * 0x1p-10);
  CHECK(kBF16 == 0.01 * 0x1p-7);
  CHECK(driver::allowed_error(
            request({{Role::input, 0, Dtype::f16}, {Role::output, 0, Dtype::f16}})) == kF16);
  CHECK(driver::allowed_error(
            request({{Role::input, 0, Dtype::f32}, {Role::output, 0, Dtype::bf16}})) == kBF16);
  CHECK(driver::allowed_error(
            request({{Role::input, 0, Dtype::f16}, {Role::output, 0, Dtype::f32}})) == 0);
}

TEST_CASE("the strictest of all results counts", "[driver]") {
  CHECK(driver::allowed_error(request({{Role::input, 0, Dtype::bf16},
                                       {Role::output_gradient, 0, Dtype::f32},
                                       {Role::output, 0, Dtype::bf16},
                                       {Role::input_gradient, 0, Dtype::f16}})) == kF16);
  CHECK(driver::allowed_error(request({{Role::input, 0, Dtype::bf16},
                                       {Role::output, 0, Dtype::bf16},
                                       {Role::parameter_gradient, 0, Dtype::f32}})) == 0);
}

TEST_CASE("a grade is not made stricter, and rows keep to theirs", "[driver]") {
  const std::vector<driver::Operand> operands{{Role::input, 0, Dtype::f16},
                                              {Role::output, 0, Dtype::f16}};
  CHECK(driver::allowed_error(request(operands, Grade::r20)) == kF16);
  CHECK(driver::allowed_error(request(operands, Grade::r12)) == 0x1p-12);
  driver::Request rows = request(operands);
  rows.row = driver::RowShape{};
  CHECK(driver::allowed_error(rows) == 0);
}

}  // namespace
