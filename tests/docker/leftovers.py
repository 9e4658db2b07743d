"""Prints which of the packages in the arguments are installed although no other package needs them.

Standard input is the manifest of production: an extra that it asks for (``uvicorn[standard]``) is needed too.
"""

import re
import sys
from importlib.metadata import distributions


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


tools = set(sys.argv[1:])
installed = {plain(found.name): found.requires or [] for found in distributions()}
asked = [sys.stdin.read(), *(line for lines in installed.values() for line in lines)]
extras = {
    (plain(name), extra)
    for name, words in re.findall(r"([\w.-]+)\[([^\]]+)\]", "\n".join(asked))
    for extra in re.split(r"[ ,]+", words)
}

needed = set()
for name, lines in installed.items():
    for line in lines:
        extra = re.search(r"extra == .([\w.-]+)", line)
        if name not in tools and (extra is None or (name, extra[1]) in extras):
            needed.add(plain(re.match(r"[\w.-]+", line)[0]))

print(*sorted(tools & set(installed) - needed))
