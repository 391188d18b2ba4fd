#pragma once
#include <string>

#include "base/error.h"

namespace corollary {

/// For tests: what the Error says that `action` throws, "no error" if it throws none.
std::string error_of(auto&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace corollary
