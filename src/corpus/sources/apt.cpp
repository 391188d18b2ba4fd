#include "corpus/sources/apt.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "corpus/sources/process.h"
#include "corpus/text.h"

namespace corollary {
namespace {

/// A folder of our own beside the cached packages, so that a rename brings them in; removed with all it holds.
struct TemporaryFolder {
  fs::path path;
  explicit TemporaryFolder(const fs::path& parent) {
    std::error_code error;
    fs::create_directories(parent, error);
    check(!error, "cannot make folder ", parent.string(), ": ", error.message(), ": set COROLLARY_CACHE to a folder you can write");
    std::string name = (parent / "apt-XXXXXX").string();
    check(::mkdtemp(name.data()) != nullptr, "cannot make a folder in ", parent.string(),
          ": set COROLLARY_CACHE to a folder you can write");
    path = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
};

/// As root apt would drop to user _apt, who cannot write in our folder; where an archive publishes several digests, ask for
/// SHA-256.
std::vector<std::string> apt_command(std::initializer_list<std::string> options, const std::vector<std::string>& names) {
  std::vector<std::string> command = {"apt-get", "-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::ForceHash=SHA256"};
  command.insert(command.end(), options);
  command.push_back("--");
  command.insert(command.end(), names.begin(), names.end());
  return command;
}

std::string last_lines(const std::string& text) {
  const std::size_t keep = 600;
  std::string tail = text.size() <= keep ? text : "..." + text.substr(text.size() - keep);
  while (!tail.empty() && tail.back() == '\n') tail.pop_back();
  return tail;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

/// The newest NAME_*.deb in the cache.
std::optional<fs::path> cached_earlier(const fs::path& cache, const std::string& name) {
  std::optional<fs::path> newest;
  if (!fs::is_directory(cache)) return newest;
  for (const auto& entry : fs::directory_iterator(cache)) {
    const std::string file = entry.path().filename();
    if (!entry.is_regular_file() || !file.starts_with(name + "_") || !file.ends_with(".deb")) continue;
    if (!newest || entry.last_write_time() > fs::last_write_time(*newest)) newest = entry.path();
  }
  return newest;
}

std::vector<CachedPackage> from_cache_alone(const fs::path& cache, const std::vector<std::string>& names,
                                            const ProcessResult& apt) {
  std::vector<CachedPackage> packages;
  for (const auto& name : names) {
    const auto path = cached_earlier(cache, name);
    check(path.has_value(), "cannot find package ", name,
          " of this distribution: ", apt.status == 127 ? "this machine has no apt-get" : last_lines(apt.err),
          "\n  If the package lists are missing or old: sudo apt-get update"
          "\n  Without a network or apt: put the files in a folder and write its path in the recipe, uri = \"/path/to/folder\","
          "\n  or give a package file, uri = \"/path/to/",
          name, ".deb\"");
    log_warning("apt does not know {} here: using {}, fetched earlier", name, path->filename().string());
    packages.push_back({name, *path, sha256_file(*path)});
  }
  return packages;
}

}  // namespace

std::vector<AptUri> parse_apt_uris(const std::string& text) {
  std::vector<AptUri> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('\'')) continue;
    const std::size_t end = line.find('\'', 1);
    check(end != std::string::npos, "cannot read apt's answer: ", line);
    AptUri entry;
    entry.uri = line.substr(1, end - 1);
    std::istringstream rest(line.substr(end + 1));
    std::string digest;
    check(static_cast<bool>(rest >> entry.file_name >> entry.bytes >> digest), "cannot read apt's answer: ", line);
    check(digest.starts_with("SHA256:") && digest.size() == 7 + 64, "apt gives no SHA256 for ", entry.file_name, ": ", line);
    check(entry.file_name.find('/') == std::string::npos && entry.file_name.ends_with(".deb"),
          "unexpected file name from apt: ", line);
    entry.sha256 = digest.substr(7);
    found.push_back(std::move(entry));
  }
  return found;
}

std::vector<CachedPackage> fetch_packages(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  for (const auto& name : names) {
    const auto may_stand = [](char c) {
      return is_ascii_letter(c) || is_ascii_digit(c) || std::string_view("+-.:").find(c) != std::string_view::npos;
    };
    check(!name.empty() && name[0] != '-' && name[0] != '.' && std::all_of(name.begin(), name.end(), may_stand),
          "not a package name: \"", name, "\" in deb:", name);
  }
  const fs::path cache = cache_folder() / "deb";
  const TemporaryFolder temporary(cache);
  // Asked in an empty folder: apt says nothing of files that lie there already.
  const ProcessResult asked = run_process(apt_command({"--print-uris", "download"}, names), temporary.path);
  if (asked.status != 0) return from_cache_alone(cache, names, asked);

  const std::vector<AptUri> uris = parse_apt_uris(asked.out);
  std::vector<CachedPackage> packages;
  std::vector<std::string> missing;
  std::int64_t missing_bytes = 0;
  for (const auto& name : names) {
    const std::string plain = name.substr(0, name.find(':'));  // without :amd64
    const auto uri = std::find_if(uris.begin(), uris.end(), [&](const AptUri& u) { return u.file_name.starts_with(plain + "_"); });
    check(uri != uris.end(), "apt lists no file for package ", name, ": sudo apt-get update, or give a folder instead");
    packages.push_back({name, cache / uri->file_name, uri->sha256});
    if (fs::exists(packages.back().path) && sha256_file(packages.back().path) == uri->sha256) continue;
    missing.push_back(name);
    missing_bytes += uri->bytes;
  }
  if (missing.empty()) return packages;

  require_space(cache, missing_bytes, "packages");
  log_info("fetching {} package(s), {}", missing.size(), format_bytes(static_cast<double>(missing_bytes)));
  const ProcessResult got = run_process(apt_command({"download"}, missing), temporary.path);
  check(!stop_requested(), "stopped while fetching packages: run again to go on");
  check(got.status == 0, "could not download ", joined(missing), " (", format_bytes(static_cast<double>(missing_bytes)),
        "): ", last_lines(got.err),
        "\n  Check the network, or sudo apt-get update if the lists are old. Without a network put the files in a folder and write "
        "its"
        "\n  path in the recipe, uri = \"/path/to/folder\", or the .deb files in ",
        cache.string());
  for (const auto& package : packages) {
    const fs::path fresh = temporary.path / package.path.filename();
    if (!fs::exists(fresh)) continue;
    const std::string digest = sha256_file(fresh);
    check(digest == package.sha256, "wrong digest: ", package.path.filename().string(), " has sha256 ", digest,
          ", its archive says ", package.sha256, ": run again; if it stays, the mirror is damaged");
    fs::rename(fresh, package.path);
  }
  fsync_folder(cache);
  for (const auto& package : packages)
    check(fs::exists(package.path), "apt said it downloaded ", package.name, " but left no file");
  return packages;
}

}  // namespace corollary
