from __future__ import annotations

import pytest

from sklort.providers.registry import ALWAYS, PROVIDERS, make_provider


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_name_makes_the_provider_of_that_name(name):
    assert make_provider(name).name == name


def test_those_who_are_always_there_exist():
    assert set(ALWAYS) <= set(PROVIDERS)
