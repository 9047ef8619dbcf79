"""What `stressdash doctor` checks: the machine, the backends, and the ends that were given.

finding    one line of it: what was looked at, how it is, what helps
machine    Python, processors, limits, state folder, terminal
backends   Docker, database programs, what stands, what was left behind
ends       target, DSN, Elasticsearch, agent
"""

from __future__ import annotations

from stressdash.doctor.examination import Asked, examine
from stressdash.doctor.finding import Examined, Finding, Level

__all__ = ["Asked", "Examined", "Finding", "Level", "examine"]
