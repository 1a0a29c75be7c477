"use strict";
// Writes catalogue.json: under which directory of the package each destination lies. Loading all of them to find one
// takes seconds, so it is done once per version of the package (`npm run catalogue`), not in the function.

const { manifest } = require("@segment/action-destinations");

const directories = {};
for (const { definition, directory } of Object.values(manifest)) {
  // A few carry no slug, and mobile-only ones no cloud actions: neither can be named by a destination of ours.
  if (definition.slug && definition.mode !== "device") directories[definition.slug] = directory;
}
const sorted = Object.fromEntries(Object.entries(directories).sort(([one], [other]) => (one < other ? -1 : 1)));
process.stdout.write(JSON.stringify(sorted, null, 2) + "\n");
