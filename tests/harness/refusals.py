"""The checked-in list of what pumice refuses. It only shrinks: a refusal that is not in it fails, and
so does an entry for a case that converts.

A line is `Op | attribute class | shapes and dtypes | reason`; the second and third may use * and ?.
"""
import dataclasses
import fnmatch
import functools
import pathlib

LIST = pathlib.Path(__file__).resolve().parents[1] / "ops/refused.txt"


@dataclasses.dataclass(frozen=True)
class Entry:
    op: str
    attributes: str
    rest: str
    reason: str
    line: int

    def matches(self, case):
        rest = f"{case.shapes} {case.dtypes}"
        return (self.op == case.op and fnmatch.fnmatchcase(case.attributes or "-", self.attributes) and
                fnmatch.fnmatchcase(rest, self.rest))


def parse(text):
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 4 or not all(fields):
            raise ValueError(f"{LIST.name}:{number}: expected `Op | attributes | shapes and dtypes | reason`")
        entries.append(Entry(*fields, number))
    return entries


@functools.lru_cache(maxsize=1)
def entries():
    return parse(LIST.read_text()) if LIST.exists() else []


def find(case):
    return next((entry for entry in entries() if entry.matches(case)), None)
