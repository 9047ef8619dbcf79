"""An Elastic APM intake of our own: what apm-server and Elasticsearch would make of an agent's events.

server   HTTP: intake v2, agent configuration, and the questions that `stressdash.apm` asks
body     bytes of a request -> plain bytes -> lines, within limits
shapes   what an event must look like
stream   one request's lines -> events in the store, and the answer to the agent
store    the events, bounded, found again by trace and by error group
timeline transactions, errors and metrics per second: what the charts are made of
document one stored event -> the document that Elasticsearch would hold
"""
