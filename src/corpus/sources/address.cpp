#include "corpus/sources/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "corpus/text.h"

namespace corollary {
namespace {

struct Range4 {
  std::uint32_t first;
  int bits;
  AddressKind kind;
};

constexpr std::uint32_t ip4(unsigned a, unsigned b, unsigned c, unsigned d) { return a << 24 | b << 16 | c << 8 | d; }

constexpr Range4 kRanges4[] = {
    {ip4(127, 0, 0, 0), 8, AddressKind::loopback},      {ip4(169, 254, 0, 0), 16, AddressKind::link_local},
    {ip4(10, 0, 0, 0), 8, AddressKind::is_private},     {ip4(172, 16, 0, 0), 12, AddressKind::is_private},
    {ip4(192, 168, 0, 0), 16, AddressKind::is_private}, {ip4(100, 64, 0, 0), 10, AddressKind::is_private},
    {ip4(0, 0, 0, 0), 8, AddressKind::special},         {ip4(192, 0, 0, 0), 24, AddressKind::special},
    {ip4(192, 0, 2, 0), 24, AddressKind::special},      {ip4(198, 18, 0, 0), 15, AddressKind::special},
    {ip4(198, 51, 100, 0), 24, AddressKind::special},   {ip4(203, 0, 113, 0), 24, AddressKind::special},
    {ip4(224, 0, 0, 0), 3, AddressKind::special},  // multicast and reserved, to the end
};

AddressKind kind4(std::uint32_t address) {
  for (const Range4& range : kRanges4)
    if ((address ^ range.first) >> (32 - range.bits) == 0) return range.kind;
  return AddressKind::is_public;
}

std::uint32_t big_endian(const unsigned char* bytes) { return ip4(bytes[0], bytes[1], bytes[2], bytes[3]); }

AddressKind kind6(const unsigned char* a) {
  const auto zeros = [a](int first, int end) { return std::all_of(a + first, a + end, [](unsigned char c) { return c == 0; }); };
  if (zeros(0, 15) && a[15] == 1) return AddressKind::loopback;
  if (zeros(0, 10) && a[10] == 0xff && a[11] == 0xff) return kind4(big_endian(a + 12));
  if (zeros(0, 12)) return zeros(12, 16) ? AddressKind::special : kind4(big_endian(a + 12));
  if (a[0] == 0 && a[1] == 0x64 && a[2] == 0xff && a[3] == 0x9b)
    return zeros(4, 12) ? kind4(big_endian(a + 12)) : AddressKind::is_private;
  if (a[0] == 0x20 && a[1] == 0x02) return kind4(big_endian(a + 2));
  if (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) return AddressKind::link_local;
  if ((a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0xc0)) return AddressKind::is_private;
  if ((a[0] & 0xe0) != 0x20) return AddressKind::special;                                         // outside of what is given out
  if (a[0] == 0x20 && a[1] == 0x01 && a[2] < 2) return AddressKind::special;                      // Teredo and other protocols
  if (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8) return AddressKind::special;  // documentation
  return AddressKind::is_public;
}

}  // namespace

const char* address_kind_name(AddressKind kind) {
  switch (kind) {
    case AddressKind::is_public:
      return "public";
    case AddressKind::loopback:
      return "loopback";
    case AddressKind::link_local:
      return "link-local";
    case AddressKind::is_private:
      return "private";
    case AddressKind::special:
      return "special-purpose";
  }
  return "?";
}

AddressKind address_kind(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in4;
    std::memcpy(&in4, &address, sizeof in4);
    return kind4(ntohl(in4.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 in6;
    std::memcpy(&in6, &address, sizeof in6);
    return kind6(in6.sin6_addr.s6_addr);
  }
  return AddressKind::special;
}

std::optional<AddressKind> address_kind_of_host(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::string name = ascii_lower(host.substr(0, host.find('%')));  // without an IPv6 zone
  while (name.ends_with('.')) name.pop_back();
  if (name == "localhost" || name.ends_with(".localhost")) return AddressKind::loopback;
  in_addr in4;
  if (::inet_aton(name.c_str(), &in4) == 1) return kind4(ntohl(in4.s_addr));
  in6_addr in6;
  if (::inet_pton(AF_INET6, name.c_str(), &in6) == 1) return kind6(in6.s6_addr);
  return std::nullopt;
}

}  // namespace corollary
