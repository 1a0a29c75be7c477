"""Which values a computed trait would have: how many profiles have one, how the values are spread, and some profiles.

Partial results of parts of a space add up to that of the whole, in any order (see spread.py for what is rounded when).
"""

from typing import Any

from personas.core.preview.audience_result import counted, sample
from personas.core.preview.preview import Preview
from personas.core.preview.samples import Samples, shown
from personas.core.preview.sampling import Sampling
from personas.core.preview.spread import LONGEST, Numbers, Tops
from personas.core.preview.subject import Subject
from personas.core.values import number_of

MOST_SAMPLES = 25
MOST_TOPS = 50
BINS = 20
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class TraitResult:
    """Mutable."""

    __slots__ = ("_capped", "_lengths", "_looked_at", "_numbers", "_samples", "_tops", "_with_value")

    def __init__(self, preview: Preview) -> None:
        self._samples = Samples(preview.id, MOST_SAMPLES)
        self._looked_at = self._with_value = self._capped = 0
        self._numbers, self._lengths, self._tops = Numbers(), Numbers(), Tops()

    def take(self, subject: Subject, value: Any, capped: bool) -> None:
        """Each subject once."""
        self._looked_at += 1
        self._capped += capped
        if value is None:
            return
        self._with_value += 1
        number = number_of(value)
        if number is not None:
            self._numbers.add(number)
        if isinstance(value, list):
            self._lengths.add(len(value))
            for entry in value:
                self._tops.add(entry)
        else:
            self._tops.add(value)
        self._samples.offer(subject.profile.id, lambda: {**shown(subject.profile), "value": _short(value)})

    def unite(self, data: dict[str, Any]) -> None:
        """Add what another one's `to_data` gave."""
        self._looked_at += data["looked_at"]
        self._capped += data["capped"]
        self._with_value += data["with_value"]
        self._numbers.unite(data["numbers"])
        self._lengths.unite(data["lengths"])
        self._tops.unite(data["tops"])
        self._samples.take(data["samples"])

    def to_data(self) -> dict[str, Any]:
        return {
            "looked_at": self._looked_at,
            "capped": self._capped,
            "with_value": self._with_value,
            "numbers": self._numbers.to_data(),
            "lengths": self._lengths.to_data(),
            "tops": self._tops.to_data(),
            "samples": self._samples.to_data(),
        }

    def shown(self, preview: Preview, sampling: Sampling) -> dict[str, Any]:
        """As the Control API shows it."""
        tops = [{"value": value, "count": sampling.estimate(times)} for value, times in self._tops.first(MOST_TOPS)]
        return {
            "size": {**counted(sampling, self._with_value), "type": preview.definition.collection.upper()},
            "withoutValue": counted(sampling, self._looked_at - self._with_value),
            "distribution": {
                "numbers": _spread(self._numbers, sampling),
                "listLengths": _spread(self._lengths, sampling),
                "topValues": tops,
                "exact": not (self._numbers.rounded or self._lengths.rounded or self._tops.cut),
            },
            "results": self._samples.drawn(),
            "capped": counted(sampling, self._capped),
            "sample": sample(sampling, self._looked_at),
        }


def _spread(numbers: Numbers, sampling: Sampling) -> dict[str, Any] | None:
    if not numbers.count:
        return None
    return {
        "min": numbers.least,
        "max": numbers.greatest,
        "mean": numbers.mean,
        "quantiles": {str(part): numbers.quantile(part) for part in QUANTILES},
        "histogram": [
            {"from": least, "to": most, "count": sampling.estimate(times)}
            for least, most, times in numbers.histogram(BINS)
        ],
    }


def _short(value: Any) -> Any:
    """What a person wants to see of a value that may be very long."""
    if isinstance(value, list):
        return [_short(entry) for entry in value[:MOST_TOPS]]
    return value[:LONGEST] if isinstance(value, str) else value
