"use strict";
// What a tool's response, or the failure to get one, means for a call: delivered, retry or dead.

const DELIVERED = { status: "delivered" };
const SKIPPED = { status: "skipped" };

// Thrown before anything was sent, because the call or the mapping is wrong: it will be as wrong tomorrow.
const NEVER_RIGHT = new Set(["AggregateAjvError", "ValidationError", "TypeError", "RangeError", "SyntaxError"]);
// Of the HTTP client: what is not about the network. (Its `type`; network failures have the type "system".)
const NOT_THE_NETWORK = new Set(["max-redirect", "no-redirect", "invalid-redirect", "unsupported-redirect"]);

function ofStatus(status, reason, retryAfter) {
  if (status >= 200 && status < 400) return DELIVERED;
  const again = status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501);
  return again ? retry(reason, retryAfter) : dead(reason);
}

function ofError(error) {
  const response = error.response;
  if (response?.status) return ofStatus(response.status, describe(response), retryAfterOf(response));
  if (error.code === "EPRIVATE" || NOT_THE_NETWORK.has(error.type) || NEVER_RIGHT.has(error.name)) {
    return dead(error.message);
  }
  if (typeof error.status === "number") return ofStatus(error.status, error.message);
  return retry(error.message);
}

/** Of one entry of the answers to a batched request. */
function ofMultistatus(entry) {
  const said = entry.errormessage ?? (typeof entry.body === "string" ? entry.body : JSON.stringify(entry.body ?? {}));
  return ofStatus(entry.status ?? 500, `${entry.status}: ${said}`.slice(0, 500));
}

/** The answer to a call that went through several subscriptions: it is tried again as long as one of them wants it. */
function worst(answers) {
  for (const status of ["retry", "dead", "delivered"]) {
    const found = answers.find((answer) => answer.status === status);
    if (found) return found;
  }
  return SKIPPED;
}

function retry(reason, retryAfter) {
  return retryAfter === undefined ? { status: "retry", reason } : { status: "retry", reason, retryAfter };
}

function dead(reason) {
  return { status: "dead", reason };
}

function describe(response) {
  const said = typeof response.content === "string" ? response.content : "";
  return `${response.status} ${response.statusText}: ${said}`.slice(0, 500);
}

/** Retry-After in ms: seconds, or a date, read against the tool's own clock where it tells the time. */
function retryAfterOf(response) {
  const value = response.headers?.get?.("retry-after");
  if (!value) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const until = Date.parse(value);
  const now = Date.parse(response.headers.get("date") ?? "") || Date.now();
  return Number.isNaN(until) ? undefined : Math.max(0, until - now);
}

module.exports = { DELIVERED, SKIPPED, ofStatus, ofError, ofMultistatus, worst, retry, dead };
