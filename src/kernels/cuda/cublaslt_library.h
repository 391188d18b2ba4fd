#pragma once
#include <cublasLt.h>

#include "base/error.h"

namespace corollary::cuda {

/// cuBLASLt's functions that are used here, loaded at run time.
struct CublasLt {
  cublasLtHandle_t handle = nullptr;
  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtMatmul) matmul = nullptr;
  decltype(&cublasLtMatmulDescCreate) desc_create = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set = nullptr;
  decltype(&cublasLtMatmulDescDestroy) desc_destroy = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) layout_create = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
  decltype(&cublasLtGetStatusString) status_string = nullptr;
  decltype(&cublasLtGetVersion) version = nullptr;

  /// Throws Error with the library's words unless `status` is success.
  void check(cublasStatus_t status, const char* what) const {
    corollary::check(status == CUBLAS_STATUS_SUCCESS, what, ": cuBLASLt says ", status_string(status));
  }
};

/// Loaded, with a handle, at the first call. Error if the library is not to be had.
const CublasLt& cublaslt();

}  // namespace corollary::cuda
