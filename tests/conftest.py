"""Fixtures shared by every test."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real market data beside the repository; tests that use it are marked `realdata`."""
    folder = Path(os.environ.get("APEX_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.fail(f"{folder} is missing; deselect these tests with: -m 'not realdata'")
    return folder
