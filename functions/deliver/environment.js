"use strict";
// The function's environment, read when asked for.

function setting(name) {
  const value = process.env[name];
  if (value === undefined) throw new Error(`the environment variable ${name} is not set on this function`);
  return value;
}

/** Hosts that calls may reach although their addresses are private: PRIVATE_DESTINATIONS, separated by commas. */
function privateHosts() {
  return (process.env.PRIVATE_DESTINATIONS ?? "").split(",").map((host) => host.trim()).filter(Boolean);
}

/** How long one call may take, in ms. */
function timeout() {
  return Number(process.env.DELIVERY_TIMEOUT_MS ?? 10_000);
}

/** What AWS clients need to reach an endpoint of their own, where there is one. */
function awsConfig() {
  const endpoint = process.env.AWS_ENDPOINT_URL;
  return endpoint ? { endpoint, region: process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? "us-east-1" } : {};
}

module.exports = { setting, privateHosts, timeout, awsConfig };
