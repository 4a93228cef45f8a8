#include <sluice/status.hpp>

#include <utility>

namespace sluice {

Error::Error(Status what, std::string sentence) : status(what), message(std::move(sentence)) {}
Error::Error(const Error& other) = default;
Error::Error(Error&& other) noexcept = default;
Error& Error::operator=(const Error& other) = default;
Error& Error::operator=(Error&& other) noexcept = default;
Error::~Error() = default;

std::string_view name(Status status) {
  switch (status) {
    case Status::invalid_source: return "invalid_source";
    case Status::unknown_function: return "unknown_function";
    case Status::unknown_name: return "unknown_name";
    case Status::invalid_operands: return "invalid_operands";
    case Status::invalid_argument: return "invalid_argument";
    case Status::unsupported: return "unsupported";
    case Status::unavailable: return "unavailable";
    case Status::limit_exceeded: return "limit_exceeded";
    case Status::out_of_memory: return "out_of_memory";
    case Status::denied: return "denied";
    case Status::io_error: return "io_error";
  }
  return "unknown";
}

}  // namespace sluice
