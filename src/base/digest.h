#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace corollary {

/// SHA-256 in pieces; hex() in lower case.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void update(std::string_view bytes);
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);
std::string sha256_file(const std::filesystem::path& path);

/// xxHash XXH3, 64 and 128 bit: for tables in memory and file comparison, never for trust.
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);
struct Hash128 {
  std::uint64_t low, high;
  bool operator==(const Hash128&) const = default;
};
Hash128 hash128(std::string_view bytes);

}  // namespace corollary
