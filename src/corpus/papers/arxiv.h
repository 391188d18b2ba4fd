#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "corpus/document.h"
#include "corpus/papers/arxiv_metadata.h"
#include "corpus/papers/latex.h"
#include "corpus/papers/paper_files.h"

namespace corollary {

struct ArxivConfig {
  LatexOptions latex;
  PaperLimits limits;
  std::string categories;     ///< only papers of these, by the metadata: "math math-ph"; empty: all
  bool as_published = false;  ///< RedPajama's cleaning to the letter (redpajama.h), its losses too
  static void each(auto& config, auto&& visit) {
    LatexOptions::each(config.latex, visit);
    PaperLimits::each(config.limits, visit);
    visit("categories", config.categories);
    visit("as_published", config.as_published);
  }
};

/// A paper's identifier as its file in arXiv's bulk archives names it.
struct ArxivId {
  std::string id;       ///< "1812.05995", "math/0301001": no version
  std::string yymm;     ///< "1812"
  std::string version;  ///< "v2"; empty if the name has none
};
/// Of "1812/1812.05995.gz", "0301/math0301001.gz", "1812.05995v2.tar.gz"; nothing if it is no such name.
std::optional<ArxivId> arxiv_id_of(std::string_view path);

struct ArxivPaper {
  Document document;                   ///< text, and meta below
  std::optional<Rejection> rejection;  ///< set: no document
};

/// One submission, a member of a bulk archive (or any tar.gz, tar, gz or tex), as a document. meta has what RedPajama's has
///   arxiv_id, yymm, url, source "arxiv", timestamp (from the metadata)     language is left to language identification
/// and: title, licence and categories (from the metadata), main (the files it starts at), and, if there are any, missing_inputs and
/// repeated_inputs. Rejections: those of unpack_paper, "no_main_file", "nothing_left", "category" (not wanted), "unknown_category"
/// (a category is asked for and the paper is not in the metadata), and as published "invalid_utf8", "macro_value". `metadata` may
/// be null. Never throws on account of the bytes. Thread-safe.
ArxivPaper arxiv_document(std::string_view path, std::string_view bytes, const ArxivConfig& config = {},
                          const ArxivMetadata* metadata = nullptr);

}  // namespace corollary
