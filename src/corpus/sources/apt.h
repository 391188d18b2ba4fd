#pragma once
#include <string>
#include <vector>

#include "base/files.h"

namespace corollary {

/// A Debian package lying in the cache, verified against the digest its archive publishes (which apt itself has verified by
/// signature).
struct CachedPackage {
  std::string name;
  fs::path path;       ///< cache_folder()/deb/NAME_VERSION_ARCH.deb
  std::string sha256;  ///< of the file
};

/// Brings the version of each package that this machine's own distribution serves into the cache, in the order given: apt's
/// configuration is used as it is, as an ordinary user, and nothing is installed. Packages already there are only verified.
/// Where apt cannot say (no apt, no package lists), a package cached earlier is used, with a warning; else Error with the remedies.
std::vector<CachedPackage> fetch_packages(const std::vector<std::string>& names);

/// A line of `apt-get --print-uris download`:  'http://host/path.deb' file_name size SHA256:hex
struct AptUri {
  std::string uri, file_name, sha256;
  std::int64_t bytes = 0;
};
/// The lines that are such; others are skipped. Throws Error if one has no SHA256 or an unsafe file name.
std::vector<AptUri> parse_apt_uris(const std::string& text);

}  // namespace corollary
