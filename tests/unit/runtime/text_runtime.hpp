// Kernels of a test's own functions.
#pragma once

#include <cstdlib>

#include <catch2/catch.hpp>

#include <sluice/sluice.hpp>

namespace sluice {

// A runtime that knows the functions of `text`, to be kept in a static: it lives as long as the
// program.
inline Runtime& runtime_of(const char* text) {
  auto* made = new Runtime;
  if (!made->define(text).ok()) std::abort();
  return *made;
}

// Fails the test where the spec has no kernel.
inline Kernel compiled_by(Runtime& runtime, const KernelSpec& spec) {
  auto kernel = runtime.compile(spec);
  if (!kernel.ok()) FAIL(kernel.error().message);
  return *kernel;
}

}  // namespace sluice
