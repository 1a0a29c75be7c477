"""The Control API, one file per resource. Bodies are camelCase; answers lie under `data`."""
