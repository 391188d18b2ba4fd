#pragma once
#include <CLI/CLI.hpp>
#include <string>

#include "base/fields.h"

namespace corollary {

/// One --flag-name per field of the struct (underscores become dashes), with its default shown by --help.
/// Nested structs are left to the caller, who may give theirs a prefix: "sft" makes --sft-data.
template <HasFields T>
void add_flags(CLI::App& app, T& config, const std::string& prefix = "") {
  T::each(config, [&](const char* name, auto& value) {
    using V = std::remove_reference_t<decltype(value)>;
    if constexpr (!HasFields<V>) {
      std::string flag = "--" + (prefix.empty() ? "" : prefix + "-") + name;
      for (char& c : flag)
        if (c == '_') c = '-';
      if constexpr (std::same_as<V, bool>)
        app.add_flag(flag + "," + "!--no-" + flag.substr(2), value)->capture_default_str();
      else if constexpr (!detail::IsVector<V>::value)
        app.add_option(flag, value)->capture_default_str();
      else if constexpr (!HasFields<typename V::value_type>)
        app.add_option(flag, value)->capture_default_str();
    }
  });
}

}  // namespace corollary
