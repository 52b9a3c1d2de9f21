"""The examples of the README, typed into a kernel as a reader would."""

import re
from pathlib import Path

from tests.kernel.harness import Kernel

README = Path(__file__).parents[2] / "README.md"


def test_the_examples_of_the_readme_run(kernel: Kernel):
    """Each block of Python in the README is a cell that runs, in order, in one notebook."""
    cells = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    results = [kernel.execute(cell, timeout=90) for cell in cells]

    assert [result.error for result in results if result.error] == []
    assert "accuracy 0.97" in results[-2].stdout
    assert results[-1].value is not None
