// What a program's handle refers to.
#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include <sluice/program.hpp>

struct sluice_program {
  explicit sluice_program(sluice::Program of) : program(std::move(of)) {}

  // Described when first asked for: most programs never are.
  [[nodiscard]] const std::vector<sluice::FunctionInfo>& functions() const {
    const std::lock_guard lock(describing_);
    if (functions_.empty()) functions_ = program.functions();
    return functions_;
  }

  const sluice::Program program;

 private:
  mutable std::mutex describing_;
  mutable std::vector<sluice::FunctionInfo> functions_;
};
