#include "train/state_shards.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/fields.h"
#include "base/json.h"

namespace corollary {
namespace {

constexpr const char* kSlicesKey = "slices";

std::int64_t rows_of(const Shape& shape) { return shape[0]; }
std::int64_t columns_of(const Shape& shape) { return shape.rank() == 2 ? shape[1] : 1; }
std::int64_t width(const OwnedSlice& slice) { return slice.col_end - slice.col_begin; }
std::int64_t size(const OwnedSlice& slice) { return slice.end - slice.begin; }

/// A piece as its file says it: "model.norm.weight": {"name", "shape", "rows": [b, e], "columns": [b, e], "elements": [b, e]}.
struct StoredPlace {
  std::string name;
  std::vector<std::int64_t> shape, rows, columns, elements;
  static void each(auto& place, auto&& visit) {
    visit("name", place.name);
    visit("shape", place.shape);
    visit("rows", place.rows);
    visit("columns", place.columns);
    visit("elements", place.elements);
  }
};

std::string range_text(const OwnedSlice& slice) {
  return "rows [" + std::to_string(slice.row_begin) + ", " + std::to_string(slice.row_end) + "), columns [" +
         std::to_string(slice.col_begin) + ", " + std::to_string(slice.col_end) + "), elements [" + std::to_string(slice.begin) +
         ", " + std::to_string(slice.end) + ") of these";
}

void check_place(const OwnedSlice& slice, const std::string& where) {
  const auto is_range = [](std::int64_t begin, std::int64_t end, std::int64_t most) {
    return 0 <= begin && begin <= end && end <= most;
  };
  const int rank = slice.global_shape.rank();
  check((rank == 1 || rank == 2) && is_range(slice.row_begin, slice.row_end, rows_of(slice.global_shape)) &&
            is_range(slice.col_begin, slice.col_end, columns_of(slice.global_shape)) &&
            is_range(slice.begin, slice.end, (slice.row_end - slice.row_begin) * width(slice)),
        "", where, ": tensor ", slice.name, " of shape ", slice.global_shape, " has no ", range_text(slice));
}

/// [rows, columns] or [rows] where the piece is whole rows of its rectangle, else [elements].
Shape stored_shape(const OwnedSlice& slice) {
  if (slice.global_shape.rank() == 1 || width(slice) == 0 || slice.begin % width(slice) != 0 || slice.end % width(slice) != 0)
    return {size(slice)};
  return {size(slice) / width(slice), width(slice)};
}

using Run = std::pair<std::int64_t, std::int64_t>;  // elements [first, second)

void append_run(std::vector<Run>& runs, Run run) {
  if (!runs.empty() && runs.back().second == run.first) {
    runs.back().second = run.second;
  } else {
    runs.push_back(run);
  }
}

/// Copies what `piece` has of `wanted` to out (element wanted.begin first), and notes which of wanted's elements these were.
void copy_common(const OwnedSlice& wanted, float* out, const OwnedSlice& piece, const std::byte* bytes, std::vector<Run>& covered) {
  const auto copy_run = [&](std::int64_t to, std::int64_t from, std::int64_t count) {  // both as elements of their rectangles
    std::memcpy(out + (to - wanted.begin), bytes + (from - piece.begin) * 4, static_cast<std::size_t>(count) * 4);
    append_run(covered, {to, to + count});
  };
  const std::int64_t wide = width(wanted);
  if (wanted.col_begin == piece.col_begin && wanted.col_end == piece.col_end) {  // a shift of rows: one run
    const std::int64_t shift = (wanted.row_begin - piece.row_begin) * wide;      // element i here is element i + shift there
    const std::int64_t first = std::max(wanted.begin, piece.begin - shift), last = std::min(wanted.end, piece.end - shift);
    if (first < last) copy_run(first, first + shift, last - first);
    return;
  }
  const std::int64_t col_begin = std::max(wanted.col_begin, piece.col_begin), col_end = std::min(wanted.col_end, piece.col_end);
  if (col_begin >= col_end || size(wanted) == 0 || size(piece) == 0) return;
  const std::int64_t row_begin = std::max(wanted.row_begin + wanted.begin / wide, piece.row_begin + piece.begin / width(piece));
  const std::int64_t row_end =
      std::min(wanted.row_begin + (wanted.end - 1) / wide, piece.row_begin + (piece.end - 1) / width(piece)) + 1;
  for (std::int64_t row = row_begin; row < row_end; ++row) {
    const std::int64_t here = (row - wanted.row_begin) * wide - wanted.col_begin;         // + column: element of wanted
    const std::int64_t there = (row - piece.row_begin) * width(piece) - piece.col_begin;  // + column: element of piece
    const std::int64_t first = std::max({col_begin, wanted.begin - here, piece.begin - there});
    const std::int64_t last = std::min({col_end, wanted.end - here, piece.end - there});
    if (first < last) copy_run(here + first, there + first, last - first);
  }
}

/// Of a tensor in a file that says nothing of places.
OwnedSlice whole_place(const SafetensorsEntry& entry, const std::string& where) {
  check(entry.shape.size() == 1 || entry.shape.size() == 2, "damaged ", where, ": tensor ", entry.name,
        " is neither a matrix nor a row: ", shape_text(entry.shape));
  const Shape shape(entry.shape);
  return {.name = entry.name,
          .global_shape = shape,
          .row_begin = 0,
          .row_end = rows_of(shape),
          .col_begin = 0,
          .col_end = columns_of(shape),
          .begin = 0,
          .end = shape.count()};
}

bool is_same_place(const OwnedSlice& a, const OwnedSlice& b) {
  return a.row_begin == b.row_begin && a.row_end == b.row_end && a.col_begin == b.col_begin && a.col_end == b.col_end &&
         a.begin == b.begin && a.end == b.end;
}

}  // namespace

std::int64_t count_of(const std::vector<OwnedSlice>& slices) {
  std::vector<Run> runs;
  for (const OwnedSlice& slice : slices) {
    check_place(slice, "owned slices");
    check(slice.local_offset >= 0, "owned slices: ", slice.name, " lies at element ", slice.local_offset);
    runs.emplace_back(slice.local_offset, slice.local_offset + size(slice));
  }
  std::sort(runs.begin(), runs.end());
  for (std::size_t i = 1; i < runs.size(); ++i)
    check(runs[i - 1].second <= runs[i].first, "owned slices overlap at element ", runs[i].first);
  return runs.empty() ? 0 : runs.back().second;
}

void write_shard(Stream& stream, const fs::path& path, const std::vector<OwnedSlice>& slices, ConstTensor flat) {
  std::vector<SafetensorsDeclaration> declarations;
  std::vector<const OwnedSlice*> order;
  std::map<std::string, int> seen;
  Json places = Json::object();
  for (const OwnedSlice& slice : slices) {
    check_place(slice, "cannot write " + path.string());
    if (size(slice) == 0) continue;
    const int before = seen[slice.name]++;
    const std::string name = before == 0 ? slice.name : slice.name + "@" + std::to_string(before);
    const auto extents = slice.global_shape.extents();
    places[name] = fields_to_json(StoredPlace{.name = slice.name,
                                              .shape = {extents.begin(), extents.end()},
                                              .rows = {slice.row_begin, slice.row_end},
                                              .columns = {slice.col_begin, slice.col_end},
                                              .elements = {slice.begin, slice.end}});
    declarations.push_back({name, DType::f32, stored_shape(slice)});
    order.push_back(&slice);
  }
  SafetensorsWriter writer(path, std::move(declarations), {{"format", "pt"}, {kSlicesKey, places.dump()}});
  OwnedTensor staging;
  for (const OwnedSlice* slice : order) {
    ConstTensor piece = flat.rows(slice->local_offset, slice->local_offset + size(*slice));
    if (stream.on_cuda()) {
      staging = OwnedTensor(DType::f32, piece.shape());
      copy(stream, staging, piece);
      stream.synchronize();
      piece = staging;
    }
    writer.write(piece);
  }
  writer.commit();
}

std::map<std::string, OwnedSlice> parse_slices(std::string_view text, const std::string& where) {
  const Json json = parse_json(text, where);
  check(json.is_object(), "damaged ", where, ": its slices are no object");
  std::map<std::string, OwnedSlice> slices;
  for (const auto& [tensor, value] : json.items()) {
    StoredPlace place;
    fields_from_json(place, value, "damaged " + where + ": slice " + tensor);
    check((place.shape.size() == 1 || place.shape.size() == 2) && place.rows.size() == 2 && place.columns.size() == 2 &&
              place.elements.size() == 2,
          "damaged ", where, ": slice ", tensor, " is not a shape of one or two extents and three ranges");
    for (const std::int64_t extent : place.shape)
      check(0 <= extent && extent <= std::numeric_limits<std::int32_t>::max(), "damaged ", where, ": slice ", tensor,
            " has extent ", extent);
    OwnedSlice slice{.name = place.name,
                     .global_shape = Shape(place.shape),
                     .row_begin = place.rows[0],
                     .row_end = place.rows[1],
                     .col_begin = place.columns[0],
                     .col_end = place.columns[1],
                     .begin = place.elements[0],
                     .end = place.elements[1]};
    check_place(slice, "damaged " + where);
    check(slices.emplace(tensor, std::move(slice)).second, "damaged ", where, ": slice ", tensor, " stands there twice");
  }
  return slices;
}

ShardReader::ShardReader(const std::vector<fs::path>& paths) {
  for (const fs::path& path : paths) {
    files_.push_back(std::make_unique<SafetensorsFile>(path));
    add(*files_.back());
  }
}

void ShardReader::add(const SafetensorsFile& file) {
  const std::string where = file.path().string();
  const auto metadata = file.metadata().find(kSlicesKey);
  std::map<std::string, OwnedSlice> places;
  if (metadata != file.metadata().end()) {
    places = parse_slices(metadata->second, where);
    check(places.size() == file.entries().size(), "damaged ", where, ": it places ", places.size(), " tensors and holds ",
          file.entries().size());
  }
  for (const SafetensorsEntry& entry : file.entries()) {
    check(entry.dtype == "F32", "damaged ", where, ": tensor ", entry.name, " is ", entry.dtype, ", must be F32");
    const auto found = places.find(entry.name);
    check(places.empty() || found != places.end(), "damaged ", where, ": tensor ", entry.name, " has no place");
    const Piece piece{places.empty() ? whole_place(entry, where) : found->second, &file, file.bytes(entry).data()};
    check(size(piece.place) == entry.count(), "damaged ", where, ": tensor ", entry.name, " has ", entry.count(),
          " elements, its place has ", size(piece.place));
    std::vector<Piece>& others = pieces_[piece.place.name];
    bool is_new = true;
    for (const Piece& other : others) {
      check(other.place.global_shape == piece.place.global_shape, "damaged ", where, ": tensor ", piece.place.name, " is ",
            piece.place.global_shape, ", in ", other.file->path().string(), " it is ", other.place.global_shape);
      if (!is_same_place(other.place, piece.place)) continue;  // norm scales: every tensor parallel rank has them
      check(std::memcmp(other.bytes, piece.bytes, static_cast<std::size_t>(size(piece.place)) * 4) == 0, "damaged ", where,
            ": tensor ", piece.place.name, " is not what ", other.file->path().string(), " holds of the same ",
            range_text(piece.place), ": the ranks had diverged");
      is_new = false;
    }
    if (is_new) others.push_back(piece);
  }
}

void ShardReader::read(const OwnedSlice& wanted, Tensor out) const {
  check_place(wanted, "cannot read");
  check(out.is_contiguous() && out.count() == size(wanted), "tensor ", wanted.name, ": ", size(wanted), " elements do not fit in ",
        out.shape());
  if (size(wanted) == 0) return;
  const auto found = pieces_.find(wanted.name);
  check(found != pieces_.end(), "damaged checkpoint: no shard holds tensor ", wanted.name);
  const Shape& stored = found->second.front().place.global_shape;
  check(stored == wanted.global_shape, "damaged checkpoint: tensor ", wanted.name, " is ", stored, " in its files, the model's is ",
        wanted.global_shape);
  std::vector<Run> covered;
  for (const Piece& piece : found->second) copy_common(wanted, out.data<float>(), piece.place, piece.bytes, covered);
  std::sort(covered.begin(), covered.end());
  std::int64_t next = wanted.begin;
  const auto expect = [&](std::int64_t begin) {
    if (begin <= next) return;
    OwnedSlice missing = wanted;
    missing.begin = next, missing.end = begin;
    fail("damaged checkpoint: no shard holds of tensor ", wanted.name, " ", range_text(missing));
  };
  for (const auto& [begin, end] : covered) {
    expect(begin);
    next = std::max(next, end);
  }
  expect(wanted.end);
}

void ShardReader::check_tensors(const ParameterLayout& layout) const {
  check(pieces_.size() == layout.entries.size(), "damaged checkpoint: it holds ", pieces_.size(), " tensors, the model has ",
        layout.entries.size());
  for (const ParameterLayout::Entry& entry : layout.entries)
    check(pieces_.contains(entry.name), "damaged checkpoint: it lacks tensor ", entry.name);
}

}  // namespace corollary
