"""An Elastic APM intake of our own: what apm-server and Elasticsearch would make of an agent's events.

server     HTTP: the routes of `intake` (for agents) and of `questions` (for `stressdash.apm`), the token
stream     one request: `body` takes off compression and cuts lines, `shapes` says what is valid
archive    where events go and answers come from
store      the events themselves, in `block`s, bounded, found again by trace and error group
timeline   figures by second, from `rows` and `tally`; `groups` describes the errors, `views` the rest
spill      the room on disk that store and timeline use
forward    hands events on to an Elasticsearch (`upstream`), where it makes `templates` of its own
document   one stored event -> the document that Elasticsearch would hold
"""
