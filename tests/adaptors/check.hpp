// What holds of a Parallel of any library: every task is done once, by no more threads than there
// are, and a call has the bits of the serial one.
#pragma once

#include <atomic>
#include <cstdio>
#include <string>
#include <vector>

#include <sluice/sluice.hpp>

inline bool each_once(const sluice::Parallel& parallel) {
  std::vector<std::atomic<int>> done(1000);
  parallel.for_each(done.size(), [&](std::size_t i) { ++done[i]; });
  for (const auto& each : done)
    if (each != 1) return false;
  return true;
}

// Rows, and one row of many blocks.
inline bool same_bits(const sluice::Parallel& parallel) {
  sluice::Runtime runtime;
  for (const auto& shape :
       {std::vector<std::int64_t>{64, 300}, std::vector<std::int64_t>{1, 100000}}) {
    const auto x = sluice::f32(shape);
    const auto kernel = runtime.compile({.function = "softmax", .operands = {x, x}});
    if (!kernel.ok()) return false;
    std::vector<float> in(static_cast<std::size_t>(shape[0] * shape[1]));
    for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i * 37 % 101) / 7;
    std::vector<float> serial(in.size()), shared(in.size());
    const auto views = [&](std::vector<float>& out) {
      return std::vector<sluice::TensorView>{
          {static_cast<const void*>(in.data()), sluice::Dtype::f32, shape},
          {static_cast<void*>(out.data()), sluice::Dtype::f32, shape}};
    };
    if (!kernel->call(views(serial)).ok() || !kernel->call(views(shared), {}, parallel).ok())
      return false;
    if (serial != shared) return false;
  }
  return true;
}

inline int check(const sluice::Parallel& parallel) {
  const bool good = parallel.threads >= 1 && each_once(parallel) && same_bits(parallel);
  std::printf("%zu threads: %s\n", parallel.threads, good ? "good" : "wrong");
  return good ? 0 : 1;
}
