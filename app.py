"""The CDK app: one stack per stage, and the only reader of CDK context.

    npx cdk deploy -c stage=dev
    CDK_OUTDIR=cdk.out .venv/bin/python app.py        # the same template without the CDK command line

Context: stage (dev, prod), freshnessSeconds (1 in dev, 10 in prod), shards (1; of each stream), plan (business),
alarmEmail (none), privateDestinations (none; hosts that deliver may call although their addresses are private), local
(false; true leaves out what only AWS needs to be given: the vendor layers and node_modules).
"""

import json
import os
from pathlib import Path

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")  # it works, and CI tests on it

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra.settings import Settings
from infra.stack import PersonasStack


def main() -> None:
    # The CDK command line passes cdk.json's context on; without it the app reads it itself, so that both ways of
    # synthesizing give one template. What comes with -c or CDK_CONTEXT_JSON wins.
    defaults = json.loads((Path(__file__).parent / "cdk.json").read_text())["context"]
    app = App(context=defaults)
    settings = Settings.of_context(app.node.try_get_context)
    PersonasStack(app, f"Personas-{settings.stage}", settings=settings)
    if not settings.local:
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


if __name__ == "__main__":
    main()
