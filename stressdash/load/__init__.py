"""The load engine: plans, pacing, HTTP/1.1, sockets, worker processes and their fleet."""
