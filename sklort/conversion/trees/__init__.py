"""Trees of any maker as arrays, and the arrays as the tree operators of ONNX; without a loop over nodes."""
