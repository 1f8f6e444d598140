"""The wall around the compiled module: nothing else in sklort imports `_core`."""
