"""What an audit found: one line a check, the faults under it, signed with the hash that stands for the whole bag."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

SHOWN = 20  # faults of one check that the report spells out


@dataclass
class Check:
    """One check. It passed when it looked at something, or had nothing to look at, and found no fault."""

    name: str
    what: str
    looked_at: int = 0
    faults: list[str] = field(default_factory=list)
    skipped: str = ""  # why it did not run; a skipped check neither passes nor fails
    count: int = 0
    notes: list[str] = field(default_factory=list)  # what the check could not look at, and why

    def fault(self, text: str) -> None:
        """Record a fault; beyond SHOWN only their number is kept."""
        self.count += 1
        if len(self.faults) < SHOWN:
            self.faults.append(text)

    def expect(self, found: object, wanted: object, where: str) -> None:
        """Count one comparison, and a fault where the two differ."""
        self.looked_at += 1
        if found != wanted:
            self.fault(f"{where}: found {_short(found)}, expected {_short(wanted)}")

    def same(self, found: object, wanted: object, where: str) -> None:
        """As `expect`, for values that may tell a person: a fault names the place alone."""
        self.looked_at += 1
        if found != wanted:
            self.fault(f"{where}: not what the tables say")

    @property
    def passed(self) -> bool:
        return not self.count


def _short(value: object) -> str:
    text = "nothing" if value is None or value == "" else str(value)
    return text if len(text) <= 80 else text[:77] + "..."


@dataclass(frozen=True)
class AuditReport:
    """`ok` when no check found a fault. `bag` is the sha256 of tagmanifest-sha256.txt, which covers every byte of the release."""

    release: str
    bag: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)

    def text(self) -> str:
        """For people: one line a check, its faults indented."""
        lines = [f"Audit of {self.release}", f"bag {self.bag}", ""]
        for check in self.checks:
            state = "FAILED " if not check.passed else "skipped" if check.skipped else "passed "
            lines.append(f"{state}  {check.name:<12} {check.what}" + (f" ({check.skipped})" if check.skipped else f" [{check.looked_at:,} compared]"))
            lines += [f"           - {fault}" for fault in check.faults]
            lines += [f"           note: {note}" for note in check.notes]
            if check.count > len(check.faults):
                lines.append(f"           - and {check.count - len(check.faults):,} more")
        failed = len(self.failed)
        lines += [
            "",
            "PASSED: every check that ran found nothing wrong." if self.ok else f"FAILED: {failed} of {len(self.checks)} checks found faults.",
        ]
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """For machines; the same content."""
        checks = [
            {"name": check.name, "what": check.what, "passed": check.passed, "skipped": check.skipped, "compared": check.looked_at,
             "faults": check.count, "shown": check.faults, "notes": check.notes}
            for check in self.checks
        ]  # fmt: skip
        body = {"release": self.release, "bag_sha256": self.bag, "passed": self.ok, "checks": checks}
        return json.dumps(body, indent=1, ensure_ascii=False) + "\n"

    def write(self, release: Path) -> tuple[Path, Path]:
        """The signed-off report beside the bag: `<release>.audit.json` and `.txt`. The bag itself stays as it was audited."""
        release = release.resolve()  # `.` has no name
        paths = release.with_name(release.name + ".audit.json"), release.with_name(release.name + ".audit.txt")
        for path, body in zip(paths, (self.json(), self.text()), strict=True):
            part = path.with_name(path.name + ".part")
            part.write_text(body, "utf-8")
            part.replace(path)
        return paths
