"""Tables larger than memory, and larger than one machine: batches in, answers out, by pyarrow."""

try:
    import pyarrow  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "scoring reads and writes tables by pyarrow: pip install 'sklort[score]'", name="pyarrow"
    ) from error
