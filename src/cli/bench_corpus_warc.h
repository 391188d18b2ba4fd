#pragma once
#include <vector>

#include "base/files.h"
#include "cli/bench.h"

namespace corollary {

/// Row "corpus.warc_prefilter": MB/s of unpacked WARC bytes read and prefiltered (prefilter_page without callbacks) on one core,
/// from a file of one gzip member a record, and beside it "corpus.warc_prefilter.zstd", ".plain" and ".gzip_records" (records/s of
/// the first). Input: a .warc or .warc.gz file `data`, else the pages_*.warc.gz of ../shared/data, else pages made here; repeated
/// to 100 MB or more. No peer: warcio and FastWARC are no Debian packages; the row says what share of the time of libdeflate alone
/// it is.
std::vector<BenchRow> bench_corpus_warc(const fs::path& data = {});

}  // namespace corollary
