#pragma once
#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>

namespace corollary {

/// Where an address leads, as the IANA special-purpose registries (RFC 6890 and its updates) have it. An IPv6 address that carries
/// an IPv4 one (mapped, NAT64, 6to4) is of that one's kind.
enum class AddressKind {
  is_public,   ///< reachable by everyone
  loopback,    ///< this machine: 127.0.0.0/8, ::1
  link_local,  ///< this wire, where clouds keep their secrets: 169.254.0.0/16, fe80::/10
  is_private,  ///< this site: 10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7
  special,     ///< nobody to ask: unspecified, multicast, documentation, reserved
};
const char* address_kind_name(AddressKind kind);

AddressKind address_kind(const sockaddr& address);
/// Of an address as text: IPv4 with one to four parts, decimal, octal or hexadecimal as inet_aton reads them, or IPv6 with or
/// without brackets; also of "localhost" and names below it. nullopt for any other name: it must be looked up.
std::optional<AddressKind> address_kind_of_host(std::string_view host);

}  // namespace corollary
