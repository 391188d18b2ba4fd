#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/files.h"
#include "corpus/sources/http_client.h"

namespace corollary {

/// Files of a data set on the Hugging Face hub: hf://datasets/OWNER/NAME[@REVISION]/PATH, PATH a file, a folder (all below it) or a
/// pattern of '*' and '?' ('*' crosses '/').
struct HubAddress {
  std::string repository;         ///< "OWNER/NAME"
  std::string revision = "main";  ///< branch, tag or commit; its '/' written %2F
  std::string path;               ///< empty: all
};
/// Throws Error that shows the right form.
HubAddress parse_hub_uri(const std::string& uri);

/// The service and how it is asked.
struct HubServer {
  std::string endpoint = "https://huggingface.co";
  HttpConfig http = {};
  fs::path cache;
};
/// $HF_ENDPOINT or the public service, $HF_TOKEN, <cache>/hub.
HubServer hub_server();

struct HubFile {
  std::string path;    ///< in the repository
  std::string commit;  ///< the revision's, 40 digits
  std::int64_t bytes = 0;
  std::string sha256;   ///< of large files, as the service states; of others once brought
  std::string git_oid;  ///< of other files: SHA-1 of "blob BYTES\0" and the bytes
  fs::path local;       ///< <cache>/OWNER/NAME/COMMIT/PATH
};

/// The files meant, sorted by path, with the commit the revision stands for now; `glob` as in a source (a name, or a path if it has
/// a
/// '/'). Touches the network, brings nothing. Throws Error if there are none or the service refuses.
std::vector<HubFile> list_hub_files(const HubServer& server, const HubAddress& address, const std::string& glob = "*");

/// Brings one file, resuming; size and digest (SHA-256 or git's) are compared before it appears. Fills sha256. Error with the
/// remedy.
void bring_hub_file(const HubServer& server, const HubAddress& address, HubFile& file);

}  // namespace corollary
