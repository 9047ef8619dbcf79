"""The server's view: one interface over Elasticsearch and the embedded intake."""
