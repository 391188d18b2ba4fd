#include "corpus/sources/duckdb.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace corollary {
namespace {

// The few functions used, as DuckDB documents its C interface (duckdb.org/docs/current/clients/c/api). Handles are pointers to
// nothing we know; a result is passed by value, so its size counts.
struct Result {
  std::uint64_t unused[3];
  void* unused_columns;
  char* unused_error;
  void* internal;
};
/// Short strings lie inside, others are pointed to.
struct String {
  std::uint32_t length;
  char prefix_or_bytes[4];
  union {
    char more[8];
    const char* pointer;
  };
  std::string_view view() const { return {length <= 12 ? prefix_or_bytes : pointer, length}; }
};
static_assert(sizeof(Result) == 48 && sizeof(String) == 16);

enum TypeId : int { kBoolean = 1, kBigint = 5, kUbigint = 9, kDouble = 11, kVarchar = 17, kBlob = 18 };

struct Library {
  std::string problem;

  int (*open_ext)(const char* path, void** database, void* config, char** error);
  void (*close)(void** database);
  int (*connect)(void* database, void** connection);
  void (*disconnect)(void** connection);
  int (*create_config)(void** config);
  int (*set_config)(void* config, const char* name, const char* value);
  void (*destroy_config)(void** config);
  void (*free)(void* pointer);
  int (*query)(void* connection, const char* text, Result* result);
  int (*prepare)(void* connection, const char* text, void** statement);
  const char* (*prepare_error)(void* statement);
  void (*destroy_prepare)(void** statement);
  int (*bind_varchar)(void* statement, std::uint64_t index, const char* value);
  int (*pending_streaming)(void* statement, void** pending);
  const char* (*pending_error)(void* pending);
  int (*execute_pending)(void* pending, Result* result);
  void (*destroy_pending)(void** pending);
  void (*destroy_result)(Result* result);
  const char* (*result_error)(Result* result);
  std::uint64_t (*column_count)(Result* result);
  const char* (*column_name)(Result* result, std::uint64_t column);
  int (*column_type)(Result* result, std::uint64_t column);
  void* (*fetch_chunk)(Result result);
  void (*destroy_chunk)(void** chunk);
  std::uint64_t (*chunk_size)(void* chunk);
  void* (*chunk_vector)(void* chunk, std::uint64_t column);
  void* (*vector_data)(void* vector);
  std::uint64_t* (*vector_validity)(void* vector);

  Library() {
    void* handle = nullptr;
    std::string tried;
    const auto attempt = [&](const std::string& name) {
      if (handle != nullptr) return;
      handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
      const char* error = handle == nullptr ? ::dlerror() : nullptr;
      if (error != nullptr) tried += "\n  " + std::string(error);
    };
    const char* given = std::getenv("COROLLARY_DUCKDB");
    if (given != nullptr && *given != '\0') {
      attempt(fs::is_directory(given) ? (fs::path(given) / "libduckdb.so").string() : given);
    } else {
      attempt((cache_folder() / "duckdb" / "libduckdb.so").string());
      attempt("libduckdb.so");
    }
    if (handle == nullptr) {
      problem =
          "Parquet is read through DuckDB's library, libduckdb.so, which is not here: run scripts/install_duckdb.sh, or set "
          "COROLLARY_DUCKDB to the file; tried:" +
          tried;
      return;
    }
    const auto load = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
      if (function == nullptr && problem.empty())
        problem = std::string("libduckdb.so has no ") + name +
                  ": it is too old or too new; scripts/install_duckdb.sh brings one that fits";
    };
    load(open_ext, "duckdb_open_ext");
    load(close, "duckdb_close");
    load(connect, "duckdb_connect");
    load(disconnect, "duckdb_disconnect");
    load(create_config, "duckdb_create_config");
    load(set_config, "duckdb_set_config");
    load(destroy_config, "duckdb_destroy_config");
    load(free, "duckdb_free");
    load(query, "duckdb_query");
    load(prepare, "duckdb_prepare");
    load(prepare_error, "duckdb_prepare_error");
    load(destroy_prepare, "duckdb_destroy_prepare");
    load(bind_varchar, "duckdb_bind_varchar");
    load(pending_streaming, "duckdb_pending_prepared_streaming");
    load(pending_error, "duckdb_pending_error");
    load(execute_pending, "duckdb_execute_pending");
    load(destroy_pending, "duckdb_destroy_pending");
    load(destroy_result, "duckdb_destroy_result");
    load(result_error, "duckdb_result_error");
    load(column_count, "duckdb_column_count");
    load(column_name, "duckdb_column_name");
    load(column_type, "duckdb_column_type");
    load(fetch_chunk, "duckdb_fetch_chunk");
    load(destroy_chunk, "duckdb_destroy_data_chunk");
    load(chunk_size, "duckdb_data_chunk_get_size");
    load(chunk_vector, "duckdb_data_chunk_get_vector");
    load(vector_data, "duckdb_vector_get_data");
    load(vector_validity, "duckdb_vector_get_validity");
  }
};

/// Loaded once and never unloaded: it has threads and destructors of its own.
const Library& library() {
  static const Library* const loaded = new Library();
  return *loaded;
}

std::string words(const char* error) { return error != nullptr ? error : "unknown reason"; }

}  // namespace

std::string why_no_duckdb() { return library().problem; }

DuckDb::DuckDb(std::int64_t memory_bytes) { open(memory_bytes); }

DuckDb::DuckDb(const fs::path& file_path, std::int64_t memory_bytes) {
  check(why_no_duckdb().empty(), "cannot read ", file_path.string(), ": ", why_no_duckdb());
  fd_ = ::open(file_path.c_str(), O_RDONLY | O_CLOEXEC);
  check(fd_ >= 0, "cannot open ", file_path.string(), ": ", std::strerror(errno));
  readable_path_ = "/proc/self/fd/" + std::to_string(fd_);
  try {
    open(memory_bytes);
    // The path is ours and has no character that needs quoting.
    for (const std::string& setting :
         {"SET allowed_paths = ['" + readable_path_ + "']", std::string("SET enable_external_access = false"),
          std::string("SET lock_configuration = true")})
      DuckDbRows(*this, setting).next();
  } catch (...) {
    if (connection_ != nullptr) library().disconnect(&connection_);
    if (database_ != nullptr) library().close(&database_);
    ::close(fd_);
    throw;
  }
}

void DuckDb::open(std::int64_t memory_bytes) {
  const Library& duckdb = library();
  check(duckdb.problem.empty(), duckdb.problem.c_str());
  void* config = nullptr;
  check(duckdb.create_config(&config) == 0, "DuckDB has no memory for its configuration");
  const std::string memory = std::to_string(std::max<std::int64_t>(memory_bytes >> 20, 64)) + "MiB";
  const std::pair<const char*, const char*> settings[] = {{"threads", "1"},
                                                          {"memory_limit", memory.c_str()},
                                                          {"temp_directory", ""},
                                                          {"autoinstall_known_extensions", "false"},
                                                          {"autoload_known_extensions", "false"}};
  bool is_set = true;
  for (const auto& [name, value] : settings) is_set = is_set && duckdb.set_config(config, name, value) == 0;
  char* error = nullptr;
  const bool is_open = is_set && duckdb.open_ext(nullptr, &database_, config, &error) == 0;
  duckdb.destroy_config(&config);
  const std::string reason = words(error);
  if (error != nullptr) duckdb.free(error);
  check(is_open, "DuckDB cannot start: ", reason);
  check(duckdb.connect(database_, &connection_) == 0, "DuckDB cannot start: no connection");
}

DuckDb::~DuckDb() {
  library().disconnect(&connection_);
  library().close(&database_);
  if (fd_ >= 0) ::close(fd_);
}

struct DuckDbRows::State {
  Result result = {};
  bool has_result = false, is_over = false;
  void* chunk = nullptr;
  std::uint64_t rows = 0, row = 0;  ///< of the chunk; the current one
  std::vector<void*> data;
  std::vector<std::uint64_t*> validity;

  ~State() {
    if (chunk != nullptr) library().destroy_chunk(&chunk);
    if (has_result) library().destroy_result(&result);
  }
  template <class T>
  const T& at(std::size_t column) const {
    return static_cast<const T*>(data[column])[row];
  }
};

DuckDbRows::DuckDbRows(DuckDb& database, const std::string& query, const std::vector<std::string>& parameters)
    : state_(std::make_unique<State>()) {
  const Library& duckdb = library();
  struct Statement {
    void* handle = nullptr;
    void* pending = nullptr;
    ~Statement() {
      if (pending != nullptr) library().destroy_pending(&pending);
      library().destroy_prepare(&handle);
    }
  } statement;
  check(duckdb.prepare(database.connection_, query.c_str(), &statement.handle) == 0,
        "DuckDB: ", words(duckdb.prepare_error(statement.handle)));
  for (std::size_t i = 0; i < parameters.size(); ++i)
    check(duckdb.bind_varchar(statement.handle, i + 1, parameters[i].c_str()) == 0,
          "DuckDB: ", words(duckdb.prepare_error(statement.handle)));
  check(duckdb.pending_streaming(statement.handle, &statement.pending) == 0,
        "DuckDB: ", words(duckdb.pending_error(statement.pending)));
  const int status = duckdb.execute_pending(statement.pending, &state_->result);
  state_->has_result = true;
  check(status == 0, "DuckDB: ", words(duckdb.result_error(&state_->result)));
}

DuckDbRows::~DuckDbRows() = default;

std::size_t DuckDbRows::columns() const { return library().column_count(&state_->result); }
std::string DuckDbRows::column_name(std::size_t column) const { return words(library().column_name(&state_->result, column)); }
int DuckDbRows::column_type_id(std::size_t column) const { return library().column_type(&state_->result, column); }
DuckDbType DuckDbRows::column_type(std::size_t column) const {
  switch (column_type_id(column)) {
    case kBoolean:
      return DuckDbType::boolean;
    case kBigint:
      return DuckDbType::bigint;
    case kUbigint:
      return DuckDbType::ubigint;
    case kDouble:
      return DuckDbType::real;
    case kVarchar:
    case kBlob:
      return DuckDbType::text;
    default:
      return DuckDbType::other;
  }
}

bool DuckDbRows::next() {
  const Library& duckdb = library();
  State& state = *state_;
  if (state.is_over) return false;
  if (state.chunk != nullptr && ++state.row < state.rows) return true;
  for (;;) {
    if (state.chunk != nullptr) duckdb.destroy_chunk(&state.chunk);
    state.chunk = duckdb.fetch_chunk(state.result);
    state.is_over = state.chunk == nullptr;
    if (state.is_over) {
      const char* error = duckdb.result_error(&state.result);
      check(error == nullptr || *error == '\0', "DuckDB: ", words(error));
      return false;
    }
    state.rows = duckdb.chunk_size(state.chunk);
    state.row = 0;
    if (state.rows > 0) break;
  }
  const std::size_t n = columns();
  state.data.resize(n);
  state.validity.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    void* vector = duckdb.chunk_vector(state.chunk, i);
    state.data[i] = duckdb.vector_data(vector);
    state.validity[i] = duckdb.vector_validity(vector);  // null if all are valid
  }
  return true;
}

bool DuckDbRows::is_null(std::size_t column) const {
  const std::uint64_t* mask = state_->validity[column];
  return mask != nullptr && (mask[state_->row / 64] >> (state_->row % 64) & 1) == 0;
}
bool DuckDbRows::boolean(std::size_t column) const { return state_->at<std::uint8_t>(column) != 0; }
std::int64_t DuckDbRows::bigint(std::size_t column) const { return state_->at<std::int64_t>(column); }
std::uint64_t DuckDbRows::ubigint(std::size_t column) const { return state_->at<std::uint64_t>(column); }
double DuckDbRows::real(std::size_t column) const { return state_->at<double>(column); }
std::string_view DuckDbRows::text(std::size_t column) const { return state_->at<String>(column).view(); }

}  // namespace corollary
