#include "kernels/cuda/cublaslt_library.h"

#include "device/cuda/shared_library.h"

#define COROLLARY_TEXT_OF_EXPANDED(x) #x
#define COROLLARY_TEXT_OF(x) COROLLARY_TEXT_OF_EXPANDED(x)

namespace corollary::cuda {

const CublasLt& cublaslt() {
  static const SharedLibrary library("cuBLASLt", "COROLLARY_CUBLASLT", "libcublasLt.so." COROLLARY_TEXT_OF(CUBLAS_VER_MAJOR));
  static const CublasLt loaded = [] {
    CublasLt lt;
    library.load(lt.create, "cublasLtCreate");
    library.load(lt.matmul, "cublasLtMatmul");
    library.load(lt.desc_create, "cublasLtMatmulDescCreate");
    library.load(lt.desc_set, "cublasLtMatmulDescSetAttribute");
    library.load(lt.desc_destroy, "cublasLtMatmulDescDestroy");
    library.load(lt.layout_create, "cublasLtMatrixLayoutCreate");
    library.load(lt.layout_destroy, "cublasLtMatrixLayoutDestroy");
    library.load(lt.preference_create, "cublasLtMatmulPreferenceCreate");
    library.load(lt.preference_set, "cublasLtMatmulPreferenceSetAttribute");
    library.load(lt.preference_destroy, "cublasLtMatmulPreferenceDestroy");
    library.load(lt.heuristic, "cublasLtMatmulAlgoGetHeuristic");
    library.load(lt.status_string, "cublasLtGetStatusString");
    library.load(lt.version, "cublasLtGetVersion");
    lt.check(lt.create(&lt.handle), "starting cuBLASLt");
    return lt;
  }();
  return loaded;
}

}  // namespace corollary::cuda
