"use strict";
// A tool to deliver to: a real HTTP server that answers as told and remembers what it received.

const http = require("node:http");

async function startTool(respond) {
  const received = [];
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      const entry = { path: request.url, method: request.method, headers: request.headers, body, at: Date.now() };
      received.push(entry);
      const answer = respond(entry, received.length);
      if (!answer) return; // never answers
      response.writeHead(answer.status ?? 200, answer.headers ?? {});
      response.end(answer.body ?? "");
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}/hook`;
  const stop = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url, received, stop };
}

/** A webhook destination as the control table has it. */
function webhook(url, { settings = {}, ...mapping } = {}) {
  const subscription = { partnerAction: "send", trigger: 'type = "identify" or type = "track"', mapping: { url, ...mapping } };
  return { type: "actions-webhook", enabled: true, settings, subscriptions: [subscription] };
}

const identify = (messageId, extra = {}) => ({ type: "identify", messageId, userId: "u1", traits: { vip: true }, ...extra });

module.exports = { startTool, webhook, identify };
