"""Index templates for forwarded events: field types as the queries need them.

Their priority lies above that of Elastic's general templates for `logs-*-*` and `metrics-*-*` (100) and below
that of its APM integration (200 and more): where that is installed, its own types hold.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["TEMPLATES"]

Json = dict[str, Any]

PRIORITY: Final = 150
STACK: Final[Json] = {"type": "object", "enabled": False}
LOGGED: Final[Json] = {"properties": {"message": {"type": "text"}, "stacktrace": STACK}}
NUMBER: Final[Json] = {"type": "double"}
DURATION: Final[Json] = {"properties": {"us": {"type": "long"}}}

PROPERTIES: Final[Json] = {
    "@timestamp": {"type": "date"},
    "timestamp": DURATION,
    "message": {"type": "text"},
    "transaction": {
        "properties": {"duration": DURATION, "representative_count": NUMBER, "custom": STACK},
    },
    "span": {
        "properties": {
            "duration": DURATION,
            "representative_count": NUMBER,
            "stacktrace": STACK,
            "db": {"properties": {"statement": {"type": "keyword", "ignore_above": 1024, "index": False}}},
        }
    },
    "error": {"properties": {"custom": STACK, "exception": LOGGED, "log": LOGGED}},
    "http": STACK,
    "process": {"properties": {"args": {"type": "keyword", "ignore_above": 1024}}},
}
DYNAMIC: Final[list[Json]] = [
    {"labels": {"path_match": "labels.*", "mapping": {"type": "keyword", "ignore_above": 1024}}},
    {"numeric_labels": {"path_match": "numeric_labels.*", "mapping": NUMBER}},
    {"metrics": {"path_match": "system.*", "match_mapping_type": "long", "mapping": NUMBER}},
    {"text": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}},
]


def template(pattern: str) -> Json:
    """A template for data streams."""
    settings: Json = {
        "number_of_shards": 1,
        "auto_expand_replicas": "0-1",
        "refresh_interval": "200ms",
        "mapping.total_fields.limit": 5000,
    }
    mappings: Json = {"date_detection": False, "dynamic_templates": DYNAMIC, "properties": PROPERTIES}
    return {
        "index_patterns": [pattern],
        "data_stream": {},
        "priority": PRIORITY,
        "template": {"settings": {"index": settings}, "mappings": mappings},
        "_meta": {"description": "Events that stressdash's APM intake forwards"},
    }


TEMPLATES: Final = {
    "stressdash-traces-apm": template("traces-apm-*"),
    "stressdash-logs-apm": template("logs-apm.*-*"),
    "stressdash-metrics-apm": template("metrics-apm.*-*"),
}
