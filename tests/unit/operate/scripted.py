# SPDX-License-Identifier: Apache-2.0
"""A `Shell` that answers from a script, and remembers what it was asked to run."""

from collections.abc import Callable, Sequence
from pathlib import Path

from deidgate.operate.shell import Outcome

Answer = Outcome | Callable[[], Outcome]


class ScriptedShell:
    """Answers a program whose words start with a known beginning; anything else is not found.

    The longest beginning that fits decides. An answer may be a function, for a program that answers otherwise later.
    """

    def __init__(self, answers: dict[str, Answer], programs: Sequence[str] = ()) -> None:
        self.answers = answers
        self.programs = set(programs)
        self.ran: list[str] = []

    def which(self, program: str) -> str | None:
        return f"/usr/bin/{program}" if program in self.programs else None

    def run(self, argv, *, text=None, timeout_s=None) -> Outcome:
        line = " ".join(argv)
        self.ran.append(line)
        fitting = [beginning for beginning in self.answers if line.startswith(beginning)]
        if not fitting:
            return Outcome(127, err=f"{argv[0]}: not found")
        answer = self.answers[max(fitting, key=len)]
        return answer if isinstance(answer, Outcome) else answer()

    def show(self, argv) -> int:
        return self.run(argv).status

    def show_output(self, argv) -> int:
        return self.run(argv).status

    def save(self, argv, path: Path) -> Outcome:
        done = self.run(argv)
        path.write_text(done.out)
        return done

    def log(self, argv, path: Path, env=None) -> Outcome:
        return self.run(argv)

    def background(self, argv, path: Path) -> None:
        self.run(argv)

    def did(self, beginning: str) -> bool:
        """Whether a program was run whose words start so."""
        return any(line.startswith(beginning) for line in self.ran)
