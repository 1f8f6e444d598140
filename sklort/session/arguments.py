"""The arguments `providers` and `provider_options`, forgiving as onnxruntime is: a mistake warns and leaves the CPU."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sklort.exceptions import InvalidUse
from sklort.providers.part import Provider
from sklort.providers.registry import ALWAYS, KNOWN, PROVIDERS, make_provider, provider_of_options
from sklort.session.options import SessionOptions


@dataclass(frozen=True)
class Chosen:
    """The providers in order of preference, and the options of those that users see."""

    providers: tuple[Provider, ...]
    options: dict[str, dict[str, str]]


def choose_providers(names: Any, provider_options: Any, options: SessionOptions, strict: bool = False) -> Chosen:
    """Make the providers that were asked for, then those that are always there.

    Raises
    ------
    InvalidUse
        A mistake, when `strict`. Providers that onnxruntime knows and that are not here are none: they warn.
    """
    try:
        asked = _pairs(names, provider_options)
    except (TypeError, ValueError) as error:
        if strict:
            raise InvalidUse(str(error)) from None
        warnings.warn(f"{error}; using CPUExecutionProvider", UserWarning, stacklevel=3)
        asked = []
    found: dict[str, dict[str, str]] = {}
    for name, given in asked:
        if name not in PROVIDERS:
            by_lower = {known.lower(): known for known in PROVIDERS}
            close = get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.85)
            hint = f"; did you mean {by_lower[close[0]]!r}?" if close else ""
            available = f"available: {', '.join(PROVIDERS)}"
            if strict and name not in KNOWN:
                raise InvalidUse(f"there is no provider {name!r}{hint} ({available})")
            left_out = f"the provider {name!r} is not available here: it is left out{hint} ({available})"
            warnings.warn(left_out, UserWarning, stacklevel=3)
        elif name in found:
            warnings.warn(f"the provider {name!r} is named twice: the first one counts", UserWarning, stacklevel=3)
        else:
            found[name] = given
    found.setdefault(ALWAYS[0], {})
    order = [*found, *(name for name in ALWAYS if name not in found)]
    providers = [_made(name, options, found.get(name, {})) for name in order]
    for provider in providers:
        absent = provider.unavailable() if provider.name not in ALWAYS else None
        if absent:
            warnings.warn(f"{provider.name} is left out: {absent}", UserWarning, stacklevel=3)
            del found[provider.name]
    return Chosen(tuple(each for each in providers if each.name in {*found, *ALWAYS}), found)


def _made(name: str, options: SessionOptions, given: Mapping[str, str]) -> Provider:
    if name == "CPUExecutionProvider":
        engine = given.get("forest_engine", "auto")
        return make_provider(name, threads=options.threads, forest_engine=engine)
    if name == "CUDAExecutionProvider":
        return provider_of_options(name, given)
    return make_provider(name)


def _pairs(names: Any, provider_options: Any) -> list[tuple[str, dict[str, str]]]:
    if names is None:
        return []
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, Sequence):
        raise TypeError(f"providers must be a list of names, got {type(names).__name__}")
    if provider_options is not None and (
        not isinstance(provider_options, Sequence) or len(provider_options) != len(names)
    ):
        raise ValueError(f"provider_options must be a list of {len(names)} dicts, one for each provider")
    pairs = []
    for i, entry in enumerate(names):
        given = provider_options[i] if provider_options is not None else {}
        if isinstance(entry, tuple) and len(entry) == 2 and provider_options is None:
            entry, given = entry
        if not isinstance(entry, str):
            raise TypeError(f"a provider must be a name or a (name, options) tuple, got {entry!r}")
        if not isinstance(given, Mapping):
            raise TypeError(f"the options of {entry!r} must be a dict, got {type(given).__name__}")
        pairs.append((entry, {str(key): str(value) for key, value in given.items()}))
    return pairs
