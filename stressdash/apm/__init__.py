"""The server's view: one interface over Elasticsearch and the embedded intake.

source        the interface, `ApmSource`
elastic       asks an Elasticsearch: `queries` and `view_queries` are the questions (pure), `answers` and
              `view_answers` read what came (pure), `cluster` does the talking, `connection` says where
embedded      asks the embedded intake
parse         documents into samples, the same for both
"""
