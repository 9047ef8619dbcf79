"""Pure folds over samples: no clock, no I/O; time and randomness are passed in.

histogram      durations; everything below that tells a percentile has one
window         windows into windows, and into the totals of a run
results        what counts: without warm-up, by segment; `steady` says when a run became steady
series         the time line that charts draw; `figures` the two rows above them
faults         kinds of failure; `join` puts them and APM's error groups together
attribution    where a request's time goes; `interference` who used the machine
thresholds     what a run must hold, read from `measures`; `stoprules` ends it, `verdict` judges it
compare        whether two settings differ, by `relabel`; `design` is the order of their runs
knee           where throughput peaks, by `usl`; `levels` are what was run for it
"""
