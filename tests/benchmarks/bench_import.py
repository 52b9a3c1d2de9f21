"""What `import nbdag` costs, beside `import asyncio`: CPU in fresh interpreters, in turns.

    python tests/benchmarks/bench_import.py [--rounds 15]

Prints a Markdown table. The first round, which may still have to compile, is not counted.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
STATEMENTS = ("import asyncio", "import nbdag", "from nbdag import DAG")
"""The first is the yardstick."""
PROBE = """
import time
start = time.process_time_ns()
{statement}
print(time.process_time_ns() - start)
"""


def cpu_ms(statement: str) -> float:
    """CPU milliseconds of a statement in an interpreter that has loaded nothing else."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    probe = [sys.executable, "-c", PROBE.format(statement=statement)]
    output = subprocess.run(probe, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    return int(output) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU of importing nbdag, beside asyncio.")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    turns = [[cpu_ms(statement) for statement in STATEMENTS] for _ in range(rounds + 1)][1:]
    medians = [statistics.median(column) for column in zip(*turns, strict=True)]
    print("| statement | CPU ms | ratio |")
    print("| --- | ---: | ---: |")
    for statement, median in zip(STATEMENTS, medians, strict=True):
        print(f"| {statement} | {median:.1f} | {median / medians[0]:.2f} |")


if __name__ == "__main__":
    main()
