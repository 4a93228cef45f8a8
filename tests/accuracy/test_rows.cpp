// What row functions promise (numerics, error contract): softmax and its family, normalised rows,
// cross-entropy and their gradients on six kinds of rows, against sums in long double, for f64 in
// MPFR. Prints, of each function and kind, the largest error as a part of what is allowed.
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <sluice/runtime.hpp>

#include "support/half.hpp"
#include "support/target.hpp"
#include "tools/accuracy/real.hpp"
#include "tools/accuracy/rows.hpp"
#include "tools/accuracy/ulp.hpp"

namespace {

using namespace sluice;
using accuracy::Real;

using Kind = accuracy::RowKind;
using accuracy::normals;
using accuracy::row_of;
const auto& kKinds = accuracy::kRowKinds;

// The type that a kernel has its operands in.
template <typename T>
constexpr Dtype kDtype = Dtype::f32;
template <>
constexpr Dtype kDtype<double> = Dtype::f64;
template <>
constexpr Dtype kDtype<F16> = Dtype::f16;
template <>
constexpr Dtype kDtype<BF16> = Dtype::bf16;

template <typename T>
std::vector<T> rounded(const std::vector<double>& row) {
  return {row.begin(), row.end()};
}
template <>
std::vector<F16> rounded(const std::vector<double>& row) {
  std::vector<F16> result;
  for (const double x : row) result.emplace_back(x);
  return result;
}
template <>
std::vector<BF16> rounded(const std::vector<double>& row) {
  std::vector<BF16> result;
  for (const double x : row) result.emplace_back(x);
  return result;
}

struct Which {
  const char* function;
  bool per_row = false;  // the output
  bool of_class = false;
  Pass pass = forward;
  const char* output = "y";
};
constexpr Which kSoftmax{"softmax"};
constexpr Which kLogSoftmax{"log_softmax"};
constexpr Which kLogsumexp{"logsumexp", true};
constexpr Which kLayerNorm{"layer_norm"};
constexpr Which kRmsNorm{"rms_norm"};
constexpr Which kCrossEntropy{"cross_entropy", true, true, forward, "loss"};
constexpr Which kSoftmaxGradient{"softmax", false, false, backward};
constexpr Which kLogSoftmaxGradient{"log_softmax", false, false, backward};
constexpr Which kCrossEntropyGradient{"cross_entropy", true, true, backward, "loss"};

std::string name(const Which& which) {
  return which.function + std::string(which.pass == backward ? "'" : "");
}

// What is given of one row: the class, and the gradients that come in; and what targets kernels are
// for.
struct Given {
  std::int64_t target = 0;
  std::vector<double> gradient;
  Family family = Family::fma;
};

// The output of one row, or the gradient of x.
template <typename T>
std::vector<T> run(Runtime& runtime, const Which& which, const std::vector<T>& x,
                   const Given& given) {
  const auto width = static_cast<std::int64_t>(x.size());
  const std::vector<std::int64_t> whole{width};
  const std::vector<std::int64_t> of_output = which.per_row ? std::vector<std::int64_t>{} : whole;
  const bool back = which.pass == backward;
  KernelSpec spec;
  spec.function = which.function;
  spec.pass = which.pass;
  spec.axis = 0;
  if (given.family != Family::fma) spec.target = to_string(Target{.family = given.family});
  std::vector<TensorView> views;
  const auto add = [&](auto* data, Dtype dtype, const std::vector<std::int64_t>& shape,
                       const std::string& operand) {
    spec.operands.push_back({dtype, shape, operand, {}});
    views.emplace_back(data, dtype, shape);
  };
  const std::vector<T> gradient = rounded<T>(given.gradient);
  std::vector<T> result(back || !which.per_row ? x.size() : 1);
  add(x.data(), kDtype<T>, whole, "x");
  if (which.of_class) add(&given.target, Dtype::i64, {}, "target");
  if (back) {
    add(gradient.data(), kDtype<T>, of_output, std::string("grad_") + which.output);
    add(result.data(), kDtype<T>, whole, "dx");
    spec.gradients = {"x"};
  } else {
    add(result.data(), kDtype<T>, of_output, which.output);
  }
  const Result<Kernel> kernel = runtime.compile(spec);
  INFO(name(which));
  if (!kernel.ok()) FAIL(kernel.error().message);
  const Outcome outcome = kernel->call(views);
  if (!outcome.ok()) FAIL(outcome.error().message);
  return result;
}

// Arithmetic of the reference: long double, or Real.
long double exponential(long double a) { return std::exp(a); }
long double logarithm(long double a) { return std::log(a); }
long double root(long double a) { return std::sqrt(a); }
long double plain(long double a) { return a; }
Real exponential(const Real& a) { return accuracy::computed(mpfr_exp, a); }
Real logarithm(const Real& a) { return accuracy::computed(mpfr_log, a); }
Real root(const Real& a) { return accuracy::computed(mpfr_sqrt, a); }
long double plain(const Real& a) { return a.rounded(); }

// A row's truth, and what the contract allows of each element, for numbers of a type.
template <typename N>
class Truth {
 public:
  Truth(const std::vector<double>& x, Given given, Dtype compute)
      : x_(x), given_(std::move(given)), format_(accuracy::format_of(compute)),
        unit_(accuracy::power_of_two(-format_.mantissa_bits)),
        denormal_(accuracy::ulp_of(format_, 0.0L)),
        greatest_(*std::max_element(x.begin(), x.end())) {
    for (const double one : x) {
      powers_.push_back(exponential(N(one) - N(greatest_)));
      sum_ = sum_ + powers_.back();
      mean_ = mean_ + N(one);
      magnitudes_ += std::abs(one);
      squares_ = squares_ + N(one) * N(one);
    }
    log_sum_ = logarithm(sum_);
    const N width(static_cast<double>(x.size()));
    mean_ = mean_ / width;
    magnitudes_ /= static_cast<long double>(x.size());
    squares_ = squares_ / width;
    for (const double one : x) {
      const N centered = N(one) - mean_;
      variance_ = variance_ + centered * centered / width;
    }
    if (given_.gradient.size() != x.size()) return;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const N g(given_.gradient[i]);
      weighted_ = weighted_ + softmax(i) * g;
      weighted_terms_ += plain(softmax(i)) * std::abs(plain(g));
      all_ = all_ + g;
      all_terms_ += std::abs(plain(g));
    }
  }

  struct Element {
    N truth;
    long double allowed;
  };
  [[nodiscard]] Element at(const Which& which, std::size_t i) const {
    const std::string function = which.function;
    if (which.pass == backward) return slope_at(function, i);
    if (function == "softmax") {
      const long double y = plain(softmax(i));
      return {softmax(i), (10 + away(i)) * unit_ * y + below_normal(y) * 2 * denormal_};
    }
    if (function == "log_softmax") {
      const N truth = N(x_[i]) - N(greatest_) - log_sum_;
      return {truth, 4 * ulp({std::abs(plain(truth)), away(i), log_sum(), 0.5L})};
    }
    if (function == "logsumexp") {
      const N truth = N(greatest_) + log_sum_;
      return {truth, 4 * ulp({std::abs(plain(truth)), std::abs(greatest_), log_sum(), 0.5L})};
    }
    if (function == "layer_norm") {
      const N r = N(1.0) / root(variance_ + N(epsilon(1e-5)));
      return {(N(x_[i]) - mean_) * r, 32 * unit_ * (std::abs(x_[i]) + magnitudes_) * plain(r)};
    }
    if (function == "rms_norm") {
      const N truth = N(x_[i]) / root(squares_ + N(epsilon(0x1p-23)));
      return {truth, 32 * unit_ * std::abs(plain(truth))};
    }
    // Of the logarithm 1/2 at least, as of log_softmax's.
    const auto target = static_cast<std::size_t>(given_.target);
    return {log_sum_ - (N(x_[target]) - N(greatest_)),
            (32 + away(target)) * unit_ * (away(target) + std::max(log_sum(), 0.5L))};
  }
  [[nodiscard]] long double away(std::size_t i) const {
    return static_cast<long double>(greatest_) - x_[i];
  }

 private:
  [[nodiscard]] Element slope_at(const std::string& function, std::size_t i) const {
    const N y = softmax(i);
    const long double part = plain(y);
    const N g(given_.gradient[given_.gradient.size() == 1 ? 0 : i]);
    const long double size = std::abs(plain(g));
    if (function == "softmax")
      return slope(y * (g - weighted_), i, part * (size + weighted_terms_), size + weighted_terms_);
    if (function == "log_softmax")
      return slope(g - y * all_, i, size + part * all_terms_, all_terms_);
    const bool here = static_cast<std::size_t>(given_.target) == i;
    return slope(g * (y - N(here ? 1.0 : 0.0)), i, size * (part + (here ? 1 : 0)), size);
  }
  // A softmax below the smallest normal number is 2 denormals off, times what it is multiplied by.
  [[nodiscard]] Element slope(const N& truth, std::size_t i, long double terms,
                              long double factor) const {
    const long double lost = below_normal(plain(softmax(i))) * 2 * denormal_ * factor;
    return {truth, (32 + away(i)) * unit_ * terms + lost + denormal_};
  }

  [[nodiscard]] N softmax(std::size_t i) const { return powers_[i] / sum_; }
  [[nodiscard]] long double log_sum() const { return plain(log_sum_); }
  [[nodiscard]] long double below_normal(long double y) const {
    return y < accuracy::power_of_two(format_.least_exponent) ? 1 : 0;
  }
  [[nodiscard]] long double ulp(std::initializer_list<long double> terms) const {
    return accuracy::ulp_of(format_, std::max(terms));
  }
  [[nodiscard]] double epsilon(double value) const {
    return format_.mantissa_bits == 53 ? value : static_cast<float>(value);
  }

  const std::vector<double>& x_;
  Given given_;
  accuracy::Format format_;
  long double unit_, denormal_;
  double greatest_;
  std::vector<N> powers_;
  N sum_{}, log_sum_{}, mean_{}, squares_{}, variance_{}, weighted_{}, all_{};
  long double magnitudes_ = 0, weighted_terms_ = 0, all_terms_ = 0;
};

struct Worst {
  long double part = 0;  // of what is allowed
  long double off = 0;
  std::size_t at = 0;
  long double away = 0;
};

// The largest error of a row; f16 and bf16 have their rounding besides.
template <typename T, typename N>
Worst worst_of(const std::vector<T>& got, const Truth<N>& truth, const Which& which) {
  Worst worst;
  for (std::size_t i = 0; i < got.size(); ++i) {
    auto element = truth.at(which, i);
    const N value(static_cast<double>(got[i]));
    if (sizeof(T) == 2) {
      const bool alone = which.pass == forward && which.function == std::string("softmax");
      if (alone && truth.away(i) >= 16) continue;
      const long double last =
          accuracy::ulp_of(accuracy::format_of(kDtype<T>), plain(element.truth));
      element.allowed = 0.51L * last + (alone ? 0 : element.allowed);
    }
    const long double off = std::abs(plain(value - element.truth));
    const long double part = off == 0 ? 0 : off / element.allowed;
    const bool single = which.per_row && which.pass == forward;
    if (!(part <= worst.part)) worst = {part, off, i, single ? 0 : truth.away(i)};
    if (std::isnan(part)) break;
  }
  return worst;
}

constexpr Which kEach[] = {
    kSoftmax,      kLogSoftmax,      kLogsumexp,          kLayerNorm,           kRmsNorm,
    kCrossEntropy, kSoftmaxGradient, kLogSoftmaxGradient, kCrossEntropyGradient};

// The kinds at lengths: everything is within its bound.
template <typename T, typename N>
void check(const std::vector<std::size_t>& widths, Family family = Family::fma) {
  constexpr bool kF64 = sizeof(T) == 8;
  Runtime runtime;
  for (const Kind kind : kKinds) {
    std::vector<Worst> worst(std::size(kEach));
    std::vector<std::size_t> at(std::size(kEach));
    for (const std::size_t width : widths) {
      const std::vector<T> x = rounded<T>(row_of(kind, width));
      const std::vector<T> g = rounded<T>(normals(width, 7));
      const std::vector<double> numbers(x.begin(), x.end());
      const Given whole{static_cast<std::int64_t>(width / 2), {g.begin(), g.end()}, family};
      const Given single{whole.target, {-0.75}, family};
      const Dtype compute = kF64 ? Dtype::f64 : Dtype::f32;
      const Truth<N> truth(numbers, whole, compute);
      const Truth<N> of_class(numbers, single, compute);
      for (std::size_t k = 0; k < std::size(kEach); ++k) {
        const Which& which = kEach[k];
        const bool one = which.of_class;
        if (sizeof(T) == 2 && which.per_row) continue;  // f32, which another test is of
        const std::vector<T> got = run<T>(runtime, which, x, one ? single : whole);
        const Worst now = worst_of<T, N>(got, one ? of_class : truth, which);
        INFO(name(which) << " of " << name(kind) << ", " << width << " columns: "
                         << static_cast<double>(now.off) << " off in column " << now.at << ", "
                         << static_cast<double>(now.part) << " of what is allowed");
        CHECK(now.part <= bound_factor(family));
        if (now.part > worst[k].part) worst[k] = now, at[k] = width;
      }
    }
    for (std::size_t k = 0; k < std::size(kEach); ++k)
      std::printf("%s, %s, %s: %.3Lf of what is allowed, of %zu columns, %.3Lg from the greatest\n",
                  name(kEach[k]).c_str(), std::string(sluice::name(kDtype<T>)).c_str(),
                  std::string(name(kind)).c_str(), worst[k].part, at[k], worst[k].away);
  }
}

TEST_CASE("rows, f32", "[accuracy][rows]") {
  check<float, long double>({1, 2, 3, 5, 17, 64, 257, 1000, 4096, 4097, 12'289, 131'072});
}
TEST_CASE("rows, f16", "[accuracy][rows]") { check<F16, long double>({1, 3, 17, 1000, 5000}); }
TEST_CASE("rows, bf16", "[accuracy][rows]") { check<BF16, long double>({1, 3, 17, 1000, 5000}); }
TEST_CASE("rows, f64", "[accuracy][rows]") {
  const accuracy::ScopedPrecision precision(192);
  check<double, Real>({1, 2, 3, 17, 257, 1000, 4096, 4097});
}
TEST_CASE("rows without fma", "[accuracy][rows][nofma]") {
  check<float, long double>({1, 2, 3, 17, 257, 4096, 4097, 12'289}, Family::nofma);
  check<F16, long double>({1, 17, 1000}, Family::nofma);
  check<BF16, long double>({1, 17, 1000}, Family::nofma);
  const accuracy::ScopedPrecision precision(192);
  check<double, Real>({1, 2, 17, 257, 4097}, Family::nofma);
}
TEST_CASE("long rows, f32", "[accuracy][rows][slow]") {
  std::vector<std::size_t> widths;
  for (std::size_t width = 1; width <= std::size_t{1} << 20; width *= 2)
    for (const std::size_t more : {0u, 1u, 2u}) widths.push_back(width + more * (width / 3));
  check<float, long double>(widths);
}
TEST_CASE("long rows, f64", "[accuracy][rows][slow]") {
  const accuracy::ScopedPrecision precision(192);
  check<double, Real>({1, 63, 1023, 4096, 4097, 8192, 20'000, 100'000});
}

// Every length to 300, and those about blocks and beyond.
std::vector<std::size_t> all_widths() {
  std::vector<std::size_t> widths(300);
  std::iota(widths.begin(), widths.end(), std::size_t{1});
  for (const std::size_t width : std::initializer_list<std::size_t>{
           1000, 4095, 4096, 4097, 8191, 8192, 8193, 32'000, 128'256, 1'000'003})
    widths.push_back(width);
  return widths;
}

TEST_CASE("rows of all lengths, f32", "[accuracy][rows][slow]") {
  check<float, long double>(all_widths());
}
TEST_CASE("rows of all lengths, f16", "[accuracy][rows][slow]") {
  check<F16, long double>(all_widths());
}
TEST_CASE("rows of all lengths, bf16", "[accuracy][rows][slow]") {
  check<BF16, long double>(all_widths());
}
TEST_CASE("rows of all lengths, f64", "[accuracy][rows][slow]") {
  const accuracy::ScopedPrecision precision(192);
  check<double, Real>(all_widths());
}

// The mean over some rows of each one's worst error, as a part of what is allowed.
std::vector<double> mean_worst(Runtime& runtime, Kind kind, std::size_t width, std::uint32_t rows) {
  std::vector<double> means(std::size(kEach));
  for (std::uint32_t row = 1; row <= rows; ++row) {
    const std::vector<float> x = rounded<float>(row_of(kind, width, row));
    const std::vector<float> g = rounded<float>(normals(width, row + 100));
    const std::vector<double> numbers(x.begin(), x.end());
    const Given whole{static_cast<std::int64_t>(width / 2), {g.begin(), g.end()}};
    const Given single{whole.target, {-0.75}};
    const Truth<long double> truth(numbers, whole, Dtype::f32);
    const Truth<long double> of_class(numbers, single, Dtype::f32);
    for (std::size_t k = 0; k < std::size(kEach); ++k) {
      const bool one = kEach[k].of_class;
      const std::vector<float> got = run<float>(runtime, kEach[k], x, one ? single : whole);
      const Worst worst = worst_of<float, long double>(got, one ? of_class : truth, kEach[k]);
      means[k] += static_cast<double>(worst.part) / rows;
    }
  }
  return means;
}

void check_growth(std::size_t width, std::uint32_t rows) {
  Runtime runtime;
  for (const Kind kind : kKinds) {
    const std::vector<double> shorter = mean_worst(runtime, kind, 4096, rows);
    const std::vector<double> longer = mean_worst(runtime, kind, width, rows);
    for (std::size_t k = 0; k < std::size(kEach); ++k) {
      INFO(name(kEach[k]) << " of " << name(kind));
      CHECK(longer[k] <= 1.5 * shorter[k] + 0.05);
    }
  }
}

TEST_CASE("the error does not grow with the length", "[accuracy][rows]") {
  check_growth(std::size_t{1} << 16, 4);
}
TEST_CASE("the error does not grow with the length, 2^20", "[accuracy][rows][slow]") {
  check_growth(std::size_t{1} << 20, 8);
}

// What is added to a partial sum that has the greatest element, 1, is lost where it is less than
// half of that one's last place: the order of a sum must not lose many such elements.
template <typename T, typename N>
void check_just_dominant(double gap, std::size_t column) {
  Runtime runtime;
  std::vector<T> x(4096, 0);
  x[column] = static_cast<T>(gap);
  const std::vector<double> numbers(x.begin(), x.end());
  const Given whole{0, std::vector<double>(x.size(), 1.0)};
  const Given single{0, {1.0}};
  const Truth<N> truth(numbers, whole, kDtype<T>);
  const Truth<N> of_class(numbers, single, kDtype<T>);
  for (const Which& which : kEach) {
    const bool one = which.of_class;
    const Worst worst = worst_of<T, N>(run<T>(runtime, which, x, one ? single : whole),
                                       one ? of_class : truth, which);
    INFO(name(which) << " with a gap of " << gap << " in column " << column << ": "
                     << static_cast<double>(worst.off) << " off in column " << worst.at);
    CHECK(worst.part <= 1);
  }
}

TEST_CASE("one element just dominates, f32", "[accuracy][rows]") {
  for (const double gap : {13.75, 15.9, 16.3, 16.63, 16.64, 16.65, 17.3, 18.0})
    for (const std::size_t column : {0u, 100u, 4095u})
      check_just_dominant<float, long double>(gap, column);
}
TEST_CASE("one element just dominates, f64", "[accuracy][rows]") {
  const accuracy::ScopedPrecision precision(192);
  for (const double gap : {36.0, 36.73, 36.75, 37.4}) check_just_dominant<double, Real>(gap, 100);
}

std::string printed(const std::vector<float>& row) {
  std::string text;
  for (const float y : row) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.4f ", static_cast<double>(y));
    text += digits;
  }
  return text;
}

TEST_CASE("softmax of three", "[accuracy][rows]") {
  Runtime runtime;
  CHECK(printed(run<float>(runtime, kSoftmax, {1000, 1001, 1002}, {})) == "0.0900 0.2447 0.6652 ");
  CHECK(printed(run<float>(runtime, kSoftmax, {2, 1, 0.1F}, {})) == "0.6590 0.2424 0.0986 ");
}

TEST_CASE("softmax of one element is 1", "[accuracy][rows]") {
  Runtime runtime;
  for (const float x : {0.0F, -0.0F, 1.0F, -88.5F, 1e-45F, 3.4028235e38F, -3.4028235e38F}) {
    CHECK(run<float>(runtime, kSoftmax, {x}, {}) == std::vector<float>{1});
    CHECK(run<double>(runtime, kSoftmax, {static_cast<double>(x)}, {}) == std::vector<double>{1});
    CHECK(run<float>(runtime, kLogsumexp, {x}, {}) == std::vector<float>{x});
  }
}

// Rows of finite logits whose differences and sums are not.
std::vector<std::vector<float>> huge_rows() {
  constexpr float kMost = std::numeric_limits<float>::max();
  std::vector<std::vector<float>> rows{
      {3e38F, -3e38F},    {-3e38F, 3e38F, 0},    {kMost, kMost, kMost}, {-kMost, -kMost},
      {kMost, 1, -kMost}, {0, -104, -kMost, 88}, {1e-45F, -1e-45F, 0}};
  for (const std::size_t width : {33u, 4096u, 5000u, 20'000u})
    for (const double size : {3e38, 1e30, 1000.0}) {
      std::vector<float> row;
      for (const double x : normals(width, 3))
        row.push_back(static_cast<float>(std::clamp(x, -1.0, 1.0) * size));
      rows.push_back(row);
    }
  return rows;
}

TEST_CASE("finite logits give neither NaN nor inf", "[accuracy][rows]") {
  Runtime runtime;
  const auto finite = [](float y) { return std::isfinite(y); };
  for (const std::vector<float>& x : huge_rows()) {
    INFO(x[0] << ", " << x[1] << ", ... of " << x.size());
    const std::vector<double> ones(x.size(), 1.0);
    const double most = *std::max_element(x.begin(), x.end());
    double sum = 0;
    const std::vector<float> y = run<float>(runtime, kSoftmax, x, {});
    for (const float one : y) {
      CHECK((one >= 0 && one <= 1));
      sum += static_cast<double>(one);
    }
    CHECK(std::abs(sum - 1) < 1e-5);
    const std::vector<float> lse = run<float>(runtime, kLogsumexp, x, {});
    CHECK(std::all_of(lse.begin(), lse.end(), finite));
    const std::vector<float> logs = run<float>(runtime, kLogSoftmax, x, {});
    for (std::size_t i = 0; i < x.size(); ++i)  // -inf where f32 has no such number
      CHECK((finite(logs[i]) || static_cast<double>(x[i]) - most < -3.4028235e38));
    const std::int64_t target = std::max_element(x.begin(), x.end()) - x.begin();
    CHECK(finite(run<float>(runtime, kCrossEntropy, x, {target, {}})[0]));
    for (const Which& which : {kSoftmaxGradient, kLogSoftmaxGradient}) {
      const std::vector<float> dx = run<float>(runtime, which, x, {0, ones});
      CHECK(std::all_of(dx.begin(), dx.end(), finite));
    }
    const std::vector<float> dx = run<float>(runtime, kCrossEntropyGradient, x, {0, {1.0}});
    CHECK(std::all_of(dx.begin(), dx.end(), finite));
  }
}

TEST_CASE("the text as people write it has softmax's bits", "[accuracy][rows]") {
  Runtime runtime;
  REQUIRE(runtime.define("fn naive(x) = exp(x) / row_sum(exp(x))").ok());
  const auto same = [](const std::vector<float>& a, const std::vector<float>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float one, float other) {
      return std::bit_cast<std::uint32_t>(one) == std::bit_cast<std::uint32_t>(other);
    });
  };
  std::vector<std::vector<float>> rows = huge_rows();
  for (const Kind kind : kKinds)
    for (const std::size_t width : {1u, 7u, 300u, 4096u, 9000u})
      rows.push_back(rounded<float>(row_of(kind, width)));
  for (const std::vector<float>& x : rows)
    for (const Pass pass : {forward, backward}) {
      const Given given{0, normals(x.size(), 5)};
      INFO(x[0] << ", ... of " << x.size() << ", " << sluice::name(pass));
      CHECK(same(run<float>(runtime, {"naive", false, false, pass}, x, given),
                 run<float>(runtime, {"softmax", false, false, pass}, x, given)));
    }
}

}  // namespace
