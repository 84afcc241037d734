#!/usr/bin/env python3
"""Usage: openapi.py [--check]

Writes proto/openapi.json, the description of the HTTP gateway that `GET /openapi.json` serves, from the protos and their
comments; with --check says instead whether it is up to date (exit code 1: it is not). Needs protoc and Python's protobuf.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
TARGET = PROTO / "openapi.json"
FIELD = descriptor_pb2.FieldDescriptorProto
NUMBERS = {FIELD.TYPE_DOUBLE, FIELD.TYPE_FLOAT}
LONG = {FIELD.TYPE_INT64, FIELD.TYPE_UINT64, FIELD.TYPE_FIXED64, FIELD.TYPE_SFIXED64, FIELD.TYPE_SINT64}
KNOWN = {".google.protobuf.Duration": {"type": "string", "description": "Seconds with an s behind: 1.5s"}}


def descriptors() -> list[descriptor_pb2.FileDescriptorProto]:
    with tempfile.NamedTemporaryFile() as held:
        files = sorted(str(path.relative_to(PROTO)) for path in (PROTO / "assay/v1").glob("*.proto"))
        command = ["protoc", f"-I{PROTO}", "--include_source_info", f"--descriptor_set_out={held.name}", *files]
        subprocess.run(command, check=True)
        return list(descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(held.name).read_bytes()).file)


def comments(file: descriptor_pb2.FileDescriptorProto) -> dict[tuple[int, ...], str]:
    return {
        tuple(place.path): " ".join((place.leading_comments + place.trailing_comments).split())
        for place in file.source_code_info.location
    }


def json_name(type_name: str) -> str:
    return type_name.removeprefix(".assay.v1.")


def schema_of(field: descriptor_pb2.FieldDescriptorProto) -> dict[str, object]:
    if field.type_name in KNOWN:
        return dict(KNOWN[field.type_name])
    if field.type in (FIELD.TYPE_MESSAGE, FIELD.TYPE_ENUM):
        return {"$ref": f"#/components/schemas/{json_name(field.type_name)}"}
    if field.type in NUMBERS:
        return {"type": "number"}
    if field.type == FIELD.TYPE_BOOL:
        return {"type": "boolean"}
    if field.type in LONG:
        return {"type": "string", "format": "int64"}
    if field.type == FIELD.TYPE_BYTES:
        return {"type": "string", "format": "byte"}
    return {"type": "string" if field.type == FIELD.TYPE_STRING else "integer"}


def described(schema: dict[str, object], comment: str) -> dict[str, object]:
    if not comment:
        return schema
    return {"allOf": [schema], "description": comment} if "$ref" in schema else {**schema, "description": comment}


def add(schemas: dict[str, object], message: descriptor_pb2.DescriptorProto, name: str, path: tuple[int, ...],
        said: dict[tuple[int, ...], str]) -> None:  # fmt: skip
    properties = {}
    for number, field in enumerate(message.field):
        schema = schema_of(field)
        if field.label == FIELD.LABEL_REPEATED:
            schema = {"type": "array", "items": schema}
        properties[field.json_name] = described(schema, said.get((*path, 2, number), ""))
    schemas[name] = described({"type": "object", "properties": properties}, said.get(path, ""))
    for number, nested in enumerate(message.nested_type):
        add(schemas, nested, f"{name}.{nested.name}", (*path, 3, number), said)
    for number, enum in enumerate(message.enum_type):
        add_enum(schemas, enum, f"{name}.{enum.name}", (*path, 4, number), said)


def add_enum(schemas: dict[str, object], enum: descriptor_pb2.EnumDescriptorProto, name: str, path: tuple[int, ...],
             said: dict[tuple[int, ...], str]) -> None:  # fmt: skip
    values = {value.name: said.get((*path, 2, number), "") for number, value in enumerate(enum.value)}
    told = "; ".join(f"{value}: {comment}" for value, comment in values.items() if comment)
    schemas[name] = described({"type": "string", "enum": list(values)}, " ".join(filter(None, (said.get(path), told))))


def content(kind: str, schema: str) -> dict[str, object]:
    return {kind: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def operation(summary: str, sent: dict[str, object], answered: dict[str, object]) -> dict[str, object]:
    failed = {"type": "object", "properties": {"error": {"$ref": "#/components/schemas/Error"}}}
    refused = {"description": "An error, never a number.", "content": {"application/json": {"schema": failed}}}
    return {
        "post": {
            "summary": summary,
            "security": [{}, {"token": []}],
            "requestBody": {"required": True, "content": sent},
            "responses": {"200": {"description": "Answered.", "content": answered}, "default": refused},
        }
    }


def loose(**properties: object) -> dict[str, object]:
    return {"application/json": {"schema": {"type": "object", "properties": properties}}}


def document() -> dict[str, object]:
    schemas: dict[str, object] = {}
    for file in descriptors():
        said = comments(file)
        for number, message in enumerate(file.message_type):
            add(schemas, message, message.name, (4, number), said)
        for number, enum in enumerate(file.enum_type):
            add_enum(schemas, enum, enum.name, (5, number), said)
    texts, one = {"type": "array", "items": {"type": "string"}}, {"type": "string"}
    lines = 'Lines: first, if at all, {"options": AttributionOptions}; then an Episode each.'
    told = 'Lines as they are ready: EpisodeResult, GroupResult after its episodes, {"notice": Notice}.'
    binary = "application/x-protobuf"
    signals = operation(
        "Signals of episodes and the advantages of their groups",
        {
            **content("application/json", "ComputeSignalsRequest"),
            binary: {"schema": {"type": "string", "format": "binary", "description": "ComputeSignalsRequest"}},
            "application/x-ndjson": {"schema": {"type": "string", "description": lines}},
        },
        {
            **content("application/json", "ComputeSignalsResponse"),
            binary: {"schema": {"type": "string", "format": "binary", "description": "ComputeSignalsResponse"}},
            "application/x-ndjson": {"schema": {"type": "string", "description": told}},
        },
    )
    numbers = {"type": "array", "items": {"type": "number"}}
    reward = operation(
        "OpenRLHF's remote reward protocol; a label is an Episode as JSON",
        loose(query=texts, prompts=texts, labels=texts),
        loose(rewards=numbers, scores=numbers, extra_logs={"type": "object"}),
    )
    rm = operation(
        "slime's rm_url protocol; the label is an Episode as JSON",
        loose(prompt=one, response=one, label=one),
        {"application/json": {"schema": {"type": "number"}}},
    )
    return {
        "openapi": "3.0.3",
        "info": {"title": "Assay", "version": "v1", "description": "The HTTP gateway: assayd --http=HOST:PORT."},
        "paths": {"/v1/signals": signals, "/get_reward": reward, "/rm": rm},
        "components": {"schemas": dict(sorted(schemas.items())),
                       "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }  # fmt: skip


def main() -> int:
    text = json.dumps(document(), indent=1, ensure_ascii=True) + "\n"
    if sys.argv[1:] == ["--check"]:
        same = TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text
        print("proto/openapi.json is up to date" if same else "proto/openapi.json is stale: tests/proto/openapi.py")
        return 0 if same else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
