"""Prints which of the packages in the arguments are installed although no other package needs them.

Standard input is the manifest of production: what an extra in it (``uvicorn[standard]``) wants is needed too.
"""

import re
import sys
from importlib.metadata import distributions


def plain(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


installed = {plain(found.name): plain("\n".join(found.requires or [])) for found in distributions()}
tools = installed.keys() & sys.argv[1:]
asked = "\n".join([plain(sys.stdin.read()), *installed.values()])

needed = set()
for name in installed.keys() - tools:
    for line in installed[name].splitlines():
        extra = re.search(r"extra == .([\w-]+)", line)
        if extra is None or re.search(rf"\b{name}\[[^]]*\b{extra[1]}\b", asked):
            needed.add(re.match(r"[\w-]+", line)[0])

print(*sorted(tools - needed))
