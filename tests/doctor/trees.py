"""Small site-packages trees with the names, versions, layouts and requirements of real releases.

The files' contents are stand-ins, and the RECORDs have the stand-ins' hashes: what doctor looks at is who owns
which path, whether the hashes agree, and the two words that it searches for.
"""
import base64
import hashlib
import pathlib

REGISTERS = 'register_revived_type("experimentalOptimizer")  # {}\n'
ASSERTION = 'raise AssertionError(f"Duplicate registrations for type \'{identifier}\'")\n'


def keras(version):
    """The files of a Keras wheel that tell its layout: 2.12's, 2.13's to 2.15's, or 3's."""
    major, minor = map(int, version.split(".")[:2])
    files = {"keras/__init__.py": f'__version__ = "{version}"\n', "keras/optimizers/__init__.py": f"# {version}\n"}
    if major == 2:
        layout = "keras/src/optimizers/optimizer.py" if minor >= 13 else "keras/optimizers/optimizer.py"
        files[layout] = REGISTERS.format(version)
    else:
        files["keras/src/optimizers/optimizer.py"] = f"# {version}\n"
    return files


def tensorflow(version):
    """The check is in 2.13, and gone in 2.15."""
    minor = int(version.split(".")[1])
    return {"tensorflow/__init__.py": f"# {version}\n",
            "tensorflow/python/saved_model/revived_types.py": ASSERTION if minor < 15 else "# no check\n"}


def tf_keras(version):
    return {"tf_keras/__init__.py": f"# {version}\n",
            "tf_keras/src/optimizers/optimizer.py": REGISTERS.format(version)}


def three_hundred(site):
    """300 packages with RECORDs as long as real ones (20 to 990 rows, 15 MB together), TensorFlow's of 13,000 rows and
    Keras with 1,800 files on disk among them. Other packages' files are not looked at, so they are only listed."""
    def row(path, size):
        return f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(path.encode()).digest()).decode()[:43]},{size}"

    install(site, "tensorflow", "2.21.0", tensorflow("2.21.0"), ["keras>=3.12.0"])
    with open(site / "tensorflow-2.21.0.dist-info/RECORD", "a") as record:
        record.writelines(row(f"tensorflow/include/external/part/header_{i}.h", i) + "\n" for i in range(13000))
    files = keras("3.15.1")
    files.update({f"keras/src/layers/family{i % 40}/layer_{i}.py": f"# {i}\n" for i in range(1800)})
    install(site, "keras", "3.15.1", files)
    for i in range(298):
        info = install(site, f"package{i}", "1.0", {})
        with open(info / "RECORD", "a") as record:
            record.writelines(row(f"package{i}/part{j % 9}/module_{j}.py", j) + "\n" for j in range(20 + i * i % 971))


def make(folder):
    """An empty virtual environment; returns its site-packages."""
    site = pathlib.Path(folder) / "lib/python3.11/site-packages"
    site.mkdir(parents=True)
    (pathlib.Path(folder) / "pyvenv.cfg").write_text("include-system-site-packages = false\nversion = 3.11.7\n")
    return site


def install(site, name, version, files, requires=()):
    """As pip does it: files over what is there, then the .dist-info.

    files: path -> text, or (digest, size): what the RECORD shall say of a file of zeros of that size."""
    rows = []
    for path, content in files.items():
        target = site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            target.write_text(content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).decode().rstrip("=")
            content = f"sha256={digest}", len(content.encode())
        else:
            with open(target, "wb") as file:
                file.truncate(content[1])
        rows.append("{},{},{}".format(path, *content))
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    lines += [f"Requires-Dist: {r}" for r in requires]
    (info / "METADATA").write_text("\n".join(lines) + "\n\nA description.\n")
    (info / "RECORD").write_text("\n".join(rows + [f"{info.name}/RECORD,,"]) + "\n")
    return info
