"""Fixtures shared by the desk's tests: tables of the simulated market, and the folder that holds them."""

from pathlib import Path

import pytest
from tests.desk.tables import Tables, demo_tables


@pytest.fixture(scope="module")
def tables() -> Tables:
    return demo_tables()


@pytest.fixture(scope="module")
def folder(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tables.written(tmp_path_factory.mktemp("tables"))
