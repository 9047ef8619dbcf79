"""A MySQL server for machines that have none: the wire protocol of mysql-mimic over one SQLite file.

`python -m stressdash.embedded.mysql` is the program. What the acts need of MySQL is exact (error 1040 at
connect, `SET GLOBAL max_connections`, status variables, passwords, durable inserts); of SQL it speaks what
the service and the dashboard say. Each statement is a transaction of its own, as on a storage engine without
transactions: BEGIN and COMMIT are accepted, ROLLBACK undoes nothing.

    __main__     flags, signals, exit codes
    server       who may connect, orderly stop
    wire         one socket: packets, the fast lane for inserts
    connection   one client: handshake, password, command loop
    session      one client's SQL, apart from the inserts of the fast lane
    status       counters and global variables
    inserts      recognises INSERT statements made of literals, without a parser
    store        the SQLite file: group commit, reads, lock
    schema       MySQL column types as SQLite columns with constraints
    faults       MySQL error codes
"""

from __future__ import annotations
