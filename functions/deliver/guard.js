"use strict";
// Keeps calls away from private addresses: who may configure a destination must not thereby reach what lies behind our
// network (instance metadata, other services). The address is checked when the connection is made, after the name was
// resolved, so that a name that resolves differently the second time gains nothing; redirects connect anew and are
// checked as well. The engine's HTTP client uses Node's global agents, which are replaced here.

const dns = require("node:dns");
const http = require("node:http");
const https = require("node:https");
const net = require("node:net");

const PRIVATE = new net.BlockList();
for (const [address, bits] of [
  ["0.0.0.0", 8], ["10.0.0.0", 8], ["100.64.0.0", 10], ["127.0.0.0", 8], ["169.254.0.0", 16], ["172.16.0.0", 12],
  ["192.0.0.0", 24], ["192.168.0.0", 16], ["198.18.0.0", 15], ["224.0.0.0", 4], ["240.0.0.0", 4],
]) PRIVATE.addSubnet(address, bits, "ipv4");
for (const [address, bits] of [
  ["::", 127], ["64:ff9b::", 96], ["64:ff9b:1::", 48], ["2002::", 16], ["fc00::", 7], ["fe80::", 10], ["ff00::", 8],
]) PRIVATE.addSubnet(address, bits, "ipv6");

class PrivateAddressError extends Error {
  constructor(host, address) {
    super(`${host} is at the private address ${address}, which destinations may not reach`);
    this.code = "EPRIVATE";
  }
}

function isPrivate(address) {
  return PRIVATE.check(address, net.isIPv6(address) ? "ipv6" : "ipv4");
}

/** Like dns.lookup, with an error where any of the addresses is private. */
function lookup(hostname, options, callback) {
  dns.lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error) return callback(error);
    const bad = found.find(({ address }) => isPrivate(address));
    if (bad) return callback(new PrivateAddressError(hostname, bad.address));
    return options.all ? callback(null, found) : callback(null, found[0].address, found[0].family);
  });
}

const guarded = (Agent, allowed) =>
  class extends Agent {
    createConnection(options, created) {
      const host = String(options.host).replace(/^\[|\]$/g, "");
      if (allowed.has(host)) return super.createConnection(options, created);
      if (net.isIP(host) && isPrivate(host)) return void created(new PrivateAddressError(host, host));
      return super.createConnection({ ...options, lookup }, created);
    }
  };

/** From now on no call of this process that goes through Node's global agents reaches a private address, but for
 * `allowedHosts` (names or addresses as they stand in the URL). */
function install(allowedHosts) {
  const allowed = new Set(allowedHosts);
  const options = { keepAlive: true, maxSockets: 64 };
  http.globalAgent = new (guarded(http.Agent, allowed))(options);
  https.globalAgent = new (guarded(https.Agent, allowed))(options);
}

module.exports = { install, isPrivate };
