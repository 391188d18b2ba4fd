#include "corpus/sources/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
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
  // Zip files made on Windows may separate with '\\'; a drive is as absolute as a leading '/'.
  if (path.size() > 2 && path[1] == ':' && (path[2] == '/' || path[2] == '\\')) return std::nullopt;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find_first_of("/\\", at), path.size());
    if (path.substr(at, end - at) == "..") return std::nullopt;
    at = end + 1;
  }
  return std::string(path);
}

}  // namespace

struct ArchiveReader::State {
  State(std::string place, std::int64_t packed, const ArchiveLimits& bounds)
      : where(std::move(place)), packed_bytes(packed), limits(bounds) {}

  std::string where;
  std::int64_t packed_bytes;
  ArchiveLimits limits;
  ArchiveCounts counts;
  Member member;  ///< of a package; unused for a tar or zip
  OwnedArchive files = new_archive();
  std::int64_t bytes = 0;  ///< of the current entry
  std::int64_t entries = 0, unpacked_bytes = 0;
  std::string damage;  ///< of the current entry
  bool is_over = false;
  // The archive inside which the current entry lies.
  std::string inner_bytes, inner_path;
  std::unique_ptr<ArchiveReader> inner;

  void expect(archive* handle, int status, const char* what) const {
    check(status == ARCHIVE_OK || status == ARCHIVE_WARN, what, where, ": ", reason_of(handle),
          ": the file is damaged or truncated; delete it and fetch again");
  }

  /// `open` attaches a handle to the bytes.
  template <class Open>
  void start(bool is_package, Open open) {
    archive_read_support_filter_all(files.get());
    archive_read_support_format_tar(files.get());
    archive_read_support_format_zip(files.get());
    if (!is_package) {
      expect(files.get(), open(files.get()), "cannot read archive ");
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
    expect(files.get(), archive_read_open(files.get(), &member, nullptr, Member::read, nullptr), "cannot read data.tar of ");
  }

  /// Before the entry's bytes are unpacked or skipped over.
  void charge(std::int64_t entry_bytes) {
    constexpr std::int64_t kHeaderBytes = 512;
    check(++entries <= limits.max_entries, "in archive ", where, ": more than ", limits.max_entries, " entries: refused");
    check(entry_bytes <= limits.max_unpacked_bytes, "in archive ", where, ": a file of ", entry_bytes,
          " bytes, above the bound of ", limits.max_unpacked_bytes, ": refused");
    unpacked_bytes += std::max<std::int64_t>(entry_bytes, 0) + kHeaderBytes;
    check(unpacked_bytes <= limits.max_unpacked_bytes, "in archive ", where, ": unpacks to more than ", limits.max_unpacked_bytes,
          " bytes: refused");
    check(unpacked_bytes <= limits.ratio_from_bytes || unpacked_bytes / limits.max_ratio <= packed_bytes, "in archive ", where,
          ": ", packed_bytes, " bytes unpack to ", unpacked_bytes, " and more, a ratio above ", limits.max_ratio,
          ": a bomb, refused");
  }

  std::optional<std::string> shown_path(const char* given) {
    auto path = clean_path(given);
    if (!path) ++counts.unsafe_paths;
    for (int i = 0; path && i < limits.strip_folders; ++i) {
      const std::size_t slash = path->find('/');
      if (slash == std::string::npos) return std::nullopt;
      path->erase(0, slash + 1);
    }
    if (path && path->empty()) return std::nullopt;
    return path;
  }

  std::string read_all() {
    // Grown as bytes arrive: the size a damaged header claims is not yet to be trusted.
    std::string out;
    while (static_cast<std::int64_t>(out.size()) < bytes) {
      const std::size_t before = out.size();
      out.resize(std::min<std::size_t>(static_cast<std::size_t>(bytes), before + (1 << 20)));
      const la_ssize_t n = archive_read_data(files.get(), out.data() + before, out.size() - before);
      is_over = is_over || n == ARCHIVE_FATAL;  // else the entries behind this one may still be had
      check(n > 0, "in archive ", where, ": ", n < 0 ? reason_of(files.get()) : "a file ends early",
            ": the file is damaged or truncated; delete it and fetch again");
      out.resize(before + static_cast<std::size_t>(n));
    }
    // A zip's checksum is compared once its end is seen.
    char beyond = 0;
    const la_ssize_t n = archive_read_data(files.get(), &beyond, 1);
    is_over = is_over || n == ARCHIVE_FATAL;
    check(n == 0, "in archive ", where, ": ", n < 0 ? reason_of(files.get()) : "a file is longer than stated",
          ": the file is damaged; delete it and fetch again");
    return out;
  }

  /// Opens the archive that is the current entry. Damage is its own, not ours: false, with `damage` set.
  bool open_inner(const std::string& path) {
    inner_bytes = read_all();
    inner_path = path;
    ++counts.nested;
    ArchiveLimits bounds = limits;
    bounds.max_nested_bytes = 0;
    bounds.strip_folders = 0;
    bounds.max_entries -= entries;
    bounds.max_unpacked_bytes -= unpacked_bytes;
    try {
      inner = std::make_unique<ArchiveReader>(inner_bytes, path.ends_with(".deb"), where + "/" + path, bounds);
      return true;
    } catch (const Error& error) {
      damage = error.what();
      return false;
    }
  }

  /// The next file of the archive inside, or its damage; nullopt at its end.
  std::optional<Entry> next_inner() {
    try {
      if (auto entry = inner->next()) {
        charge(entry->bytes);
        entry->path = inner_path + "/" + entry->path;
        return entry;
      }
    } catch (const Error& error) {
      inner.reset();
      bytes = 0;
      damage = error.what();
      return Entry{inner_path, 0, damage};
    }
    counts.links += inner->counts().links;
    counts.devices += inner->counts().devices;
    counts.unsafe_paths += inner->counts().unsafe_paths;
    inner.reset();
    return std::nullopt;
  }
};

ArchiveReader::ArchiveReader(const fs::path& path, const ArchiveLimits& limits) {
  std::error_code error;
  const std::uintmax_t packed = fs::file_size(path, error);
  state_ = std::make_unique<State>(path.string(), error ? 0 : static_cast<std::int64_t>(packed), limits);
  state_->start(path.extension() == ".deb",
                [&](archive* handle) { return archive_read_open_filename(handle, path.c_str(), 1 << 17); });
}

ArchiveReader::ArchiveReader(std::string_view bytes, bool is_package, std::string where, const ArchiveLimits& limits)
    : state_(std::make_unique<State>(std::move(where), static_cast<std::int64_t>(bytes.size()), limits)) {
  state_->start(is_package, [&](archive* handle) { return archive_read_open_memory(handle, bytes.data(), bytes.size()); });
}

ArchiveReader::~ArchiveReader() = default;

std::optional<ArchiveReader::Entry> ArchiveReader::next() {
  State& state = *state_;
  if (state.inner)
    if (auto entry = state.next_inner()) return entry;
  while (!state.is_over) {
    state.damage.clear();
    state.bytes = 0;
    archive_entry* entry = nullptr;
    state.is_over = true;  // nothing follows damage
    const int status = archive_read_next_header(state.files.get(), &entry);
    if (status == ARCHIVE_EOF) return std::nullopt;
    state.expect(state.files.get(), status, "in archive ");
    const std::int64_t bytes = archive_entry_size_is_set(entry) != 0 ? archive_entry_size(entry) : -1;
    state.charge(bytes);
    state.is_over = false;
    const auto type = archive_entry_filetype(entry);
    if (type == AE_IFLNK || archive_entry_hardlink(entry) != nullptr) {
      ++state.counts.links;
      continue;
    }
    if (type == AE_IFDIR) continue;
    if (type != AE_IFREG) {
      ++state.counts.devices;
      continue;
    }
    auto path = state.shown_path(archive_entry_pathname(entry));
    if (!path) continue;
    if (archive_entry_is_encrypted(entry) != 0) {
      state.damage = "encrypted";
    } else if (bytes < 0) {  // a zip written to a pipe and read from one
      state.damage = "its size is not stated";
    } else {
      state.bytes = bytes;
      if (bytes <= state.limits.max_nested_bytes && is_archive_name(*path)) {
        if (state.open_inner(*path)) {
          if (auto inner = state.next_inner()) return inner;
          continue;
        }
        state.bytes = 0;
      }
    }
    return Entry{std::move(*path), state.bytes, state.damage};
  }
  return std::nullopt;
}

std::string ArchiveReader::read() {
  if (state_->inner) return state_->inner->read();
  check(state_->damage.empty(), "in archive ", state_->where, ": ", state_->damage);
  return state_->read_all();
}

const ArchiveCounts& ArchiveReader::counts() const { return state_->counts; }

namespace {
constexpr std::string_view kEndings[] = {".deb", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.zst", ".tar.bz2", ".zip"};
}

bool is_archive_name(std::string_view name) {
  return std::any_of(std::begin(kEndings), std::end(kEndings), [&](std::string_view ending) { return name.ends_with(ending); });
}

ArchiveLimits archive_limits(std::string_view glob, std::int64_t strip_folders) {
  ArchiveLimits limits;
  limits.strip_folders = static_cast<int>(std::clamp<std::int64_t>(strip_folders, 0, 100));
  for (const std::string_view ending : kEndings)
    if (glob.find(std::string(ending) + "/") != std::string_view::npos) limits.max_nested_bytes = 256 << 20;
  return limits;
}

}  // namespace corollary
