#pragma once
#include "device/cuda/shared_library.h"  // it moved there, where comm/ may use it too
