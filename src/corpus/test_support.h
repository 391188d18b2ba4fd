#pragma once
#include <archive.h>
#include <archive_entry.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/test_folder.h"

/// What several tests of this folder need: an environment variable for a while, archives made in memory.
namespace corollary::testing {

class ScopedVariable {
 public:
  ScopedVariable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~ScopedVariable() {
    if (old_)
      ::setenv(name_, old_->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

using Files = std::vector<std::pair<std::string, std::string>>;  // path, bytes

/// An archive of one of libarchive's formats and filters ("tar", "xz"; "" for none).
inline std::string make_archive(const Files& files, bool is_ar, const std::string& filter) {
  const std::unique_ptr<archive, int (*)(archive*)> out(archive_write_new(), archive_write_free);
  if (is_ar)
    archive_write_set_format_ar_svr4(out.get());
  else
    archive_write_set_format_gnutar(out.get());
  if (!filter.empty()) check(archive_write_add_filter_by_name(out.get(), filter.c_str()) == ARCHIVE_OK, "no filter ", filter);
  std::string bytes;
  const auto append = [](archive*, void* to, const void* data, std::size_t n) -> la_ssize_t {
    static_cast<std::string*>(to)->append(static_cast<const char*>(data), n);
    return static_cast<la_ssize_t>(n);
  };
  archive_write_set_bytes_in_last_block(out.get(), 1);
  archive_write_open(out.get(), &bytes, nullptr, append, nullptr);
  for (const auto& [path, content] : files) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), archive_entry_free);
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    check(archive_write_header(out.get(), entry.get()) == ARCHIVE_OK, "archive: ", archive_error_string(out.get()));
    archive_write_data(out.get(), content.data(), content.size());
  }
  archive_write_close(out.get());
  return bytes;
}

/// A zip archive; its files stored as they are if not compressed, encrypted with a password.
inline std::string make_zip(const Files& files, bool is_compressed = true, const std::string& password = "") {
  const std::unique_ptr<archive, int (*)(archive*)> out(archive_write_new(), archive_write_free);
  archive_write_set_format_zip(out.get());
  if (!is_compressed) archive_write_zip_set_compression_store(out.get());
  if (!password.empty()) {
    check(archive_write_set_options(out.get(), "zip:encryption=traditional") == ARCHIVE_OK, "no zip encryption");
    archive_write_set_passphrase(out.get(), password.c_str());
  }
  std::string bytes;
  const auto append = [](archive*, void* to, const void* data, std::size_t n) -> la_ssize_t {
    static_cast<std::string*>(to)->append(static_cast<const char*>(data), n);
    return static_cast<la_ssize_t>(n);
  };
  archive_write_set_bytes_in_last_block(out.get(), 1);
  archive_write_open(out.get(), &bytes, nullptr, append, nullptr);
  for (const auto& [path, content] : files) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), archive_entry_free);
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    check(archive_write_header(out.get(), entry.get()) == ARCHIVE_OK, "archive: ", archive_error_string(out.get()));
    archive_write_data(out.get(), content.data(), content.size());
  }
  archive_write_close(out.get());
  return bytes;
}

/// A Debian package as dpkg lays it out.
inline std::string make_package(const Files& files, const std::string& filter = "xz") {
  const std::string extension = filter == "xz" ? ".xz" : filter == "zstd" ? ".zst" : filter == "gzip" ? ".gz" : "";
  return make_archive({{"debian-binary", "2.0\n"},
                       {"control.tar" + extension, make_archive({{"./control", "Package: x\n"}}, false, filter)},
                       {"data.tar" + extension, make_archive(files, false, filter)}},
                      true, "");
}

}  // namespace corollary::testing
