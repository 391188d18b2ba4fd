#pragma once
#include <string>
#include <vector>

#include "base/json.h"

namespace corollary {

/// One line of `corollary doctor`.
struct Finding {
  std::string group, name;
  bool is_present = false;
  std::string value;       ///< version, size, path; what is there
  std::string needed_for;  ///< said where it is missing
  std::string install;     ///< how to get it; empty if that is not in the user's hands
};

/// Looks, runs nothing long and changes nothing: well under 100 ms.
std::vector<Finding> examine_machine();

Json findings_to_json(const std::vector<Finding>& findings);
std::string findings_to_table(const std::vector<Finding>& findings);

}  // namespace corollary
