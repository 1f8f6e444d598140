// The one exception of the cold side: onnxruntime's status number and a sentence.
#pragma once

#include <exception>
#include <sstream>
#include <string>
#include <utility>

namespace sklort {

enum class Status : int {
  fail = 1,
  invalid_argument = 2,
  runtime_exception = 6,
  not_implemented = 9,
  invalid_graph = 10,
};

class Error : public std::exception {
 public:
  Error(Status status, std::string message) : status_(status), message_(std::move(message)) {}
  Status status() const noexcept { return status_; }
  const std::string& message() const noexcept { return message_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  Status status_;
  std::string message_;
};

// The parts, printed one after another.
template <class... Parts>
std::string sentence(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(Status::fail, sentence(parts...));
}

template <class... Parts>
[[noreturn]] void bad_graph(const Parts&... parts) {
  throw Error(Status::invalid_graph, sentence(parts...));
}

}  // namespace sklort
