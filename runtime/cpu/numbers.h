// The numbers of an input as one C++ type.
#pragma once

#include "convert.h"
#include "dispatch.h"
#include "op.h"

namespace sklort {

// The tensor's own memory where it has that type already, otherwise a converted copy that lives as long as the call.
template <class T>
const T* numbers(Call& call, const Tensor& tensor) {
  if (tensor.dtype == dtype_of<T>::value) return tensor.as<T>();
  if (!is_number(tensor.dtype)) fail("expected numbers, got ", dtype_name(tensor.dtype));
  Tensor converted{dtype_of<T>::value, tensor.shape, nullptr, {}};
  converted.data = call.scratch(converted.bytes());
  convert_numbers(tensor, converted, call.threads());
  return converted.as<T>();
}

// What the operators of ai.onnx.ml compute with: double for double, float for every other number, as onnxruntime does.
inline DType float_like(DType dtype) noexcept { return dtype == DType::float64 ? DType::float64 : DType::float32; }

}  // namespace sklort
