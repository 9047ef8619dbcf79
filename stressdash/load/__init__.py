"""The load engine: plans, pacing, HTTP/1.1, sockets, worker processes and their fleet.

Begin with `plan`, which is all that a worker is told, and `loop`, which does it.

    plan         what to send, to whom, how hard, how long; made of `target`, `transport`, `shape`, `think`
    message      requests as bytes, out of a `template` with its `field` values and `rows`
    http1        answers, sans-IO; `expectation` says what they must be, `faults` what was wrong
    pacer        when requests are due in the open loop
    loop         the hot path; `scripted` the same under a wrk script, whose Lua only `lua` knows
    opening      connections get their sockets (`opener`, `tls`); `lines` ends them, `timers` aborts requests
    conductor    what happens by the clock and by command
    books        counts, and the windows made of them; `ledger` keeps the end of each request for the audit
    worker       the child process; `control` is what it and its parent say to each other
    fleet        the parent: guard (`resolver`), `capacity`, one `process` for each worker, steering, the end

Knows nothing of who uses it: windows go to a callback, errors are those of `stressdash.errors`.
"""
