"""What a report tells of the machine that a run was made on."""

from __future__ import annotations

import pytest

from stressdash.session.processors import processor_model

CPUINFO = """\
processor\t: 0
vendor_id\t: AuthenticAMD
model\t\t: 1
model name\t: AMD EPYC 7763 64-Core Processor  \nstepping\t: 1

processor\t: 1
model name\t: another
"""


class TestProcessorModel:
    @pytest.mark.parametrize(
        ("cpuinfo", "model"),
        [
            (CPUINFO, "AMD EPYC 7763 64-Core Processor"),
            ("processor\t: 0\nBogoMIPS\t: 50.00\nCPU part\t: 0xd0c\n", ""),
            ("model name\t: \nflags\t\t: fpu\n", ""),
            ("", ""),
        ],
        ids=["x86", "arm", "without a name", "nothing told"],
    )
    def test_is_the_first_that_the_kernel_names(self, cpuinfo: str, model: str) -> None:
        assert processor_model(cpuinfo) == model
