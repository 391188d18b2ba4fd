// The table "who may include whom" of docs/architecture.md, enforced: on #includes, on CMake links, on vendor headers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/files.h"

namespace corollary {
namespace {

using Table = std::map<std::string, std::set<std::string>>;  ///< folder -> the folders it may include

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::set<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::set<std::string> found;
  for (std::string word; in >> word;) found.insert(word);
  return found;
}

/// The rows "| folder | base device |" below the heading "| folder | may include |"; "-" is none, "all..." is every folder.
Table read_table(const std::string& page) {
  Table table;
  bool inside = false;
  for (const std::string& line : lines_of(page)) {
    if (line.starts_with("| folder | may include |")) {
      inside = true;
    } else if (inside && !line.starts_with("|")) {
      break;
    } else if (inside && !line.starts_with("|---")) {
      const auto middle = line.find('|', 1), end = line.find('|', middle + 1);
      check(end != std::string::npos, "not a row of two cells: ", line);
      const auto name = words(line.substr(1, middle - 1));
      check(name.size() == 1, "not one folder: ", line);
      auto may = words(line.substr(middle + 1, end - middle - 1));
      may.erase("-");
      table[*name.begin()] = may;
    }
  }
  for (auto& [folder, may] : table)
    if (may.contains("all;"))
      for (const auto& [other, row] : table) may.insert(other);
  for (auto& [folder, may] : table) may.erase("all;"), may.erase("nobody"), may.erase("includes"), may.erase("it");
  return table;
}

/// Each row with the rows of what it names, and so on: what a test may include to make its inputs. eval's tests may write a model.
Table closure(Table table) {
  for (bool grew = true; grew;) {
    grew = false;
    for (auto& [folder, may] : table)
      for (const std::string& other : std::set<std::string>(may))
        for (const std::string& further : table[other]) grew |= may.insert(further).second;
  }
  return table;
}

bool is_test(const fs::path& path) {
  const std::string stem = path.stem().string();
  return stem.ends_with("_test") || stem.ends_with("_fuzz");
}

/// Headers of vendors: only device, comm and kernels use them, and none of their public headers.
bool is_vendor_header(std::string_view name) {
  for (const std::string_view pattern : {"dnnl*", "oneapi/*", "*intrin.h", "arm_neon.h", "arm_sve.h", "hwy/*", "cuda*", "cublas*",
                                         "cudnn*", "nccl*", "mpi.h", "cblas.h", "tbb/*", "oneapi/tbb/*"})
    if (glob_match(pattern, name)) return true;
  return false;
}

bool is_source(const fs::path& path) {
  const auto extension = path.extension();
  return extension == ".h" || extension == ".cpp" || extension == ".cu" || extension == ".cuh" || extension == ".inc";
}

/// Every broken rule below `src`, as "folder/file:line: what".
std::vector<std::string> violations(const fs::path& src, const Table& table) {
  const Table tests_table = closure(table);
  std::vector<std::string> found;
  for (const fs::path& path : list_files(src)) {
    if (!is_source(path)) continue;
    const fs::path relative = fs::relative(path, src);
    const std::string folder = relative.begin()->string();
    const bool is_public_header = path.extension() == ".h" && std::distance(relative.begin(), relative.end()) == 2;
    const auto row = table.find(folder);
    const auto lines = lines_of(read_file(path));
    const auto report = [&](std::size_t i, const std::string& what) {
      found.push_back(relative.string() + ":" + std::to_string(i + 1) + ": " + what);
    };
    if (row == table.end()) {
      report(0, "folder " + folder + " has no row in docs/architecture.md");
      continue;
    }
    // x-inl.h is read once for each processor it is compiled for, so it has no guard of this kind.
    const bool is_guarded = path.extension() == ".h" && !path.stem().string().ends_with("-inl");
    if (is_guarded && (lines.empty() || lines[0] != "#pragma once")) report(0, "does not begin with #pragma once");
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string& line = lines[i];
      if (!line.starts_with("#include ") || line.size() < 11) continue;
      const char close = line[9] == '<' ? '>' : '"';
      const std::string name = line.substr(10, line.find(close, 10) - 10);
      if (close == '>') {
        const bool may_hold =
            folder == "device" || folder == "comm" || folder == "kernels" || (folder == "base" && name.starts_with("tbb/")) ||
            (folder == "corpus" && name.starts_with("hwy/"));  // text and hashes, sixteen to sixty-four bytes at a time
        if (is_vendor_header(name) && !may_hold) report(i, "<" + name + "> belongs into device, comm or kernels");
        if (is_vendor_header(name) && is_public_header) report(i, "<" + name + "> in a public header");
        continue;
      }
      const std::string target = fs::path(name).begin()->string();
      if (!fs::exists(src / name))
        report(i, "\"" + name + "\" is not a path below src/");
      else if (target != folder && !(is_test(path) ? tests_table : table).at(folder).contains(target))
        report(i, folder + " may not include " + target);
    }
  }
  return found;
}

/// Every corollary_X in src/FOLDER/CMakeLists.txt that its row does not hold.
std::vector<std::string> link_violations(const fs::path& src, const Table& table) {
  const Table tests_table = closure(table);
  std::vector<std::string> found;
  for (const auto& [folder, may] : table) {
    const fs::path path = src / folder / "CMakeLists.txt";
    if (!fs::exists(path)) continue;
    const auto lines = lines_of(read_file(path));
    bool inside_test = false;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (const auto name = lines[i].substr(0, lines[i].find('(')); !name.empty() && name[0] != ' ')
        inside_test = name == "corollary_test" || name == "corollary_fuzzer";
      const auto& allowed = (inside_test ? tests_table : table).at(folder);
      for (const auto& [other, row] : table) {
        const std::string library = "corollary_" + other;
        for (auto at = lines[i].find(library); at != std::string::npos; at = lines[i].find(library, at + 1)) {
          const char after = at + library.size() < lines[i].size() ? lines[i][at + library.size()] : ' ';
          const bool whole = after == ' ' || after == ')';
          if (whole && other != folder && !allowed.contains(other))
            found.push_back(folder + "/CMakeLists.txt:" + std::to_string(i + 1) + ": " + folder + " may not link " + other);
        }
      }
    }
  }
  return found;
}

const fs::path kSource = COROLLARY_SOURCE_DIR;

TEST(Layering, EveryIncludeAndLinkObeysTheTable) {
  const Table table = read_table(read_file(kSource / "docs/architecture.md"));
  ASSERT_GE(table.size(), 12u);
  EXPECT_THAT(violations(kSource / "src", table), testing::IsEmpty());
  EXPECT_THAT(link_violations(kSource / "src", table), testing::IsEmpty());
}

TEST(Layering, TheTableHasNoCycle) {
  Table left = read_table(read_file(kSource / "docs/architecture.md"));
  for (bool removed = true; removed;) {
    removed = false;
    for (auto row = left.begin(); row != left.end();) {
      const bool is_leaf =
          std::ranges::none_of(row->second, [&](const std::string& other) { return other != row->first && left.contains(other); });
      row = is_leaf ? left.erase(row) : std::next(row);
      removed |= is_leaf;
    }
  }
  for (const auto& [folder, may] : left) ADD_FAILURE() << folder << " stands in a cycle";
}

// The checks themselves can fail: a tree that breaks each rule once.
TEST(Layering, NamesFileAndLineOfEachBrokenRule) {
  const fs::path src = fs::path(testing::TempDir()) / "corollary_layering";
  fs::remove_all(src);
  write_file(src / "base/good.h", "#pragma once\n#include <string>\n");
  write_file(src / "base/up.cpp", "\n#include \"model/llama.h\"\n");
  write_file(src / "model/llama.h", "#pragma once\n#include \"base/good.h\"\n");
  write_file(src / "model/no_guard.h", "struct A {};\n");
  write_file(src / "model/body-inl.h", "struct B {};\n");
  write_file(src / "model/vendor.cpp", "#include <immintrin.h>\n");
  write_file(src / "model/llama_test.cpp", "#include \"base/good.h\"\n");
  write_file(src / "top/a.cpp", "#include \"model/llama.h\"\n#include \"base/good.h\"\n");
  write_file(src / "top/a_test.cpp", "#include \"base/good.h\"\n");
  write_file(src / "top/CMakeLists.txt",
             "corollary_library(top\n  LINKS corollary_base)\ncorollary_test(top_test\n  LINKS corollary_base)\n");
  write_file(src / "kernels/matmul.h", "#pragma once\n#include <dnnl.hpp>\n");
  write_file(src / "kernels/cpu/inner.h", "#pragma once\n#include <dnnl.hpp>\n");
  write_file(src / "kernels/near.cpp", "#include \"matmul.h\"\n");
  write_file(src / "util/a.cpp", "\n");
  write_file(src / "base/CMakeLists.txt", "corollary_library(base SOURCES a.cpp\n  LINKS corollary_model_x corollary_model)\n");
  const Table table = read_table(
      "| folder | may include |\n|---|---|\n| base | - |\n| kernels | base |\n| model | base kernels |\n| top | model |\n\n");
  EXPECT_THAT(violations(src, table),
              testing::UnorderedElementsAre(
                  "base/up.cpp:2: base may not include model", "model/no_guard.h:1: does not begin with #pragma once",
                  "model/vendor.cpp:1: <immintrin.h> belongs into device, comm or kernels",
                  "kernels/matmul.h:2: <dnnl.hpp> in a public header", "kernels/near.cpp:1: \"matmul.h\" is not a path below src/",
                  "top/a.cpp:2: top may not include base", "util/a.cpp:1: folder util has no row in docs/architecture.md"));
  EXPECT_THAT(link_violations(src, table), testing::ElementsAre("base/CMakeLists.txt:2: base may not link model",
                                                                "top/CMakeLists.txt:2: top may not link base"));
  fs::remove_all(src);
}

}  // namespace
}  // namespace corollary
