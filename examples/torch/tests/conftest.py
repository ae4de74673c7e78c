"""What all tests share: the package is loaded, no network is asked, and random numbers are the same every time."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import pytest  # noqa: E402
import torch  # noqa: E402

import crestmax_torch  # noqa: E402, F401


@pytest.fixture(autouse=True)
def same_numbers():
    torch.manual_seed(17)
    with torch.no_grad():
        yield
