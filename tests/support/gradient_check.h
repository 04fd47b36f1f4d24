// Checks an op against a double-precision reference: its values, and its gradients against central
// differences of the reference, along every path that a gradient can take.
#pragma once

#include <functional>
#include <vector>

#include "support/device.h"

namespace peft {

using DoubleVector = std::vector<double>;

struct OpCase {
  struct Input {
    Shape shape;
    float scale = 1.0f;  // random values of [-scale, scale)
    bool differentiable = true;
    std::vector<float> values = {};  // instead of random ones
  };
  std::vector<Input> inputs;
  std::function<Tensor(Context&, std::vector<Tensor>& inputs)> op;
  std::function<DoubleVector(const std::vector<DoubleVector>& inputs)> reference;
  double tolerance = 2e-6;           // of values, relative to the largest of them
  double gradient_tolerance = 1e-5;  // the same of gradients
};

class GradientTest : public DeviceTest {
 protected:
  // Values; no record when nothing trains; gradients with all inputs leaves, with all inputs activations that
  // have another reader, and with each input training alone.
  void check_op(const OpCase& op_case);

 private:
  std::vector<Tensor> make_inputs(const OpCase& op_case, const std::vector<std::vector<float>>& values);
};

// Compares with the largest expected magnitude as the scale; names the first element that is off.
void expect_close(const std::vector<float>& found, const DoubleVector& expected, double tolerance,
                  const std::string& what);

}  // namespace peft
