"""Runs on disk, and what is asked of them.

recorder    writes a run while it goes on, as `gridbook` and `head` lay it out in a file of `schema`
runfile     reads it, also while it is written and after its writer was killed
runs        the folder and its names; `claim` is a place in it, `upkeep` changes what lies there
runfiles    files that a user asked for: `rows` as CSV and JSON lines, `hlogwriter` as interval log
hlog        interval logs read, whoever wrote them (`hdrcode`)
audit       what became of every request, told by the rows in the database
"""
