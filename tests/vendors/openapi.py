"""Requests held against a vendor's published OpenAPI document, with all that it leaves open closed.

IMGBUILD_OPENAPI names a folder of such documents, `openai.json` and so on. Without one, nothing is checked here.
"""

import json
import os
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

FOLDER = os.environ.get("IMGBUILD_OPENAPI", "")


@cache
def document(vendor):
    """The vendor's document; None where it is not here."""
    path = Path(FOLDER) / f"{vendor}.json"
    return json.loads(path.read_text()) if FOLDER and path.is_file() else None


def faults(vendor, schema, value):
    """What is wrong with a request, one sentence each. schema: its name among the document's."""
    whole = document(vendor)
    if whole is None:
        return []
    root = _closed(whole)
    registry = Registry().with_resource("urn:doc", Resource(root, DRAFT202012))
    validator = Draft202012Validator({"$ref": f"urn:doc#/components/schemas/{schema}"}, registry=registry)
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(value)]


def _closed(item):
    """The same in JSON Schema's words, and no property that is not named: a stray one would pass else."""
    if isinstance(item, list):
        return [_closed(each) for each in item]
    if not isinstance(item, dict):
        return item
    told = {key: _closed(value) for key, value in item.items()}
    if isinstance(told.get("properties"), dict) and "additionalProperties" not in told:
        told["additionalProperties"] = False
    if told.pop("nullable", False) is True:
        return {"anyOf": [told, {"type": "null"}]}
    return told
