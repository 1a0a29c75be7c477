"""What a preview comes to: of an audience who would be in it, of a computed trait which values there would be."""

from personas.core.preview.audience_result import AudienceResult
from personas.core.preview.preview import Preview
from personas.core.preview.trait_result import TraitResult


def result_of(preview: Preview) -> AudienceResult | TraitResult:
    """Of nobody yet: profiles are to be taken in, or partial results."""
    return AudienceResult(preview) if preview.definition.kind == "audience" else TraitResult(preview)
