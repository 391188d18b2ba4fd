#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/json.h"

namespace corollary {

/// Texts of test sets, or of a model's generations, that a corpus is compared with.
struct TestTexts {
  std::vector<std::string> texts;
  std::vector<std::string> names;   ///< "gsm8k/test.jsonl.zst:12 question": file, line, field
  std::vector<std::int64_t> items;  ///< which record each text is of, counted over all files
  std::vector<Json> records;        ///< only if kept
};

/// The string at a dotted path ("metadata.unprocessed_answers"); a list gives each of its strings. Nothing: the record has no such
/// field.
std::vector<std::string> strings_at(const Json& record, std::string_view path);

/// Reads JSON Lines files (.jsonl[.zst|.gz]; also .json: an array of objects, or an object a line) and takes the fields named from
/// every record that has them. Error naming the file if it cannot be read, a line is no object, or no record has any of the fields.
TestTexts read_test_texts(const std::vector<std::string>& files, const std::vector<std::string>& fields, bool keep_records = false);

}  // namespace corollary
