#include "corpus/papers/arxiv_split.h"

#include "base/error.h"

namespace corollary {

ArxivSplit arxiv_split(std::int64_t lines) {
  check(lines >= 0, "a shard has ", lines, " lines: it must be 0 or more");
  ArxivSplit split;
  split.train = lines / 100 * 99 + lines % 100 * 99 / 100;  // floor(99 N / 100) without overflow
  split.validation = (lines - split.train) / 2;
  split.test = lines - split.train - split.validation;
  return split;
}

Split arxiv_split_of(std::int64_t index, std::int64_t lines) {
  check(index >= 0 && index < lines, "document ", index, " of a shard of ", lines);
  const ArxivSplit split = arxiv_split(lines);
  if (index < split.train) return Split::train;
  return index < split.train + split.validation ? Split::validation : Split::test;
}

}  // namespace corollary
