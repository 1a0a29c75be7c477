"""Brings the catalogue up to date: the views of each space's tables, and none of spaces that are gone.

Invariant: what is saved is never ahead of the catalogue, and notes go only once they are saved. So a run that dies is
made good by the next one. A space in which nothing changed costs two requests of S3 and one query of the control table.
"""

from personas.aws import setting
from personas.core.warehouse import glue
from personas.core.warehouse.dialect import ATHENA
from personas.core.warehouse.view import View
from personas.core.warehouse.views import views
from personas.core.workspace import Space
from personas.stores import catalogue, seen_columns, sources, spaces
from personas.stores.seen_columns import Saved


def bring_up_to_date() -> int:
    """Idempotent. How many views were written or dropped."""
    stage = setting("CATALOGUE_DATABASE")
    there = catalogue.databases(stage)
    wanted = {glue.database_of(stage, space.slug): space for space in spaces.all()}
    changed = sum(_update(space, database, stage, database in there) for database, space in sorted(wanted.items()))
    for database in sorted(there - wanted.keys()):
        catalogue.drop_database(database)
    return changed


def _update(space: Space, database: str, stage: str, exists: bool) -> int:
    known = seen_columns.saved(space.id)
    noted, notes = seen_columns.noted(space.id)
    known.schema.unite(noted)
    names = {one.id: one.name for one in sources.of_space(space.id)}
    found = {
        view.name: view for view in views(known.schema, names, ATHENA, glue.logs_of(stage, space.id)) if _fits(view)
    }
    digests = {name: glue.digest(view) for name, view in found.items()}
    before = known.views if exists and known.database == database else {}
    if not exists:
        catalogue.create_database(stage, database, f"The tables of the space {space.name}")
    stale = [name for name in found if before.get(name) != digests[name]]
    for name in stale:
        catalogue.put_view(database, glue.table_input(found[name], database))
    gone = before.keys() - digests.keys()
    catalogue.drop_views(database, gone)
    if notes or stale or gone:
        seen_columns.save(space.id, Saved(known.schema, database, digests))
        seen_columns.forget(notes)
    return len(stale) + len(gone)


def _fits(view: View) -> bool:
    """A view that is too long for Glue is left out; what it shows is in `tracks` and in the logs."""
    return len(glue.table_input(view, "")["ViewOriginalText"]) <= glue.MOST
