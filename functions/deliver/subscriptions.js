"use strict";
// Which of a destination's actions take a call, and with which mapping. Shapes are those of Segment's Public API.

const { parseFql, validate } = require("@segment/destination-subscriptions");

const EVERYTHING = 'type = "identify" or type = "track" or type = "group"';

/** The enabled subscriptions; a destination without any has one that sends everything by its only or first action. */
function subscriptionsOf(destination, definition) {
  const given = destination.subscriptions.length
    ? destination.subscriptions
    : [{ partnerAction: Object.keys(definition.actions)[0], trigger: EVERYTHING }];
  return given.filter((one) => one.enabled !== false).map((one) => subscription(one, destination, definition));
}

function subscription(given, destination, definition) {
  const slug = given.partnerAction ?? given.actionSlug ?? given.actionId;
  const action = definition.actions[slug];
  if (!action) throw new TypeError(`${destination.type} has no action ${slug}`);
  const trigger = given.trigger ?? action.defaultSubscription ?? EVERYTHING;
  const mapping = { ...defaults(action, destination.settings), ...(given.mapping ?? given.settings) };
  const parsed = parseFql(trigger);
  if (parsed.error) throw new TypeError(`the trigger ${trigger} cannot be read: ${parsed.error.message}`);
  return {
    partnerAction: slug,
    subscribe: trigger,
    mapping,
    takes: (call) => validate(parsed, call),
    together: action.performBatch ? batchSize(action, mapping) : 1,
    batchKeys: mapping.batch_keys ?? action.fields.batch_keys?.default ?? [],
  };
}

/** Each field's own default; where it has none, the destination's setting of the same name. */
function defaults(action, settings) {
  const found = {};
  for (const [name, field] of Object.entries(action.fields)) {
    if (field.default !== undefined) found[name] = field.default;
    else if (settings[name] !== undefined) found[name] = settings[name];
  }
  return found;
}

/** How many calls go into one request: batching is chosen by `enable_batching`, or by a size where there is no such field. */
function batchSize(action, mapping) {
  const size = Number(mapping.batch_size ?? 0);
  if (mapping.enable_batching === true) return size > 1 ? size : 100;
  return action.fields.enable_batching ? 1 : Math.max(1, size);
}

module.exports = { subscriptionsOf };
