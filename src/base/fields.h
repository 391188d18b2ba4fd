#pragma once
#include <cmath>
#include <concepts>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace corollary {

/// A configuration struct says its fields once:
///   static void each(auto& config, auto&& visit) { visit("learning_rate", config.learning_rate); ... }
/// and flags, JSON, recipe files and checkpoints all walk that list. A field is a bool, integer, double, string, a vector of these,
/// another such struct, or a vector of such structs.
template <class T>
concept HasFields = requires(T& config) {
  T::each(config, [](const char*, auto&) {});
};

template <HasFields T>
Json fields_to_json(const T& config);
/// Sets the fields present in `json`, keeps the others. Unknown names and wrong types are Errors that name `where`, the field,
/// and the fields that exist.
template <HasFields T>
void fields_from_json(T& config, const Json& json, const std::string& where);

// ---- how ----
namespace detail {

template <class V>
struct IsVector : std::false_type {};
template <class V>
struct IsVector<std::vector<V>> : std::true_type {};

template <class V>
Json value_to_json(const V& value) {
  if constexpr (HasFields<V>) {
    return fields_to_json(value);
  } else if constexpr (IsVector<V>::value) {
    Json array = Json::array();
    for (const auto& item : value) array.push_back(value_to_json<typename V::value_type>(item));
    return array;
  } else {
    return Json(value);
  }
}

template <class V>
void value_from_json(V& value, const Json& json, const std::string& where) {
  const auto expect = [&](bool ok, const char* kind) {
    check(ok, "wrong type: ", where, " must be ", kind, ", is ", json.dump().substr(0, 60));
  };
  if constexpr (HasFields<V>) {
    fields_from_json(value, json, where);
  } else if constexpr (IsVector<V>::value) {
    expect(json.is_array(), "an array");
    value.clear();
    for (std::size_t i = 0; i < json.size(); ++i) {
      typename V::value_type item{};
      value_from_json(item, json[i], where + "[" + std::to_string(i) + "]");
      value.push_back(std::move(item));
    }
  } else if constexpr (std::same_as<V, bool>) {
    expect(json.is_boolean(), "true or false");
    value = json.get<bool>();
  } else if constexpr (std::integral<V>) {
    expect(json.is_number_integer(), "a whole number");
    const bool fits =
        json.is_number_unsigned() ? std::in_range<V>(json.get<std::uint64_t>()) : std::in_range<V>(json.get<std::int64_t>());
    expect(fits, "a whole number of this field's size");
    value = json.get<V>();
  } else if constexpr (std::floating_point<V>) {
    expect(json.is_number() && std::isfinite(json.get<double>()), "a finite number");
    value = json.get<V>();
  } else {
    expect(json.is_string(), "a string");
    value = json.get<std::string>();
  }
}

}  // namespace detail

template <HasFields T>
Json fields_to_json(const T& config) {
  Json json = Json::object();
  T::each(config, [&](const char* name, const auto& value) { json[name] = detail::value_to_json(value); });
  return json;
}

template <HasFields T>
void fields_from_json(T& config, const Json& json, const std::string& where) {
  check(json.is_object(), "wrong type: ", where, " must be a table of fields");
  for (const auto& [key, given] : json.items()) {
    bool found = false;
    std::string known;
    T::each(config, [&](const char* name, auto& value) {
      known += known.empty() ? name : std::string(", ") + name;
      if (key != name) return;
      found = true;
      detail::value_from_json(value, given, where + "." + key);
    });
    check(found, "unknown field ", where, ".", key, ": known are ", known);
  }
}

}  // namespace corollary
