"use strict";
// Sends calls through Segment's destination engine, one by one or several in a request, as the destination's
// subscriptions say.

const { Destination, getAuthData, transform } = require("@segment/actions-core");
const answer = require("./answer");
const catalogue = require("./catalogue.json");
const { timeout } = require("./environment");
const { paced } = require("./pace");
const { subscriptionsOf } = require("./subscriptions");

/** One answer for each call, in order. `timeLeft()` says how many ms there are before no call may be begun any more. */
async function send(destination, calls, perSecond, timeLeft) {
  if (!destination?.enabled) return calls.map(() => answer.SKIPPED);
  let engine, subscriptions;
  try {
    engine = new Destination(definitionOf(destination.type));
    subscriptions = subscriptionsOf(destination, engine.definition);
  } catch (error) {
    return calls.map(() => answer.dead(error.message)); // configured wrongly: nothing can be sent until it is mended
  }
  const given = calls.map(() => []);
  const jobs = subscriptions.flatMap((subscription) => jobsOf(engine, subscription, destination.settings, calls));
  const notBegun = (last) => answer.retry(last?.reason ?? "there was no time left", last?.retryAfter);
  const results = await paced(jobs.map((job) => job.run), perSecond, timeLeft, notBegun);
  jobs.forEach(({ places }, job) => {
    places.forEach((place, index) => given[place].push([results[job]].flat()[index] ?? [results[job]].flat()[0]));
  });
  return given.map(answer.worst);
}

function definitionOf(type) {
  if (!Object.hasOwn(catalogue, type)) throw new Error(`there is no destination ${type}`);
  return require(`@segment/action-destinations/dist/destinations/${catalogue[type]}`).default;
}

/** What there is to do for a subscription: each job with the places of the calls that it answers. */
function jobsOf(engine, subscription, settings, calls) {
  const taken = calls.map((_, place) => place).filter((place) => subscription.takes(calls[place]));
  const request = { mapping: subscription.mapping, settings, auth: getAuthData(settings), features: {}, statsContext: {} };
  if (subscription.together === 1) {
    return taken.map((place) => ({ places: [place], run: () => one(engine, subscription, request, calls[place]) }));
  }
  return chunks(subscription, calls, taken).map((places) => ({
    places,
    run: () => several(engine, subscription, request, places.map((place) => calls[place])),
  }));
}

async function one(engine, { partnerAction }, request, event) {
  try {
    await engine.executeAction(partnerAction, { ...request, event, signal: AbortSignal.timeout(timeout()) });
    return answer.DELIVERED;
  } catch (error) {
    return answer.ofError(error);
  } finally {
    engine.responses.length = 0; // the engine keeps every response for its own tests
  }
}

async function several(engine, { partnerAction }, request, events) {
  try {
    const signal = AbortSignal.timeout(timeout());
    const entries = await engine.executeBatch(partnerAction, { ...request, events, signal });
    return events.map((_, place) => answer.ofMultistatus(entries[place] ?? {}));
  } catch (error) {
    return events.map(() => answer.ofError(error));
  } finally {
    engine.responses.length = 0;
  }
}

/** Calls that may share a request: as many as the subscription puts together, alike in its batch keys. */
function chunks({ mapping, together, batchKeys }, calls, taken) {
  const groups = new Map();
  const keysOnly = Object.fromEntries(batchKeys.filter((name) => name in mapping).map((name) => [name, mapping[name]]));
  for (const place of taken) {
    const group = JSON.stringify(transform(keysOnly, calls[place]));
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(place);
  }
  const found = [];
  for (const places of groups.values()) {
    for (let start = 0; start < places.length; start += together) found.push(places.slice(start, start + together));
  }
  return found;
}

module.exports = { send };
