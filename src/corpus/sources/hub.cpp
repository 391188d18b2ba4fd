#include "corpus/sources/hub.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>

#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "corpus/sources/http.h"
#include "corpus/sources/source.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kMaxPages = 100'000;  // of 1,000 files: a service that never ends its list is refused

std::string environment(const char* name, const std::string& otherwise = "") {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

bool is_hex(const std::string& text, std::size_t digits) {
  return text.size() == digits &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_ascii_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool has_pattern(const std::string& path) { return path.find_first_of("*?") != std::string::npos; }

/// A relative path whose parts are plain names: it will be a path on this machine.
bool is_safe_path(const std::string& path) {
  if (path.empty() || path.size() > 4000 || path.find('\0') != std::string::npos) return false;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    at = end + 1;
  }
  return true;
}

[[noreturn]] void refuse(const HubAddress& address, const Rejection& rejection) {
  fail("cannot read data set ", address.repository, " at ", address.revision, ": ", rejection.detail,
       rejection.reason == "http_401" || rejection.reason == "http_403"
           ? ": it is private or gated: accept its terms on its page and set HF_TOKEN"
           : ": check owner, name and revision; without a network give a folder or file as uri instead");
}

std::string string_of(const Json& json, const char* key) {
  return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
}

/// An entry of a tree's listing; nullopt for folders. Throws Error if it is of another shape.
std::optional<HubFile> file_from_json(const Json& json, const std::string& where) {
  check(json.is_object(), "an answer of another shape from ", where, ": is HF_ENDPOINT right?");
  const std::string type = string_of(json, "type");
  if (type == "directory") return std::nullopt;
  HubFile file;
  file.path = string_of(json, "path");
  const bool has_size = json.contains("size") && json["size"].is_number_unsigned();
  check(type == "file" && is_safe_path(file.path) && has_size, "an answer of another shape from ", where, ": ",
        to_line(json).substr(0, 200));
  file.bytes = json["size"].get<std::int64_t>();
  if (json.contains("lfs") && json["lfs"].is_object()) {
    file.sha256 = string_of(json["lfs"], "oid");
    if (file.sha256.starts_with("sha256:")) file.sha256.erase(0, 7);
    check(is_hex(file.sha256, 64), "no SHA-256 for ", file.path, " from ", where);
  } else {
    file.git_oid = string_of(json, "oid");
    check(is_hex(file.git_oid, 40), "no digest for ", file.path, " from ", where);
  }
  return file;
}

/// Git's name for a file's content.
std::string git_blob_oid(const fs::path& path, std::int64_t bytes) {
  const MappedFile file(path);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const std::string head = "blob " + std::to_string(bytes);
  check(context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr) == 1, "SHA-1 is not available");
  EVP_DigestUpdate(context.get(), head.c_str(), head.size() + 1);
  EVP_DigestUpdate(context.get(), file.text().data(), file.text().size());
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), raw, &size);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += "0123456789abcdef"[raw[i] >> 4], hex += "0123456789abcdef"[raw[i] & 15];
  return hex;
}

/// What is wrong with the bytes at `path`; empty if they are the file's.
std::string judge(const fs::path& path, const HubFile& file) {
  const auto bytes = static_cast<std::int64_t>(fs::file_size(path));
  if (bytes != file.bytes) return std::to_string(bytes) + " bytes instead of " + std::to_string(file.bytes);
  if (!file.git_oid.empty()) return git_blob_oid(path, bytes) == file.git_oid ? "" : "another git object than " + file.git_oid;
  const std::string digest = sha256_file(path);
  return digest == file.sha256 ? "" : "sha256 " + digest + " instead of " + file.sha256;
}

}  // namespace

HubAddress parse_hub_uri(const std::string& uri) {
  constexpr std::string_view kPrefix = "hf://datasets/";
  const auto expect = [&](bool ok) {
    check(ok, "not a data set's address: ", uri, "; write hf://datasets/OWNER/NAME/PATH or hf://datasets/OWNER/NAME@REVISION/PATH");
  };
  expect(uri.starts_with(kPrefix));
  const std::string rest = uri.substr(kPrefix.size());
  const std::size_t owner_end = rest.find('/');
  expect(owner_end != std::string::npos);
  const std::size_t name_end = std::min(rest.find('/', owner_end + 1), rest.size());
  HubAddress address;
  address.repository = rest.substr(0, name_end);
  if (const std::size_t at = address.repository.find('@'); at != std::string::npos) {
    address.revision = address.repository.substr(at + 1);
    address.repository.resize(at);
    for (std::size_t i; (i = address.revision.find("%2F")) != std::string::npos;) address.revision.replace(i, 3, "/");
  }
  if (name_end < rest.size()) address.path = rest.substr(name_end + 1);
  while (address.path.ends_with('/')) address.path.pop_back();
  expect(is_safe_path(address.repository) && std::count(address.repository.begin(), address.repository.end(), '/') == 1);
  expect(!address.revision.empty() && (address.path.empty() || is_safe_path(address.path)));
  return address;
}

HubServer hub_server() {
  HubServer server;
  server.endpoint = environment("HF_ENDPOINT", server.endpoint);
  while (server.endpoint.ends_with('/')) server.endpoint.pop_back();
  check(!url_origin(server.endpoint).empty(), "HF_ENDPOINT is no http or https address: ", server.endpoint);
  server.http.token = environment("HF_TOKEN");
  server.cache = cache_folder() / "hub";
  return server;
}

std::vector<HubFile> list_hub_files(const HubServer& server, const HubAddress& address, const std::string& glob) {
  HttpClient client(server.http);
  const std::string api = server.endpoint + "/api/datasets/" + percent_encode(address.repository, true);
  std::string commit = address.revision;
  if (!is_hex(commit, 40)) {
    const JsonAnswer answer = get_json(client, api + "/revision/" + percent_encode(address.revision));
    if (answer.http.rejection) refuse(address, *answer.http.rejection);
    commit = answer.json.is_object() ? string_of(answer.json, "sha") : "";
    check(is_hex(commit, 40), "no commit for revision ", address.revision, " of ", address.repository, " from ", server.endpoint,
          ": is HF_ENDPOINT right?");
  }
  // Only the folder above the first pattern is listed: a data set may hold a million files.
  std::string folder = address.path;
  if (has_pattern(folder)) folder.resize(folder.find_first_of("*?"));
  const std::size_t slash = folder.rfind('/');
  folder = slash == std::string::npos ? "" : folder.substr(0, slash);
  std::string url =
      api + "/tree/" + commit + (folder.empty() ? "" : "/" + percent_encode(folder, true)) + "?recursive=true&limit=1000";
  const std::string pattern = address.path;
  const auto is_meant = [&](const std::string& path) {
    if (!source_glob_match(glob, path)) return false;
    if (pattern.empty()) return true;
    return has_pattern(pattern) ? glob_match(pattern, path) : path == pattern || path.starts_with(pattern + "/");
  };
  std::vector<HubFile> files;
  for (std::size_t page = 0; !url.empty(); ++page) {
    check(page < kMaxPages, "the list of files of ", address.repository, " does not end: refused");
    const JsonAnswer answer = get_json(client, url);
    if (answer.http.rejection) refuse(address, *answer.http.rejection);
    check(answer.json.is_array(), "an answer of another shape from ", url_for_people(url), ": is HF_ENDPOINT right?");
    for (const Json& entry : answer.json) {
      auto file = file_from_json(entry, url_for_people(url));
      if (!file || !is_meant(file->path)) continue;
      file->commit = commit;
      file->local = server.cache / address.repository / commit / file->path;
      files.push_back(std::move(*file));
    }
    url = answer.next_url;
  }
  check(!files.empty(), "no file in data set ", address.repository, " at ", address.revision, " matches ",
        address.path.empty() ? "*" : address.path, " and glob \"", glob, "\": look at ", server.endpoint, "/datasets/",
        address.repository, "/tree/", address.revision);
  std::sort(files.begin(), files.end(), [](const HubFile& a, const HubFile& b) { return a.path < b.path; });
  return files;
}

void bring_hub_file(const HubServer& server, const HubAddress& address, HubFile& file) {
  if (fs::exists(file.local)) {
    if (const std::string wrong = judge(file.local, file); !wrong.empty()) {
      log_warning("{} has {}: bringing it again", file.local.string(), wrong);
      fs::remove(file.local);
    }
  }
  if (!fs::exists(file.local)) {
    require_space(server.cache, file.bytes, file.path);
    HttpConfig config = server.http;
    config.max_bytes = std::max<std::int64_t>(file.bytes, 1);
    HttpClient client(config);
    const std::string url = server.endpoint + "/datasets/" + percent_encode(address.repository, true) + "/resolve/" + file.commit +
                            "/" + percent_encode(file.path, true);
    const auto rejection = try_download(client, url, file.local, [&](const fs::path& part) { return judge(part, file); });
    if (rejection && rejection->reason == "wrong_file")
      fail("wrong bytes: ", url, " has ", rejection->detail, ": run again; if it stays, the copy there is damaged");
    if (rejection && rejection->reason == "too_large")
      fail("wrong bytes: ", url, " has more than the ", file.bytes, " bytes its listing states: refused");
    if (rejection) refuse(address, *rejection);
  }
  if (file.sha256.empty()) file.sha256 = sha256_file(file.local);
}

}  // namespace corollary
