"""The samples as Elasticsearch holds them, in the indices of 7.x or the data streams of 8 and 9."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from apm_harness import SAMPLES

Json = dict[str, Any]

KEYWORDS = {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}


def values_only(path: str, kind: str) -> Json:
    """Numbers that can be summed up, but not searched."""
    return {"path_match": path, "match_mapping_type": kind, "mapping": {"type": "double", "index": False}}


MAPPING: Json = {
    "date_detection": False,
    "dynamic_templates": [
        {"labels": {"path_match": "labels.*", "mapping": {"type": "keyword"}}},
        *({f"metric {kind}": values_only("system.*", kind)} for kind in ("long", "double")),
        *({f"weight {kind}": values_only("*.representative_count", kind)} for kind in ("long", "double")),
        {"text": KEYWORDS},
    ],
    "properties": {
        "@timestamp": {"type": "date"},
        "timestamp": {"properties": {"us": {"type": "long"}}},
        "transaction": {
            "properties": {
                "duration": {"properties": {"us": {"type": "long"}}},
                "custom": {"enabled": False, "type": "object"},
            }
        },
        "error": {
            "properties": {
                "custom": {"type": "object", "enabled": False},
                "exception": {
                    "properties": {
                        "message": {"type": "text"},
                        "stacktrace": {"type": "object", "enabled": False},
                    }
                },
                "log": {
                    "properties": {
                        "message": {"type": "text"},
                        "stacktrace": {"type": "object", "enabled": False},
                    }
                },
            }
        },
        "span": {"properties": {"stacktrace": {"type": "object", "enabled": False}}},
        "http": {"type": "object", "enabled": False},
    },
}
"""Field types as Elastic's templates have them where queries rely on them: stacks are not indexed, messages
are text, weights and metrics have values only."""


def stored(bulk: Json, kind: str) -> Json:
    """What Elastic's ingest pipelines make of a document of apm-server."""
    made: Json = {**bulk, "event": dict(bulk["event"]), "processor": {"event": kind}}
    if "duration" in made["event"]:
        made[kind] = {**made[kind], "duration": {"us": made["event"].pop("duration") // 1000}}
        made["event"]["success_count"] = int(made["event"]["outcome"] == "success")
    if kind == "error":
        about = made["error"]
        made["error"] = {
            **about,
            "grouping_name": about.get("log", about.get("exception", [{}])[0])["message"],
        }
    if "samples" in made.get("metricset", {}):
        made["metricset"] = {"name": made["metricset"]["name"]}
        made |= {sample["name"]: sample["value"] for sample in bulk["metricset"]["samples"]}
    return made


def kind_of(bulk: Json) -> str:
    if "metricset" in bulk:
        return "metric"
    if "error" in bulk:
        return "error"
    return "transaction" if "sampled" in bulk["transaction"] else "span"


def load(url: str, *, seven: bool) -> None:
    """Index all samples and make them searchable."""
    lines = (SAMPLES / "apm-docs.bulk.ndjson").read_text().splitlines()
    indices: dict[str, list[Json]] = {}
    for action, source in zip(lines[::2], lines[1::2], strict=True):
        bulk = json.loads(source)
        kind = kind_of(bulk)
        name = f"apm-7.17.29-{kind}-000001" if seven else json.loads(action)["create"]["_index"]
        indices.setdefault(name, []).append(stored(bulk, kind))
    settings = {"number_of_shards": 1, "number_of_replicas": 0}
    for name in indices:
        send("PUT", f"{url}/{name}", {"mappings": MAPPING, "settings": settings})
    bulk_lines = [
        line
        for name, found in indices.items()
        for each in found
        for line in ({"index": {"_index": name}}, each)
    ]
    body = "".join(json.dumps(line) + "\n" for line in bulk_lines)
    answer = send("POST", f"{url}/_bulk?refresh=true", body)
    assert not answer["errors"], [item for item in answer["items"] if item["index"]["status"] >= 300][:2]


def send(method: str, url: str, body: Json | str) -> Json:
    data = (body if isinstance(body, str) else json.dumps(body)).encode()
    kind = "application/x-ndjson" if isinstance(body, str) else "application/json"
    request = urllib.request.Request(url, data, {"Content-Type": kind}, method=method)
    with urllib.request.urlopen(request, timeout=60) as response:
        answer: Json = json.load(response)
        return answer
