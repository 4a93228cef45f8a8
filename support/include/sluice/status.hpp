// Status, Error and Result: how every layer, and the public interface, reports what went wrong.
//
// A Result holds a value or an Error; it never throws. The user's errors carry rendered diagnostics
// as their message; the environment's say what to do about it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace sluice {

enum class Status : std::uint8_t {
  invalid_source,  // the program's text does not parse or check; the message holds the diagnostics
  unknown_function,  // no function of that name in the program or the library
  unknown_name,      // no such input, parameter, output, pass, target or element type
  invalid_operands,  // wrong number, type or shape of operands; overlapping or null buffers
  invalid_argument,  // any other misuse of a call
  unsupported,       // well-formed, but this version cannot do it yet; the message says what
  unavailable,       // this processor or this build lacks what was asked for
  limit_exceeded,    // a documented limit (nesting, nodes, size) was passed; the message names it
  out_of_memory,     // memory for data or code could not be had
  denied,            // the system forbids what was asked (executable memory)
  io_error,          // a file could not be read or written, or its content is damaged
};

// The name of a status as it stands in messages and in JSON, e.g. "unknown_function".
[[nodiscard]] std::string_view name(Status status);

// Errors are rare: that making one is a cold call has the compiler lay the way to it aside, with
// all that puts its sentence together, and make it small instead of fast.
struct Error {
  Status status;
  std::string message;

  [[gnu::cold]] Error(Status what, std::string sentence);
  [[gnu::cold]] Error(const Error& other);
  Error(Error&& other) noexcept;
  [[gnu::cold]] Error& operator=(const Error& other);
  Error& operator=(Error&& other) noexcept;
  ~Error();
};

// A value of type T or an Error. `value()` may be called only when `ok()`.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  // Implicit, so that a function returns a value or an Error as it stands.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  [[nodiscard]] T& value() & { return *std::get_if<0>(&state_); }
  [[nodiscard]] const T& value() const& { return *std::get_if<0>(&state_); }
  [[nodiscard]] T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  [[nodiscard]] T* operator->() { return &value(); }
  [[nodiscard]] const T* operator->() const { return &value(); }
  [[nodiscard]] T& operator*() & { return value(); }
  [[nodiscard]] const T& operator*() const& { return value(); }
  [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }

  [[nodiscard]] const Error& error() const { return *std::get_if<1>(&state_); }

  // The result of `next(value)`, or this error: how the compiler's steps are chained.
  template <typename F>
  auto and_then(F&& next) && -> std::invoke_result_t<F, T&&> {
    if (!ok()) return error();
    return std::forward<F>(next)(std::move(*this).value());
  }

 private:
  std::variant<T, Error> state_;
};

struct Unit {};
using Outcome = Result<Unit>;  // success without a value

}  // namespace sluice
