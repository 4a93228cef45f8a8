// Lists of specs as text, and runtimes that compile them.
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

#include "tests/unit/runtime/disk_cases.hpp"

namespace sluice {
namespace {

using Catch::Matchers::Contains;

TEST_CASE("specs are read line by line", "[runtime]") {
  const auto specs = read_specs(R"(# what a model needs
gelu f32[4096] f32[]   # twice

softmax backward x:bf16[8,1000] dx:bf16[8,1000] param.temperature=0.5 passed=scale,cap axis=0
mse	f64[3] accumulate=1 check_indices=0 accuracy=1e-3 target=x86-64-v3 denied=llvm,interpreter
glu x:f32[2,8] split=x,gate,up reduction=mean empty=zero saved=auto gradients=x
silu i8[64]*5e-2+3 u8[64]*0.5-128 i8[]*1E-3
)",
                                "list");
  if (!specs.ok()) FAIL(specs.error().message);
  REQUIRE(specs->size() == 5);
  const KernelSpec& gelu = (*specs)[0].spec;
  CHECK((*specs)[0].line == 2);
  CHECK(gelu.function == "gelu");
  CHECK(gelu.pass == forward);
  REQUIRE(gelu.operands.size() == 2);
  CHECK(gelu.operands[0].shape == std::vector<std::int64_t>{4096});
  CHECK(gelu.operands[1].shape.empty());
  const KernelSpec& softmax = (*specs)[1].spec;
  CHECK((*specs)[1].line == 4);
  CHECK(softmax.pass == backward);
  CHECK(softmax.operands[1].name == "dx");
  CHECK(softmax.operands[1].dtype == Dtype::bf16);
  CHECK(softmax.operands[1].shape == std::vector<std::int64_t>{8, 1000});
  CHECK(softmax.parameters.at(0).name == "temperature");
  CHECK(softmax.parameters.at(0).value == 0.5);
  CHECK(softmax.passed == std::vector<std::string>{"scale", "cap"});
  CHECK(softmax.axis == 0);
  const KernelSpec& mse = (*specs)[2].spec;
  CHECK(mse.accumulate);
  CHECK_FALSE(mse.check_indices);
  CHECK(mse.accuracy == 1e-3);
  CHECK(mse.target == "x86-64-v3");
  CHECK(mse.denied == std::vector<Rung>{Rung::llvm, Rung::interpreter});
  const KernelSpec& glu = (*specs)[3].spec;
  CHECK(glu.split->second == "up");
  CHECK(glu.reduction == Reduction::mean);
  CHECK(glu.empty == Empty::zero);
  CHECK(glu.saved == Saved::automatic);
  CHECK(glu.gradients == std::vector<std::string>{"x"});
  const KernelSpec& silu = (*specs)[4].spec;
  CHECK(silu.operands[0].quantisation->scale == 5e-2);
  CHECK(silu.operands[0].quantisation->zero_point == 3);
  CHECK(silu.operands[1].quantisation->zero_point == -128);
  CHECK(silu.operands[2].quantisation->scale == 1e-3);
  CHECK(silu.operands[2].quantisation->zero_point == 0);
  CHECK(read_specs("")->empty());
  CHECK(read_specs("\n\r\n # nothing")->empty());
}

TEST_CASE("words that are no spec's name their line", "[runtime]") {
  const auto refused = [](const std::string& line) {
    const auto specs = read_specs("gelu f32[1] f32[1]\n" + line, "list");
    REQUIRE(!specs.ok());
    CHECK(name(specs.error().status) == "invalid_source");
    CHECK_THAT(specs.error().message, Contains("list:2: "));
    return specs.error().message;
  };
  CHECK_THAT(refused("gelu f32"), Contains("'f32' is no operand"));
  CHECK_THAT(refused("gelu f33[2]"), Contains("'f33' is no element type"));
  CHECK_THAT(refused("gelu f32[2,x]"), Contains("'x' is no length"));
  CHECK_THAT(refused("gelu f32[-2]"), Contains("'-2' is no length"));
  CHECK_THAT(refused("gelu f32[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"), Contains("16 dimensions"));
  CHECK_THAT(refused("gelu f32]2["), Contains("no operand"));
  CHECK_THAT(refused("gelu i8[2]+3"), Contains("no quantisation"));
  CHECK_THAT(refused("gelu i8[2]*"), Contains("no quantisation"));
  CHECK_THAT(refused("gelu i8[2]*1+99999999999"), Contains("no quantisation"));
  CHECK_THAT(refused("gelu f32[2] forward"), Contains("'forward' is no operand"));
  CHECK_THAT(refused("gelu f32[2] axes=1"), Contains("'axes' is no option"));
  CHECK_THAT(refused("gelu f32[2] axis=one"), Contains("'one' is no number"));
  CHECK_THAT(refused("gelu f32[2] param.s="), Contains("'' is no number"));
  CHECK_THAT(refused("gelu f32[2] reduction=max"), Contains("none of none, sum, mean"));
  CHECK_THAT(refused("gelu f32[2] split=x,y"), Contains("no split"));
  CHECK_THAT(refused("gelu f32[2] denied=gpu"), Contains("'gpu' is no rung"));
}

TEST_CASE("a runtime compiles what a file lists", "[runtime]") {
  const Folder folder;
  const std::string path = folder.path() + "/list.txt";
  std::ofstream(path) << "gelu f32[64] f32[64]\n"
                         "gello f32[64] f32[64]\n"
                         "softmax bf16[8,1000] bf16[8,1000]\n"
                         "gelu f32[32] f32[32]  # the same kernel\n"
                         "gelu f32[32]\n";
  Runtime runtime;
  const Outcome outcome = runtime.prewarm_file(path);
  REQUIRE(!outcome.ok());
  CHECK(name(outcome.error().status) == "unknown_function");
  CHECK_THAT(outcome.error().message, Contains(path + ":2: ") && Contains("gello"));
  CHECK(runtime.counters().entries == 2);
  const Dtype bf16 = Dtype::bf16;
  CHECK(runtime.compile({.function = "softmax", .operands = {{bf16, {3, 1000}}, {bf16, {3, 1000}}}})
            .ok());
  CHECK(runtime.counters().compiles == 2);

  std::ofstream(path) << "gelu f32[64] f32[64]\nrelu f32[64 f32[64]\n";
  Runtime other;
  CHECK(name(other.prewarm_file(path).error().status) == "invalid_source");
  CHECK(other.counters().entries == 0);  // a text that can't be read is none
  CHECK(name(other.prewarm_file(folder.path() + "/none").error().status) == "io_error");
  CHECK(name(other.prewarm_file(folder.path()).error().status) == "io_error");
}

}  // namespace
}  // namespace sluice
