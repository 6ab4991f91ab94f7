#!/usr/bin/env python3
"""Checks the OpenAPI document with a foreign validator: structure, and every example against its schema.

Usage: check_openapi.py [openapi/busbar.json]
Needs `pip install openapi-spec-validator` (PyPI). Exit: 0 good, 1 bad, 2 the validator is not installed.
"""
import json
import pathlib
import sys

try:
    from jsonschema import Draft202012Validator, FormatChecker
    from openapi_spec_validator import OpenAPIV31SpecValidator
except ImportError as missing:
    print(f"check_openapi: {missing.name} is not installed; run: pip install openapi-spec-validator", file=sys.stderr)
    sys.exit(2)


def resolved(schema, document):
    """The schema with the document's components, so that its references lead somewhere."""
    return {**schema, "components": document["components"]}


def examples(document):
    """Every (place, schema, example) of the document."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            place = f"{method.upper()} {path}"
            for parameter in operation.get("parameters", []):
                if "example" in parameter:
                    yield f"{place} parameter {parameter['name']}", parameter["schema"], parameter["example"]
            bodies = [("request", operation.get("requestBody", {}))]
            bodies += [(f"response {status}", answer) for status, answer in operation["responses"].items()]
            for name, body in bodies:
                for media in body.get("content", {}).values():
                    if "example" in media:
                        yield f"{place} {name}", media["schema"], media["example"]


def main():
    path = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "openapi/busbar.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    try:
        faults = [f"{'/'.join(map(str, error.path))}: {error.message}" for error in
                  OpenAPIV31SpecValidator(document).iter_errors()]
    except KeyError as missing:  # the validator stumbles over some faults instead of reporting them
        faults = [f"the document lacks a required field: {missing}"]
    count = 0
    for place, schema, example in examples(document):
        count += 1
        validator = Draft202012Validator(resolved(schema, document), format_checker=FormatChecker())
        faults += [f"{place}: {error.message}" for error in validator.iter_errors(example)]
    operations = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    faults += [f"operationId {name} stands twice" for name in sorted(set(operations)) if operations.count(name) > 1]
    for fault in faults:
        print(fault)
    print(f"{path}: {len(operations)} operations, {count} examples, {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main())
