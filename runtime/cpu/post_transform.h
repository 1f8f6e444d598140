// What the classifiers and regressors of ai.onnx.ml do to their scores at the end: the attribute `post_transform`.
#pragma once

#include <cstdint>
#include <string>

namespace sklort {

enum class PostTransform { none, softmax, logistic, softmax_zero, probit };

PostTransform post_transform_of(const std::string& name);  // throws Error(invalid_graph)

// In place, on a row-major block of scores. Each row's result depends on that row alone, whatever the instruction set.
//
// logistic: 1 / (1 + exp(-x)).  softmax: exp(x - max) over its sum, along the row.  softmax_zero: the same, but a score that is 0
// stays 0.  probit: the quantile function of the normal distribution, by the approximation (to about 2e-3) that the ONNX
// reference and onnxruntime share.
void apply(PostTransform transform, float* scores, std::int64_t rows, std::int64_t columns) noexcept;
void apply(PostTransform transform, double* scores, std::int64_t rows, std::int64_t columns) noexcept;

}  // namespace sklort
