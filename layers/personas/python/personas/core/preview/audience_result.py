"""Who would be in an audience: how many, by which identifiers they are known, who is in another one too, and some.

Partial results of parts of a space add up to that of the whole, in any order.
"""

from typing import Any

from personas.core.preview.preview import Overlap, Preview
from personas.core.preview.samples import Samples, shown
from personas.core.preview.sampling import CONFIDENCE, Sampling
from personas.core.preview.subject import Subject, is_in

MOST_SAMPLES = 100


class AudienceResult:
    """Mutable."""

    __slots__ = ("_both", "_capped", "_identifiers", "_looked_at", "_members", "_other", "_overlap", "_samples")

    def __init__(self, preview: Preview) -> None:
        self._overlap: Overlap | None = preview.overlap
        self._samples = Samples(preview.id, MOST_SAMPLES)
        self._looked_at = self._members = self._both = self._other = self._capped = 0
        self._identifiers: dict[str, list[int]] = {}
        """By type: how many members have one, and how many identifiers these are."""

    def take(self, subject: Subject, value: Any, capped: bool) -> None:
        """Each subject once."""
        profile = subject.profile
        self._looked_at += 1
        self._capped += capped
        in_other = self._overlap is not None and is_in(profile, self._overlap)
        self._other += in_other
        if value is not True:
            return
        self._members += 1
        self._both += in_other
        for kind, values in profile.identifiers.items():
            counts = self._identifiers.setdefault(kind, [0, 0])
            counts[0] += 1
            counts[1] += len(values)
        self._samples.offer(profile.id, lambda: shown(profile))

    def unite(self, data: dict[str, Any]) -> None:
        """Add what another one's `to_data` gave."""
        self._looked_at += data["looked_at"]
        self._capped += data["capped"]
        self._members += data["members"]
        self._other += data["other"]
        self._both += data["both"]
        for kind, (members, identifiers) in data["identifiers"].items():
            counts = self._identifiers.setdefault(kind, [0, 0])
            counts[0] += members
            counts[1] += identifiers
        self._samples.take(data["samples"])

    def to_data(self) -> dict[str, Any]:
        return {
            "looked_at": self._looked_at,
            "capped": self._capped,
            "members": self._members,
            "other": self._other,
            "both": self._both,
            "identifiers": self._identifiers,
            "samples": self._samples.to_data(),
        }

    def shown(self, preview: Preview, sampling: Sampling) -> dict[str, Any]:
        """As the Control API shows it; fewer profiles are drawn where their identifiers are many."""
        body: dict[str, Any] = {
            "size": {**counted(sampling, self._members), "type": preview.definition.collection.upper()},
            "uniqueCount": sampling.estimate(sum(unique for _, unique in self._identifiers.values())),
            "identifiers": [
                {"type": kind, **counted(sampling, members), "uniqueCount": sampling.estimate(unique)}
                for kind, (members, unique) in sorted(self._identifiers.items())
            ],
            "results": self._samples.drawn(),
            "capped": counted(sampling, self._capped),
            "sample": sample(sampling, self._looked_at),
        }
        if self._overlap:
            body["overlap"] = {
                "audienceId": self._overlap.id,
                "audienceKey": self._overlap.key,
                "size": counted(sampling, self._other),
                **counted(sampling, self._both),
            }
        return body


def counted(sampling: Sampling, found: int) -> dict[str, Any]:
    """A number of profiles; with the interval in which it lies, where not all of them were looked at."""
    if sampling.whole:
        return {"count": found}
    return {"count": sampling.estimate(found), "interval": sampling.interval(found)}


def sample(sampling: Sampling, looked_at: int) -> dict[str, Any]:
    """Which part of the space was looked at."""
    body = {"exact": sampling.whole, "fraction": sampling.fraction, "profiles": looked_at}
    return body if sampling.whole else {**body, "confidence": CONFIDENCE}
