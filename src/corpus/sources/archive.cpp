#include "corpus/sources/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <cerrno>

#include "base/error.h"

namespace corollary {
namespace {

using OwnedArchive = std::unique_ptr<archive, int (*)(archive*)>;

OwnedArchive new_archive() {
  OwnedArchive handle(archive_read_new(), archive_read_free);
  check(handle != nullptr, "out of memory for libarchive");
  return handle;
}

std::string reason_of(archive* handle) {
  const char* text = archive_error_string(handle);
  return text != nullptr ? text : "unknown reason";
}

/// The ar member at which a package's outer archive stands, as libarchive pulls the inner tar from it.
struct Member {
  OwnedArchive outer = new_archive();
  std::array<char, 1 << 16> chunk{};

  static la_ssize_t read(archive* inner, void* self, const void** bytes) {
    auto& member = *static_cast<Member*>(self);
    const la_ssize_t n = archive_read_data(member.outer.get(), member.chunk.data(), member.chunk.size());
    *bytes = member.chunk.data();
    if (n < 0) archive_set_error(inner, EIO, "%s", reason_of(member.outer.get()).c_str());
    return n;
  }
};

/// A relative path that stays inside, or nullopt.
std::optional<std::string> clean_path(const char* given) {
  if (given == nullptr) return std::nullopt;
  std::string_view path = given;
  while (path.starts_with("./")) path.remove_prefix(2);
  if (path.empty() || path.front() == '/') return std::nullopt;
  for (const auto& part : fs::path(path))
    if (part == "..") return std::nullopt;
  return std::string(path);
}

}  // namespace

struct ArchiveReader::State {
  explicit State(std::string place) : where(std::move(place)) {}

  std::string where;
  Member member;  ///< of a package; unused for a tar
  OwnedArchive tar = new_archive();
  std::int64_t bytes = 0;  ///< of the current entry
  bool is_over = false;

  void expect(archive* handle, int status, const char* what) const {
    check(status == ARCHIVE_OK || status == ARCHIVE_WARN, what, where, ": ", reason_of(handle),
          ": the file is damaged or truncated; delete it and fetch again");
  }

  /// `open` attaches a handle to the bytes.
  template <class Open>
  void start(bool is_package, Open open) {
    archive_read_support_filter_all(tar.get());
    archive_read_support_format_tar(tar.get());
    if (!is_package) {
      expect(tar.get(), open(tar.get()), "cannot read archive ");
      return;
    }
    archive* outer = member.outer.get();
    archive_read_support_format_ar(outer);
    expect(outer, open(outer), "cannot read package ");
    for (;;) {
      archive_entry* entry = nullptr;
      const int status = archive_read_next_header(outer, &entry);
      check(status != ARCHIVE_EOF, "no data.tar in package ", where,
            ": not a Debian package, or truncated; delete it and fetch again");
      expect(outer, status, "cannot read package ");
      const char* name = archive_entry_pathname(entry);
      if (name != nullptr && std::string_view(name).starts_with("data.tar")) break;
    }
    expect(tar.get(), archive_read_open(tar.get(), &member, nullptr, Member::read, nullptr), "cannot read data.tar of ");
  }
};

ArchiveReader::ArchiveReader(const fs::path& path) : state_(std::make_unique<State>(path.string())) {
  state_->start(path.extension() == ".deb",
                [&](archive* handle) { return archive_read_open_filename(handle, path.c_str(), 1 << 17); });
}

ArchiveReader::ArchiveReader(std::string_view bytes, bool is_package, std::string where)
    : state_(std::make_unique<State>(std::move(where))) {
  state_->start(is_package, [&](archive* handle) { return archive_read_open_memory(handle, bytes.data(), bytes.size()); });
}

ArchiveReader::~ArchiveReader() = default;

std::optional<ArchiveReader::Entry> ArchiveReader::next() {
  while (!state_->is_over) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(state_->tar.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    state_->is_over = true;  // nothing follows damage
    state_->expect(state_->tar.get(), status, "in archive ");
    state_->is_over = false;
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr) continue;
    auto path = clean_path(archive_entry_pathname(entry));
    if (!path) continue;
    state_->bytes = archive_entry_size(entry);
    check(state_->bytes >= 0, "in archive ", state_->where, ": ", *path, " has no size: damaged; delete it and fetch again");
    return Entry{std::move(*path), state_->bytes};
  }
  state_->is_over = true;
  return std::nullopt;
}

std::string ArchiveReader::read() {
  // Grown as bytes arrive: the size a damaged header claims is not yet to be trusted.
  std::string out;
  while (static_cast<std::int64_t>(out.size()) < state_->bytes) {
    const std::size_t before = out.size();
    out.resize(std::min<std::size_t>(static_cast<std::size_t>(state_->bytes), before + (1 << 20)));
    const la_ssize_t n = archive_read_data(state_->tar.get(), out.data() + before, out.size() - before);
    check(n > 0, "in archive ", state_->where, ": ", n < 0 ? reason_of(state_->tar.get()) : "a file ends early",
          ": the file is damaged or truncated; delete it and fetch again");
    out.resize(before + static_cast<std::size_t>(n));
  }
  return out;
}

}  // namespace corollary
