// Values as bytes and back: numbers, enumerations, lists, and structures whose fields are listed.
//
// A structure takes part by a function beside it, which both directions follow:
//   constexpr auto fields(Type<Slot>) { return std::tuple(&Slot::kind, &Slot::index); }
// Numbers are as the processor holds them: bytes are for machines of its kind. A reader takes any
// bytes: what is not there is as it was, and ok() says so in the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <tuple>
#include <type_traits>
#include <vector>

namespace sluice {

template <typename T>
struct Type {};

template <typename T>
concept Plain = std::is_arithmetic_v<T> || std::is_enum_v<T>;

// Self: the class derived from it, which may treat types of its own in another way.
template <typename Self>
class ByteWriter {
 public:
  explicit ByteWriter(std::vector<std::uint8_t>& out) : out_(out) {}

  template <Plain T>
  void operator()(T value) {
    append(&value, sizeof value);
  }
  template <typename T>
  void operator()(const std::vector<T>& list) {
    (*this)(std::uint64_t{list.size()});
    if constexpr (Plain<T>) {
      append(list.data(), list.size() * sizeof(T));
    } else {
      for (const T& each : list) self()(each);
    }
  }
  template <typename T>
  requires(!Plain<T>) void operator()(const T& value) {
    std::apply([&](auto... member) { (self()(value.*member), ...); }, fields(Type<T>{}));
  }

 private:
  Self& self() { return static_cast<Self&>(*this); }
  void append(const void* from, std::size_t size) {
    const std::size_t at = out_.size();
    out_.resize(at + size);
    if (size != 0) std::memcpy(out_.data() + at, from, size);
  }
  std::vector<std::uint8_t>& out_;
};

template <typename Self>
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  // Whether everything was there, and nothing is left.
  [[nodiscard]] bool ok() const { return !short_ && rest_.empty(); }

  template <Plain T>
  void operator()(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte = 0;
      take(&byte, sizeof byte);
      value = byte != 0;
    } else {
      take(&value, sizeof value);
    }
  }
  template <typename T>
  void operator()(std::vector<T>& list) {
    std::uint64_t size = 0;
    (*this)(size);
    // An element takes a byte at least.
    if (size > rest_.size() / (Plain<T> ? sizeof(T) : 1)) return fail();
    list.resize(static_cast<std::size_t>(size));
    if constexpr (Plain<T>) {
      take(list.data(), list.size() * sizeof(T));
    } else {
      for (T& each : list) {
        if (short_) return;
        self()(each);
      }
    }
  }
  template <typename T>
  requires(!Plain<T>) void operator()(T& value) {
    std::apply([&](auto... member) { (self()(value.*member), ...); }, fields(Type<T>{}));
  }

 protected:
  void fail() { short_ = true; }

 private:
  Self& self() { return static_cast<Self&>(*this); }
  void take(void* to, std::size_t size) {
    if (short_ || size > rest_.size()) return fail();
    if (size != 0) std::memcpy(to, rest_.data(), size);
    rest_ = rest_.subspan(size);
  }
  std::span<const std::uint8_t> rest_;
  bool short_ = false;
};

// Of values that need no treatment of their own.
template <typename T>
[[nodiscard]] std::vector<std::uint8_t> to_bytes(const T& value) {
  struct Writer : ByteWriter<Writer> {
    using ByteWriter<Writer>::ByteWriter;
  };
  std::vector<std::uint8_t> bytes;
  Writer writer(bytes);
  writer(value);
  return bytes;
}
// False where the bytes are not those of such a value.
template <typename T>
[[nodiscard]] bool from_bytes(std::span<const std::uint8_t> bytes, T& value) {
  struct Reader : ByteReader<Reader> {
    using ByteReader<Reader>::ByteReader;
  };
  Reader reader(bytes);
  reader(value);
  return reader.ok();
}

}  // namespace sluice
