"""Whether a clause leaves its finding open, or only speaks of it as advice."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ichset.reports.clause import COMMA, ENDS, LED, MEASURE, NEAREST, Clause

_EITHER = ("или", "либо", "vs", "vs.", "versus", "or", "v", "v.")
_EXCLUDE = ("исключ", "для исключ", "с целью исключ", "вопрос", "question", "to exclude", "to rule", "rule out", "exclu")
_UNSURE = re.compile(r"неясн|дифф|сложно|трудно|затрудн|сомнит|unclear|indeterm|differen|questionable|uncertain")
_EXCLUDE_IT = re.compile(r"\s*(?:please\s+)?exclude\s+(?:[\w-]+\s+){0,2}")
_LISTING = ("дифф", "диф.", "differential")  # what follows is a list of what it may be
_YES = re.compile(r"\?\s*(?:[–—-]\s*)?(?:да|есть|yes|confirmed)\b")
_LIST_ENDS = re.compile(r"[–—:,-]\s*(?:требу\w+\s+|для\s+|to be\s+)?(?:дифф?еренц\w+|дифф?\.?\s?диагн\w*|ddx|different\w+)\s*$")
_ASKED = re.compile(r"\?\s?$|\?(?=\w)(?:[\w-]+\s){1,2}$")  # ?SAH, ?parenchymal bleed


@dataclass(frozen=True)
class Doubt(Clause):
    """What leaves the finding open."""

    def doubt(self) -> str:
        """The words that leave the finding open, or ''."""
        for mark in list(self.book.cues["uncertain"].finditer(self.before))[-NEAREST:]:
            between = self.before[mark.end() :]
            if self._objected(between) or (COMMA.search(between) and not mark[0].startswith(_LISTING) and self.alone()):
                continue
            if (mark[0] not in _EITHER or self._alternative()) and not self._probable():
                return mark[0]
        if _ASKED.search(self.before):
            return "?"  # ?SAH
        slash = " / " in self._own_before[-40:] + "·" + self._own_after[:40] and self._alternative() and not self._probable()
        asked = "?" in self._own_after and not _YES.search(self._own_after)
        return self.doubt_after() or ("?" if asked else "/" if slash else "")

    def doubt_after(self) -> str:
        """The words behind the finding that leave it open, and no other finding: САК не исключено."""
        own = self._own_after
        led = LED.match(self.after)
        alone = self.book.cues["uncertain"].match(self.after, led.end()) if led else None
        if alone and ENDS.match(self.after, alone.end()):
            return alone[0]  # САК - под вопросом
        if "дифф" in self.after or "differ" in self.after or "ddx" in self.after:
            listed = _LIST_ENDS.search(self.after)
            if listed and not MEASURE.search(self.after):
                return listed[0].strip(" :,–—-")  # каверна, кровоизлияние, кальцинат - дифференцировать
        for mark in list(self.book.cues["uncertain"].finditer(own))[:NEAREST]:
            if mark[0].endswith(" be"):
                continue  # SAH may be: what it may be follows
            if _UNSURE.match(mark[0]) and self.book.cues["object"].search(own[: mark.end() + 45]):
                continue  # неясного генеза, локализацию дифференцировать: that it is there is not in doubt
            if mark[0] in _EITHER:
                if self.book.cues["negation_before"].search(own, 0, mark.start()):
                    continue  # without shift or fracture
                if self._alternative() and not self._probable():
                    return mark[0]
            elif not self.book.keywords["haemorrhage"].search(own, mark.end()) and not self._another(own[mark.end() :]):
                return mark[0]
        return ""

    def _planned(self) -> str:
        """Advice or a heading whose words hold those of a doubt: при подозрении на САК - КТ, за возможным развитием."""
        doubts = [mark.span() for mark in list(self.book.cues["uncertain"].finditer(self.before))[-NEAREST:]]
        marks = [mark for mark in self.book.cues["hypothetical"].finditer(self.before) if doubts]
        around = [mark for mark in marks if any(mark.start() <= low < mark.end() and mark.span() != (low, high) for low, high in doubts)]
        return around[-1][0] if around and not COMMA.search(self.before, around[-1].end()) else ""

    def _not_excluded(self) -> str:
        """Исключить САК невозможно: what stands behind the finding makes a doubt of the advice before it."""
        after = self._first("cannot", self._own_after)
        return after if after and self.reached("hypothetical").startswith(_EXCLUDE) else ""

    def _supposed(self) -> str:
        """при кровоизлиянии - к нейрохирургу: a circumstance that may come."""
        if _EXCLUDE_IT.fullmatch(self.before):
            return self.before.strip()
        return "при" if f" {self.before}".endswith((" при ", "(при ")) and self.hit.endswith(("ии", "е", "ах", "ях")) else ""
