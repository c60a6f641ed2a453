"""Checks documents that guided decoding has generated, and what it accepts, with the package jsonschema.

Needs: pip install "jsonschema[format-nongpl]==4.26.0"

    python scripts/check_guided.py documents DOCUMENTS.json [SUMMARY.json]
        Validates every document of the file, {schema name: {"schema", "hash", "documents"}}; writes the hashes of those that
        are all valid to SUMMARY.json, which the tests compare with.
    python scripts/check_guided.py suite DIRECTORY OUT.json
        Writes the schemas of a JSON Schema Test Suite (the directory tests/draft2020-12), with their instances, to OUT.json.
"""

import json
import pathlib
import sys

import jsonschema


def documents(source, summary=None):
    count, wrong, hashes = 0, 0, {}
    for name, entry in json.loads(pathlib.Path(source).read_text()).items():
        validator = jsonschema.Draft202012Validator(entry["schema"], format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
        for text in entry["documents"]:
            count += 1
            try:
                errors = list(validator.iter_errors(json.loads(text)))
            except ValueError as error:
                errors = [error]
            if errors:
                wrong += 1
                if wrong <= 30:
                    print(f"{name}: {text[:300]}\n    {str(errors[0])[:200]!r}")
        hashes[name] = entry["hash"]
    print(f"{count} documents of {len(hashes)} schemas, {wrong} of them invalid")
    if wrong or not count:
        return 1
    if summary:
        pathlib.Path(summary).write_text(json.dumps(hashes, indent=0) + "\n")
    return 0


def suite(directory, target):
    entries = []
    for file in sorted(pathlib.Path(directory).rglob("*.json")):
        for group in json.loads(file.read_text()):
            entries.append(
                {
                    "name": f"{file.stem}: {group['description']}",
                    "schema": group["schema"],
                    "tests": [[json.dumps(test["data"], separators=(",", ":"), ensure_ascii=False), test["valid"]] for test in group["tests"]],
                })
    pathlib.Path(target).write_text(json.dumps(entries))
    print(f"{len(entries)} schemas of the test suite")
    return 0


if __name__ == "__main__":
    sys.exit({"documents": documents, "suite": suite}[sys.argv[1]](*sys.argv[2:]))
