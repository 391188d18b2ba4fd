#pragma once
#include "explore/html.h"
#include "explore/run_record.h"

namespace corollary {

/// The chain of manifests: per stage its time, configuration, the digests it read and wrote. A digest read that an earlier stage
/// wrote names that stage, so a reader can walk from a number on the page back to the sources.
Html provenance_section(const RunRecord& run);

}  // namespace corollary
