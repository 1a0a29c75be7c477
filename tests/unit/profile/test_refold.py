"""What a profile that was made two is given back, beside what tests/unit/profile/test_parting.py tries."""

from personas.core.compute.definition_set import DefinitionSet
from personas.core.identifier import Identifier
from personas.core.profile.refold import Share

ANN, TABLET = Identifier("user_id", "ann"), Identifier("anonymous_id", "tablet")
OWNERS = {ANN: "use_ann", TABLET: "use_tablet"}


def owner(_: str, identifier: Identifier | None) -> str | None:
    return OWNERS[identifier] if identifier else None


def test_an_identifier_goes_to_whom_it_belongs_though_its_events_went_with_another() -> None:
    for profile, identifiers in (("use_ann", {"user_id": ("ann",)}), ("use_tablet", {"anonymous_id": ("tablet",)})):
        part = Share(profile, 1, (), ()).part(lambda _: DefinitionSet.of(1, []), (ANN, TABLET), owner, 0)
        assert part.identifiers == identifiers
