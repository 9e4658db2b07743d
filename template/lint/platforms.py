#!/usr/bin/env python3
"""Compares files of extras/platforms with the APIs of ECS and Cloud Run, as clients on PyPI describe them."""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DESCRIPTIONS = Path("/opt/platforms")
KINDS = {"string": str, "boolean": bool, "integer": int, "long": int}


def ecs() -> tuple[dict[str, Any], str]:
    """What `aws ecs register-task-definition` takes, in the same words as Cloud Run's description."""
    shapes = json.loads(gzip.decompress((DESCRIPTIONS / "ecs.json.gz").read_bytes()))["shapes"]

    def schema(shape: dict[str, Any]) -> dict[str, Any]:
        def ref(member: dict[str, Any]) -> dict[str, Any]:
            return {"$ref": member["shape"]}

        match shape["type"]:
            case "structure":
                properties = {name: ref(member) for name, member in shape["members"].items()}
                return {"type": "object", "properties": properties, "required": shape.get("required", [])}
            case "list":
                return {"type": "array", "items": ref(shape["member"])}
            case "map":
                return {"type": "object", "additionalProperties": ref(shape["value"])}
        return shape

    return {name: schema(shape) for name, shape in shapes.items()}, "RegisterTaskDefinitionRequest"


def cloud_run(kind: str) -> tuple[dict[str, Any], str]:
    """What `gcloud run … replace` takes, for a resource of this kind."""
    return json.loads((DESCRIPTIONS / "run.v1.json").read_bytes())["schemas"], kind


def mistakes(value: Any, schema: dict[str, Any], schemas: dict[str, Any], path: str) -> Iterator[str]:
    """A sentence for each part of the value that the schema does not know, or knows as something else."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"]]
    kind = schema.get("type", "object")
    if kind == "object":
        if not isinstance(value, dict):
            yield f"{path} is no object"
            return
        yield from (f"{path}.{name} is missing" for name in schema.get("required", []) if name not in value)
        for name, part in value.items():
            own = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
            here = f"{path}.{name}"
            yield from mistakes(part, own, schemas, here) if own else [f"{here} is unknown"]
    elif kind == "array":
        if not isinstance(value, list):
            yield f"{path} is no list"
            return
        for index, part in enumerate(value):
            yield from mistakes(part, schema["items"], schemas, f"{path}[{index}]")
    elif kind in KINDS and type(value) is not KINDS[kind]:
        yield f"{path} is no {kind}: {value!r}"
    elif value not in schema.get("enum", [value]):
        yield f"{path} is none of {', '.join(schema['enum'])}: {value}"


def main(files: list[str]) -> int:
    """Prints the mistakes of all files."""
    found: list[str] = []
    for file in files:
        content = yaml.safe_load(Path(file).read_text())
        schemas, name = ecs() if file.endswith(".json") else cloud_run(content["kind"])
        found += mistakes(content, {"$ref": name}, schemas, file)
    print(*found, sep="\n")
    return 1 if found else 0


sys.exit(main(sys.argv[1:]))
