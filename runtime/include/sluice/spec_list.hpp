// Lists of kernel specs as text, one spec a line: what is to be compiled before it is asked for.
//
//   # FUNCTION [PASS] OPERAND... [OPTION=VALUE]...
//   gelu f32[4096] f32[4096]
//   softmax backward x:bf16[8,1000] grad_y:bf16[8,1000] dx:bf16[8,1000] param.temperature=0.5
//   cross_entropy x:f32[8,1000] target:i64[8] loss:f32[] reduction=mean passed=label_smoothing
//   silu i8[64]*0.05+3 f16[64] target=x86-64-v3
//
// Words are set apart by blanks; from a # that begins a word the line is a comment. PASS is
// forward, the default, backward or forward_backward. An operand is [NAME:]TYPE[LENGTHS], in the
// order of KernelSpec::operands, of i8 and u8 followed by *SCALE and, where it is not 0, + or - and
// the zero point. The options are KernelSpec's fields: param.NAME=NUMBER, passed=NAME,...,
// gradients=NAME,..., axis=N, reduction=none|sum|mean, empty=nan|zero, split=NAME,FIRST,SECOND,
// saved=inputs|outputs|auto, accumulate=0|1, check_indices=0|1, accuracy=NUMBER, target=NAME,
// denied=RUNG,...
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include <sluice/spec.hpp>
#include <sluice/status.hpp>

namespace sluice {

struct ListedSpec {
  KernelSpec spec;
  std::size_t line = 0;  // from 1 on
};

// Errors: `invalid_source`, which names `name`, the line and the word. That there is such a
// function and that it takes such operands is for the compiler to say.
[[nodiscard]] Result<std::vector<ListedSpec>> read_specs(std::string_view text,
                                                         std::string_view name = "text");

}  // namespace sluice
