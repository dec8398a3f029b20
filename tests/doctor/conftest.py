import pytest

VARIABLES = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYENV_VERSION", "PYENV_ROOT", "PYTHONUSERBASE")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    """No environment is active but the one that a test sets up."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
