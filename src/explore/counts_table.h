#pragma once
#include <string>

#include "base/json.h"
#include "explore/html.h"

namespace corollary {

/// A manifest's counts as HTML tables, whatever their shape: numbers become a table of two columns; several objects of the same
/// kind
/// ({"code": {"documents", "bytes"}, "web": ...}) one table with a row each, lists of objects too; what is nested deeper a table
/// of its own. Digests and absolute paths are left to the provenance.
/// `caption` names the stage. Empty if there is nothing to show.
Html counts_tables(const std::string& caption, const Json& counts);

/// A count as people read it: "1,234,567"; for a name that ends in "bytes" also "1.2 MB"; NaN and null as "NaN" and a dash.
std::string readable(const std::string& name, const Json& value);
std::string with_commas(std::int64_t number);
std::string whole(double number);  ///< rounded, with commas; a dash for NaN and infinities
/// Fixed digits, "NaN" for NaN, "infinite" for infinities.
std::string fixed(double number, int digits);
/// "rejected_by_reason" -> "rejected by reason".
std::string words(std::string name);

}  // namespace corollary
