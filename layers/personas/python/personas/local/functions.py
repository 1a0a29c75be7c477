"""The Lambda functions of the template, as the engine runs them: source directory, handler, environment, limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from personas.local.template import Resource, Template


@dataclass(frozen=True, slots=True)
class Function:
    id: str
    """The logical id."""
    name: str
    label: str
    """What the app calls it: `ingest`, `recompute-plan` (Metadata Personas.Name); else the name."""
    arn: str
    runtime: str
    handler: str
    code: Path
    """The source directory; for Node it holds node_modules."""
    layers: tuple[Path, ...]
    """Directories as they lie under /opt: Python finds what is below `python/`."""
    environment: Mapping[str, str]
    timeout_seconds: int
    memory_mb: int


def functions(template: Template) -> dict[str, Function]:
    """By name. Inline code (CDK's own helpers) is left out: nothing in the app invokes it."""
    layers = {
        template.ref(r.id): _directory(template, r, "Content") for r in template.of_type("AWS::Lambda::LayerVersion")
    }
    found = {}
    for resource in template.of_type("AWS::Lambda::Function"):
        if "S3Key" not in resource.properties["Code"]:
            continue
        function = _function(template, resource, layers)
        found[function.name] = function
    return found


def name_of(name_or_arn: str) -> str:
    """The function's name, from itself, from a function ARN, or from an ARN with a version or alias.

    >>> name_of("arn:aws:lambda:us-east-1:000000000000:function:ingest:live"), name_of("ingest")
    ('ingest', 'ingest')
    """
    return name_or_arn.split(":")[6] if name_or_arn.startswith("arn:") else name_or_arn


def _function(template: Template, resource: Resource, layers: Mapping[str, Path]) -> Function:
    properties = resource.properties
    environment = properties.get("Environment", {}).get("Variables", {})
    name = template.name(resource.id)
    return Function(
        id=resource.id,
        name=name,
        label=template.metadata(resource.id).get("Personas", {}).get("Name", name),
        arn=template.attribute(resource.id, "Arn"),
        runtime=properties["Runtime"],
        handler=properties["Handler"],
        code=_directory(template, resource, "Code"),
        layers=tuple(layers[arn] for arn in properties.get("Layers", []) if arn in layers),
        environment={key: str(value) for key, value in environment.items()},
        timeout_seconds=int(properties.get("Timeout", 3)),
        memory_mb=int(properties.get("MemorySize", 128)),
    )


def _directory(template: Template, resource: Resource, property_name: str) -> Path:
    return template.asset(resource.properties[property_name], resource.id)
