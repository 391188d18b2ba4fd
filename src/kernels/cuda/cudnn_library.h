#pragma once
#include <cudnn.h>

#include <cstddef>
#include <string>

#include "base/error.h"

namespace corollary::cuda {

/// cuDNN 9, loaded by name when first asked for: the functions this program calls.
struct CudnnLibrary {
  std::string path;
  std::size_t version = 0;  ///< 91900 is 9.19.0
  decltype(&cudnnGetVersion) get_version = nullptr;
  decltype(&cudnnGetErrorString) get_error_string = nullptr;
  decltype(&cudnnGetLastErrorString) get_last_error_string = nullptr;
  decltype(&cudnnCreate) create = nullptr;
  decltype(&cudnnSetStream) set_stream = nullptr;
  decltype(&cudnnBackendCreateDescriptor) create_descriptor = nullptr;
  decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor = nullptr;
  decltype(&cudnnBackendSetAttribute) set_attribute = nullptr;
  decltype(&cudnnBackendGetAttribute) get_attribute = nullptr;
  decltype(&cudnnBackendFinalize) finalize = nullptr;
  decltype(&cudnnBackendExecute) execute = nullptr;
};

/// None and why. Looks for the file that COROLLARY_CUDNN names, else libcudnn.so.9 where the loader looks, else beside the CUDA
/// toolkit. The first call loads, from any thread; later ones return what it found.
struct CudnnSearch {
  const CudnnLibrary* library = nullptr;
  std::string why_not;  ///< a sentence with the remedy; empty if there is one
};
const CudnnSearch& find_cudnn();
const CudnnLibrary& cudnn();  ///< Error with find_cudnn()'s reason if there is none

/// Throws Error with cuDNN's words unless `status` is success. `what` was being done.
void check_cudnn(cudnnStatus_t status, Message what);

}  // namespace corollary::cuda
