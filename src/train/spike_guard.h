#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace corollary {

/// Tells a step whose loss or gradient norm stands out from the steps before it: above the mean of the last `window` accepted ones
/// by more than `sigma` of their standard deviations. It judges once half the window is filled. All arithmetic is in double and in
/// order: ranks that see the same numbers decide alike, and a resumed run decides as an undisturbed one.
class SpikeGuard {
 public:
  /// The accepted values, oldest first, at most `window` each: part of the training state.
  struct State {
    std::vector<double> losses, grad_norms;
    static void each(auto& state, auto&& visit) {
      visit("losses", state.losses);
      visit("grad_norms", state.grad_norms);
    }
  };
  struct Verdict {
    bool is_spike = false;
    double loss_sigmas = 0, grad_norm_sigmas = 0;  ///< above the mean; 0 while it does not judge
  };

  SpikeGuard(std::int64_t window, double sigma);  ///< sigma 0: off, nothing is a spike and nothing is kept
  Verdict judge(double loss, double grad_norm) const;
  void accept(double loss, double grad_norm);  ///< of a step that changed the weights
  const State& state() const { return state_; }
  void set_state(State state);  ///< what a smaller window has no room for is dropped, oldest first

 private:
  std::int64_t window_;
  double sigma_;
  State state_;
};

}  // namespace corollary
