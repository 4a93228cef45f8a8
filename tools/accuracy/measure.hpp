// Measures a subject over sets of points, against its promise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <sluice/status.hpp>

#include "tools/accuracy/crossings.hpp"
#include "tools/accuracy/kernel.hpp"
#include "tools/accuracy/reference.hpp"

namespace sluice::accuracy {

// Columns of inputs, one vector an input; the points are the rows.
using Points = std::vector<std::vector<double>>;
// Fills in the next points; none when there are no more.
using PointSource = std::function<Points()>;

struct Worst {
  double ulps = 0;
  std::vector<double> inputs;
  double got = 0;
  long double truth = 0;
};

struct Measurement {
  std::uint64_t points = 0;
  std::uint64_t by_interpolation = 0;  // of these between values of the reference (interpolate.hpp)
  std::uint64_t by_second_level = 0;
  std::uint64_t beyond = 0;  // points that break the promise
  double sum = 0;            // of all finite errors, in ulps
  Worst worst;               // outside zero crossings
  Worst worst_beyond;        // of these
};

struct Promise {
  double ulps;
  bool zero_crossings = false;  // whether their rule applies
  double at_crossings = 1;      // what it allows, as a multiple of the contract's
};

// What a definition promises: its @ulp for f32, the contract's for the other types (numerics.md);
// of a cheaper kernel, what its grade does (compiler/numerics/grade.hpp); in the family without fma
// twice all that. Nothing without @ulp, or for 16 bits with @terms.
[[nodiscard]] std::optional<Promise> promise_of(const dsl::FunctionDef& definition, Dtype dtype,
                                                bool derivative,
                                                numerics::Grade grade = numerics::Grade::full,
                                                Family family = Family::fma);

// What is measured, compiled: shared by the threads that measure it.
class Measuring {
 public:
  // Errors: those of compiling.
  [[nodiscard]] static Result<Measuring> prepare(const Subject& subject, const Promise& promise);

  // All points of a source, on this thread. Errors: those of the second level.
  [[nodiscard]] Result<Measurement> run(const PointSource& source) const;
  // The same for the numbers of the type whose bits are `first` and so on, below `end`, all of one
  // binade. In f32 most of them by interpolation; what is reported of the worst and
  // what is beyond the promise never is.
  [[nodiscard]] Result<Measurement> run_between(std::uint64_t first, std::uint64_t end) const;
  [[nodiscard]] const std::vector<ZeroCrossing>& crossings() const { return crossings_; }
  [[nodiscard]] const Subject& subject() const { return subject_; }

 private:
  Measuring(Subject subject, Promise promise, SubjectKernel kernel);

  Subject subject_;
  Promise promise_;
  SubjectKernel kernel_;
  std::vector<ZeroCrossing> crossings_;
};

// Adds what was measured at other points.
void merge(Measurement& into, const Measurement& part);

// On so many threads, with the same result for any number. Errors: those of compiling and of the
// second level.
[[nodiscard]] Result<Measurement> measure(const Subject& subject, const Promise& promise,
                                          const PointSource& source, unsigned threads = 1);

// Points for every input at once: half of them spread over all bit patterns, the others normal, the
// same ones for the same seed. `near` are points of interest, with the numbers next to them and
// small distances away, in every place.
[[nodiscard]] PointSource sampled_points(const Subject& subject, std::uint64_t count,
                                         std::uint64_t seed);
// Zeros, denormals, the smallest and largest numbers, inf, NaN, where functions saturate, and the
// neighbours of every literal of the text.
[[nodiscard]] std::vector<double> special_values(const Subject& subject);
// These for combinations of inputs: all, or some `most` of them, spread over all.
[[nodiscard]] PointSource
special_points(const Subject& subject, std::size_t most = std::numeric_limits<std::size_t>::max());
// The number that has these bits.
[[nodiscard]] double number_of(Dtype dtype, std::uint64_t pattern);
// The numbers of a type whose bits are `first` and so on, below `end`.
[[nodiscard]] PointSource points_between(Dtype dtype, std::uint64_t first, std::uint64_t end);

// "gelu', f32: 1.89 ulps at -0x1.51cabcp+0 (got ..., truth ...)"
[[nodiscard]] std::string describe(const Subject& subject, const Worst& worst);

}  // namespace sluice::accuracy
