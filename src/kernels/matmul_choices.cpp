#include "kernels/matmul_choices.h"

#include <map>
#include <mutex>

#include "base/error.h"
#include "base/log.h"
#include "device/device.h"
#include "kernels/matmul.h"

namespace corollary {
namespace {

std::mutex mutex;
std::map<std::string, std::string> choices;

std::string to_hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string from_hex(const std::string& text) {
  check(text.size() % 2 == 0 && text.find_first_not_of("0123456789abcdef") == std::string::npos, "matmul choices: \"",
        text.substr(0, 40), "\" is not a choice");
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

Json made_on() {
  const GpuSearch search = find_gpu();
  return {{"library", search.gpu ? matmul_library() : ""}, {"gpu", search.gpu ? search.gpu->name : ""}};
}

}  // namespace

Json matmul_choices() {
  Json json = made_on();
  json["products"] = Json::object();
  const std::lock_guard lock(mutex);
  for (const auto& [product, algorithm] : choices) json["products"][product] = to_hex(algorithm);
  return json;
}

void load_matmul_choices(const Json& json) {
  const Json here = made_on();
  check(json.is_object() && json.contains("products") && json["products"].is_object(), "matmul choices: not an object with products");
  for (const char* name : {"library", "gpu"})
    if (json.value(name, Json()) != here[name]) {
      log_warning("the run's matrix products were chosen for {} {}, this is {}: they are timed anew, and sums may differ in the last bits",
                  name, json.value(name, Json()).dump(), here[name].dump());
      return;
    }
  const std::lock_guard lock(mutex);
  for (const auto& [product, algorithm] : json["products"].items()) {
    check(algorithm.is_string(), "matmul choices: ", product, " has no algorithm");
    choices[product] = from_hex(algorithm.get<std::string>());
  }
}

std::optional<std::string> saved_matmul_choice(const std::string& product) {
  const std::lock_guard lock(mutex);
  const auto found = choices.find(product);
  return found == choices.end() ? std::nullopt : std::optional(found->second);
}

void remember_matmul_choice(const std::string& product, const std::string& algorithm) {
  const std::lock_guard lock(mutex);
  choices[product] = algorithm;
}

}  // namespace corollary
