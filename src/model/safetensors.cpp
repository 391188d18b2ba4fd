#include "model/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/threads.h"

static_assert(std::endian::native == std::endian::little, "safetensors files are little endian");

namespace corollary {
namespace {

using SortedJson = nlohmann::json;  // keys in a tree: a header of a million tensors is not quadratic

constexpr std::uint64_t kMostHeaderBytes = 100'000'000;  // the format's own limit

struct Kind {
  std::string_view name;
  std::int64_t bytes;
};
constexpr std::array<Kind, 15> kKinds = {{{"F32", 4},
                                          {"BF16", 2},
                                          {"F16", 2},
                                          {"F64", 8},
                                          {"I64", 8},
                                          {"I32", 4},
                                          {"I16", 2},
                                          {"I8", 1},
                                          {"U64", 8},
                                          {"U32", 4},
                                          {"U16", 2},
                                          {"U8", 1},
                                          {"BOOL", 1},
                                          {"F8_E4M3", 1},
                                          {"F8_E5M2", 1}}};

std::string_view kind_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "F32";
    case DType::bf16:
      return "BF16";
    case DType::i32:
      return "I32";
    case DType::u16:
      return "U16";
    case DType::u8:
      return "U8";
    case DType::i8:
      break;
  }
  return "I8";
}

/// Parses without trusting depth, and refuses a tensor named twice, of which a JSON library would silently keep one.
SortedJson parse(std::string_view text, const std::string& where, int keys_at_depth) {
  std::set<std::string> names;
  const auto watch = [&](int depth, SortedJson::parse_event_t event, SortedJson& value) {
    check(depth <= 8, "damaged ", where, ": its JSON nests deeper than a table of tensors does");
    if (event == SortedJson::parse_event_t::key && depth == keys_at_depth)
      check(names.insert(value.get<std::string>()).second, "damaged ", where, ": tensor ", value.get<std::string>(),
            " stands there twice");
    return true;
  };
  try {
    return SortedJson::parse(text.begin(), text.end(), watch);
  } catch (const SortedJson::exception& error) {
    fail("damaged ", where, ": its JSON does not parse: ", error.what());
  }
}

std::int64_t whole(const SortedJson& value, const std::string& name, const char* what, const std::string& where) {
  check(value.is_number_unsigned() && value.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max(), "damaged ", where,
        ": tensor ", name, " has ", what, " ", value.dump().substr(0, 40), ", must be a whole number");
  return value.get<std::int64_t>();
}

/// One member of the header; offsets are still from the end of the header.
SafetensorsEntry parse_entry(const std::string& name, const SortedJson& json, const std::string& where) {
  const auto expect = [&](bool ok, const char* what) { check(ok, "damaged ", where, ": tensor ", name, " ", what); };
  expect(json.is_object(), "is no object");
  const auto dtype = json.find("dtype"), shape = json.find("shape"), offsets = json.find("data_offsets");
  expect(dtype != json.end() && dtype->is_string(), "has no dtype");
  expect(shape != json.end() && shape->is_array() && shape->size() <= 16, "has no shape of at most 16 extents");
  expect(offsets != json.end() && offsets->is_array() && offsets->size() == 2, "has no pair of data_offsets");
  SafetensorsEntry entry;
  entry.name = name;
  entry.dtype = dtype->get<std::string>();
  const auto kind = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& known) { return known.name == entry.dtype; });
  check(kind != kKinds.end(), "unsupported ", where, ": tensor ", name, " has dtype ", entry.dtype.substr(0, 20),
        ", read are F32, BF16 and F16: convert it with the tool that wrote it");
  std::int64_t bytes = kind->bytes;
  bool is_empty = false;
  for (const SortedJson& extent : *shape) {
    entry.shape.push_back(whole(extent, name, "extent", where));
    is_empty |= entry.shape.back() == 0;
  }
  for (const std::int64_t extent : entry.shape) {
    if (is_empty) break;
    check(extent <= std::numeric_limits<std::int64_t>::max() / bytes, "damaged ", where, ": tensor ", name, " of shape ",
          shape_text(entry.shape), " is larger than any file");
    bytes *= extent;
  }
  entry.offset_bytes = whole((*offsets)[0], name, "offset", where);
  const std::int64_t end = whole((*offsets)[1], name, "offset", where);
  expect(entry.offset_bytes <= end, "ends before it begins");
  entry.size_bytes = end - entry.offset_bytes;
  check(entry.size_bytes == (is_empty ? 0 : bytes), "damaged ", where, ": tensor ", name, " has ", entry.size_bytes,
        " bytes, its shape ", shape_text(entry.shape), " of ", entry.dtype, " needs ", is_empty ? 0 : bytes);
  return entry;
}

float float_of_half(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16, exponent = half >> 10 & 31u, fraction = half & 1023u;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float tiny = static_cast<float>(fraction) * 0x1p-24f;  // subnormal: exact in f32
  return sign ? -tiny : tiny;
}

/// Files align nothing: elements are copied out byte by byte, which compilers turn into plain loads.
template <class Raw, class To>
void convert(To* to, const std::byte* from, std::int64_t count, To (*one)(Raw)) {
  parallel_pieces(count, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      Raw raw;
      std::memcpy(&raw, from + i * static_cast<std::int64_t>(sizeof raw), sizeof raw);
      to[i] = one(raw);
    }
  });
}

}  // namespace

std::int64_t SafetensorsEntry::count() const {
  std::int64_t total = 1;
  for (const std::int64_t extent : shape) {
    if (extent == 0) return 0;
    total *= extent;
  }
  return total;
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) {
    if (text.size() > 1) text += ',';
    text += std::to_string(extent);
  }
  return text += ']';
}

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> bytes, const std::string& where) {
  check(bytes.size() >= 8, "not a safetensors file: ", where, " has ", bytes.size(), " bytes, the header size alone takes 8");
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), 8);
  check(header_bytes <= kMostHeaderBytes, "not a safetensors file: ", where, " announces a header of ", header_bytes,
        " bytes, the format allows ", kMostHeaderBytes);
  check(header_bytes <= bytes.size() - 8, "truncated ", where, ": it announces a header of ", header_bytes, " bytes and has ",
        bytes.size() - 8, ": download it again");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 8, header_bytes);
  check(text.starts_with('{'), "not a safetensors file: the header of ", where, " does not begin with {");

  SafetensorsHeader header;
  const SortedJson json = parse(text, where, 1);
  for (const auto& [name, value] : json.items()) {
    if (name != "__metadata__") {
      header.entries.push_back(parse_entry(name, value, where));
      continue;
    }
    check(value.is_object(), "damaged ", where, ": __metadata__ is no object");
    for (const auto& [key, item] : value.items()) {
      check(item.is_string(), "damaged ", where, ": __metadata__ ", key, " is no string");
      header.metadata[key] = item.get<std::string>();
    }
  }
  std::sort(header.entries.begin(), header.entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::pair(a.offset_bytes, a.size_bytes) < std::pair(b.offset_bytes, b.size_bytes);
  });
  const auto data_bytes = static_cast<std::int64_t>(bytes.size() - 8 - header_bytes);
  std::int64_t next = 0;
  for (SafetensorsEntry& entry : header.entries) {
    check(entry.offset_bytes >= next, "damaged ", where, ": tensor ", entry.name, " overlaps the one before it");
    check(entry.offset_bytes == next, "damaged ", where, ": ", entry.offset_bytes - next, " bytes before tensor ", entry.name,
          " belong to no tensor");
    check(entry.size_bytes <= data_bytes - next, "truncated ", where, ": tensor ", entry.name, " ends at byte ",
          next + entry.size_bytes, " of the data, the file holds ", data_bytes, ": download it again");
    next += entry.size_bytes;
    entry.offset_bytes += static_cast<std::int64_t>(8 + header_bytes);
  }
  check(next == data_bytes, "damaged ", where, ": ", data_bytes - next, " bytes after the last tensor belong to none");
  return header;
}

SafetensorsFile::SafetensorsFile(fs::path path)
    : path_(std::move(path)), file_(path_), header_(parse_safetensors_header(file_.bytes(), path_.string())) {
  for (std::size_t i = 0; i < header_.entries.size(); ++i) by_name_[header_.entries[i].name] = i;
}

const SafetensorsEntry* SafetensorsFile::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &header_.entries[found->second];
}

std::span<const std::byte> SafetensorsFile::bytes(const SafetensorsEntry& entry) const {
  return file_.bytes().subspan(static_cast<std::size_t>(entry.offset_bytes), static_cast<std::size_t>(entry.size_bytes));
}

void SafetensorsFile::read(const SafetensorsEntry& entry, Tensor out) const {
  const std::int64_t count = entry.count();
  check(out.is_contiguous() && out.count() == count, "tensor ", entry.name, " of ", path_.string(), " has shape ",
        shape_text(entry.shape), ", wanted is ", out.shape());
  if (count == 0) return;
  const std::byte* from = bytes(entry).data();
  const std::string& kind = entry.dtype;
  const bool is_f32 = out.dtype() == DType::f32, is_bf16 = out.dtype() == DType::bf16;
  if (kind == kind_of(out.dtype())) {
    std::memcpy(out.raw(), from, static_cast<std::size_t>(entry.size_bytes));
  } else if (kind == "BF16" && is_f32) {
    convert<std::uint16_t, float>(out.data<float>(), from, count, [](std::uint16_t raw) { return to_float(bf16{raw}); });
  } else if (kind == "F16" && is_f32) {
    convert<std::uint16_t, float>(out.data<float>(), from, count, [](std::uint16_t raw) { return float_of_half(raw); });
  } else if (kind == "F32" && is_bf16) {
    convert<float, bf16>(out.data<bf16>(), from, count, [](float raw) { return to_bf16(raw); });
  } else if (kind == "F16" && is_bf16) {
    convert<std::uint16_t, bf16>(out.data<bf16>(), from, count, [](std::uint16_t raw) { return to_bf16(float_of_half(raw)); });
  } else {
    fail("unsupported ", path_.string(), ": tensor ", entry.name, " is ", kind, " and cannot become ", out.dtype(),
         ": weights may be F32, BF16 or F16");
  }
}

SafetensorsIndex parse_safetensors_index(std::string_view text, const std::string& where) {
  const SortedJson json = parse(text, where, 2);
  const auto map = json.is_object() ? json.find("weight_map") : json.end();
  check(json.is_object() && map != json.end() && map->is_object(), "not an index of safetensors: ", where, " has no weight_map");
  SafetensorsIndex index;
  for (const auto& [name, file] : map->items()) {
    check(file.is_string(), "damaged ", where, ": tensor ", name, " names no file");
    const std::string file_name = file.get<std::string>();
    // A name with a folder in it could read any file of the machine.
    check(file_name.ends_with(".safetensors") && file_name.find('/') == std::string::npos &&
              file_name.find('\0') == std::string::npos,
          "refused ", where, ": tensor ", name, " stands in ", file_name.substr(0, 80),
          ", must be a .safetensors file of the same folder");
    index.file_of[name] = file_name;
  }
  check(!index.file_of.empty(), "not an index of safetensors: the weight_map of ", where, " is empty");
  return index;
}

SafetensorsWriter::SafetensorsWriter(fs::path path, std::vector<SafetensorsDeclaration> tensors,
                                     const std::map<std::string, std::string>& metadata)
    : file_(std::move(path)), tensors_(std::move(tensors)) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::int64_t offset = 0;
  for (const SafetensorsDeclaration& tensor : tensors_) {
    check(tensor.name != "__metadata__" && !header.contains(tensor.name), "safetensors: two tensors are called ", tensor.name);
    const std::int64_t end = offset + tensor.shape.count() * size_of(tensor.dtype);
    header[tensor.name] = {{"dtype", kind_of(tensor.dtype)},
                           {"shape", std::vector<std::int64_t>(tensor.shape.extents().begin(), tensor.shape.extents().end())},
                           {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // tensors begin at a multiple of 8, as readers that map the file like it
  const std::uint64_t header_bytes = text.size();
  require_space(file_.path().parent_path().empty() ? "." : file_.path().parent_path(),
                offset + static_cast<std::int64_t>(text.size()) + 8, "weights");
  file_.write(&header_bytes, 8);
  file_.write(text);
}

void SafetensorsWriter::write(ConstTensor tensor) {
  check(written_ < tensors_.size(), "safetensors: all ", tensors_.size(), " declared tensors of ", file_.path().string(),
        " are written");
  const SafetensorsDeclaration& declared = tensors_[written_];
  const bool rounds = declared.dtype == DType::bf16 && tensor.dtype() == DType::f32;
  check(tensor.is_contiguous() && tensor.count() == declared.shape.count() && (rounds || tensor.dtype() == declared.dtype),
        "safetensors: ", declared.name, " was declared ", declared.dtype, " ", declared.shape, ", given is ", tensor.dtype(), " ",
        tensor.shape());
  if (rounds) {
    constexpr std::int64_t kPiece = 1 << 20;
    std::vector<bf16> piece;
    const float* values = tensor.data<float>();
    for (std::int64_t begin = 0; begin < tensor.count(); begin += kPiece) {
      const std::int64_t end = std::min(begin + kPiece, tensor.count());
      piece.resize(static_cast<std::size_t>(end - begin));
      std::transform(values + begin, values + end, piece.begin(), [](float value) { return to_bf16(value); });
      file_.write(piece.data(), piece.size() * sizeof(bf16));
    }
  } else {
    file_.write(tensor.raw(), static_cast<std::size_t>(tensor.count() * size_of(tensor.dtype())));
  }
  ++written_;
}

void SafetensorsWriter::commit() {
  check(written_ == tensors_.size(), "safetensors: ", file_.path().string(), " lacks ", tensors_.size() - written_,
        " declared tensors");
  file_.commit();
}

}  // namespace corollary
