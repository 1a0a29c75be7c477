"use strict";
const assert = require("node:assert/strict");
const { createHmac } = require("node:crypto");
const { after, before, test } = require("node:test");
const guard = require("../guard");
const { ENOUGH } = require("../pace");
const { send } = require("../send");
const { identify, startTool, webhook } = require("./tool");

const FAST = 10_000;
const forever = () => Infinity;
const allow = () => guard.install(["127.0.0.1", "localhost"]);
before(allow);

async function delivered(respond, calls, destination = webhook) {
  const tool = await startTool(respond);
  try {
    return { answers: await send(destination(tool.url), calls, FAST, forever), received: tool.received };
  } finally {
    await tool.stop();
  }
}

test("a call arrives whole, as JSON, by POST", async () => {
  const call = identify("m1", { context: { personas: { computation_key: "vip" } } });
  const { answers, received } = await delivered(() => ({}), [call]);
  assert.deepEqual(answers, [{ status: "delivered" }]);
  assert.equal(received[0].method, "POST");
  assert.deepEqual(JSON.parse(received[0].body), call);
});

test("a shared secret signs the body with HMAC", async () => {
  const signed = (url) => webhook(url, { settings: { sharedSecret: "s3cret" } });
  const { received } = await delivered(() => ({}), [identify("m1")], signed);
  const expected = createHmac("sha1", "s3cret").update(received[0].body).digest("hex");
  assert.equal(received[0].headers["x-signature"], expected);
});

test("headers and the mapping's data are those of the subscription", async () => {
  const mapped = (url) => webhook(url, { headers: { "x-key": "1" }, data: { who: { "@path": "$.userId" } }, method: "PUT" });
  const { received } = await delivered(() => ({}), [identify("m1")], mapped);
  assert.equal(received[0].method, "PUT");
  assert.equal(received[0].headers["x-key"], "1");
  assert.deepEqual(JSON.parse(received[0].body), { who: "u1" });
});

test("a 500 is to be tried again, and then goes through", async () => {
  const tool = await startTool((_, count) => ({ status: count === 1 ? 500 : 200, body: "oh" }));
  const destination = webhook(tool.url);
  const [first] = await send(destination, [identify("m1")], FAST, forever);
  assert.equal(first.status, "retry");
  assert.match(first.reason, /500.*oh/);
  assert.deepEqual(await send(destination, [identify("m1")], FAST, forever), [{ status: "delivered" }]);
  await tool.stop();
});

test("a 429 says when to come again, in seconds or by a date", async () => {
  const seconds = await delivered(() => ({ status: 429, headers: { "retry-after": "120" } }), [identify("m1")]);
  assert.equal(seconds.answers[0].retryAfter, 120_000);
  const headers = { date: "Thu, 01 Jan 2026 00:00:00 GMT", "retry-after": "Thu, 01 Jan 2026 00:01:30 GMT" };
  const date = await delivered(() => ({ status: 429, headers }), [identify("m1")]);
  assert.equal(date.answers[0].retryAfter, 90_000);
});

test("a 400 is dead, with what the tool said", async () => {
  const { answers } = await delivered(() => ({ status: 400, body: "no such field" }), [identify("m1")]);
  assert.equal(answers[0].status, "dead");
  assert.match(answers[0].reason, /400.*no such field/);
});

test("one call's failure is not another's", async () => {
  const respond = ({ body }) => ({ status: JSON.parse(body).messageId === "m2" ? 400 : 200 });
  const { answers } = await delivered(respond, [identify("m1"), identify("m2"), identify("m3")]);
  assert.deepEqual(answers.map(({ status }) => status), ["delivered", "dead", "delivered"]);
});

test("a tool that does not answer in time is tried again", async () => {
  process.env.DELIVERY_TIMEOUT_MS = "200";
  const { answers } = await delivered(() => null, [identify("m1")]);
  delete process.env.DELIVERY_TIMEOUT_MS;
  assert.equal(answers[0].status, "retry");
});

test("a tool that is not there is tried again", async () => {
  const tool = await startTool(() => ({}));
  await tool.stop();
  const [answer] = await send(webhook(tool.url), [identify("m1")], FAST, forever);
  assert.equal(answer.status, "retry");
  assert.match(answer.reason, /ECONNREFUSED/);
});

test("after enough tries in a row without success the rest waits untried", async () => {
  const calls = Array.from({ length: ENOUGH * 5 }, (_, place) => identify(`m${place}`));
  const { answers, received } = await delivered(() => ({ status: 503, headers: { "retry-after": "9" } }), calls);
  assert.ok(answers.every(({ status, retryAfter }) => status === "retry" && retryAfter === 9_000));
  assert.ok(received.length < ENOUGH * 2);
});

test("a call that no subscription takes is skipped", async () => {
  const { answers, received } = await delivered(() => ({}), [{ type: "group", messageId: "m1", groupId: "g" }]);
  assert.deepEqual(answers, [{ status: "skipped" }]);
  assert.equal(received.length, 0);
});

test("a call that the action's fields refuse is dead", async () => {
  const [answer] = await send(webhook("not a url"), [identify("m1")], FAST, forever);
  assert.equal(answer.status, "dead");
  assert.match(answer.reason, /url/i);
});

test("a destination that nobody knows is dead, one that was switched off is skipped", async () => {
  const unknown = { ...webhook("http://127.0.0.1:1/"), type: "actions-nothing" };
  assert.equal((await send(unknown, [identify("m1")], FAST, forever))[0].status, "dead");
  const off = { ...webhook("http://127.0.0.1:1/"), enabled: false };
  assert.deepEqual(await send(off, [identify("m1")], FAST, forever), [{ status: "skipped" }]);
  assert.deepEqual(await send(null, [identify("m1")], FAST, forever), [{ status: "skipped" }]);
});

test("without subscriptions everything goes to the url of the settings", async () => {
  const bare = (url) => ({ type: "actions-webhook", enabled: true, settings: { url }, subscriptions: [] });
  const { answers } = await delivered(() => ({}), [identify("m1"), { type: "group", messageId: "m2", groupId: "g" }], bare);
  assert.deepEqual(answers.map(({ status }) => status), ["delivered", "delivered"]);
});

test("a batch size puts calls together in one request, and each has its answer", async () => {
  const batched = (url) => webhook(url, { batch_size: 2 });
  const calls = [identify("m1"), identify("m2"), identify("m3")];
  const { answers, received } = await delivered(() => ({}), calls, batched);
  assert.deepEqual(received.map(({ body }) => JSON.parse(body).length).sort(), [1, 2]);
  assert.deepEqual(answers.map(({ status }) => status), ["delivered", "delivered", "delivered"]);
  const failed = await delivered(() => ({ status: 500 }), calls, batched);
  assert.deepEqual(failed.answers.map(({ status }) => status), ["retry", "retry", "retry"]);
});

test("no faster than the rate", async () => {
  const tool = await startTool(() => ({}));
  const calls = Array.from({ length: 10 }, (_, place) => identify(`m${place}`));
  const start = Date.now();
  await send(webhook(tool.url), calls, 50, forever);
  assert.ok(Date.now() - start >= 9 * 20 - 10);
  await tool.stop();
});

test("when time runs out the rest is left for later", async () => {
  const { answers } = await delivered(() => ({}), [identify("m1")], (url) => webhook(url));
  assert.equal(answers[0].status, "delivered");
  const late = await send(webhook("http://127.0.0.1:1/"), [identify("m1")], FAST, () => -1);
  assert.equal(late[0].status, "retry");
  assert.match(late[0].reason, /no time/);
});

test("private addresses are refused unless they were allowed, by name, by address and after a redirect", async () => {
  const tool = await startTool(() => ({}));
  const redirecting = await startTool(() => ({ status: 302, headers: { location: "http://169.254.169.254/latest/" } }));
  guard.install([]);
  for (const url of [tool.url, tool.url.replace("127.0.0.1", "localhost"), "http://[::1]:80/", "http://[::ffff:10.0.0.1]/"]) {
    const [answer] = await send(webhook(url), [identify("m1")], FAST, forever);
    assert.equal(answer.status, "dead", url);
    assert.match(answer.reason, /private address/);
  }
  allow();
  const [answer] = await send(webhook(redirecting.url), [identify("m1")], FAST, forever);
  assert.equal(answer.status, "dead");
  assert.match(answer.reason, /169\.254\.169\.254/);
  assert.equal(tool.received.length, 0);
  await Promise.all([tool.stop(), redirecting.stop()]);
});

test("public addresses are not private", () => {
  for (const address of ["8.8.8.8", "172.32.0.1", "2606:4700::1111"]) assert.equal(guard.isPrivate(address), false);
  for (const address of ["10.1.2.3", "172.31.0.1", "100.64.0.1", "fd00::1", "::1", "::"]) assert.equal(guard.isPrivate(address), true);
});

after(() => guard.install([]));
