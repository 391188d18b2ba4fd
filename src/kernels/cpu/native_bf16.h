#pragma once

namespace corollary::cpu {

/// The CPU rounds f32 to bf16 by an instruction (AVX512-BF16) and the system saves its registers; asked once. False if
/// COROLLARY_NO_AMX is set, so that tests and the curious see what lesser CPUs do.
bool native_bf16();

}  // namespace corollary::cpu
