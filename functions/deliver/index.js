"use strict";
// Sends one batch of calls to the tool that it is for, and writes down what came of each. A call that fails is an answer,
// never an error: only what keeps the whole batch from being worked off is thrown.

const { privateHosts } = require("./environment");
const guard = require("./guard");
const { readBatch, writeAnswers } = require("./batches");
const { readDestination } = require("./destinations");
const { send } = require("./send");

guard.install(privateHosts());

const MARGIN = 15_000; // ms before the function's end in which no call is begun any more

exports.handler = async ({ key }, context) => {
  const batch = await readBatch(key);
  const destination = await readDestination(batch.space, batch.destination);
  const timeLeft = () => (context?.getRemainingTimeInMillis?.() ?? Infinity) - MARGIN;
  const calls = batch.items.flatMap((item) => item.calls);
  const answers = await send(destination, calls, batch.callsPerSecond, timeLeft);
  let place = 0;
  const byItem = batch.items.map((item) => item.calls.map(() => answers[place++]));
  return { key, answers: await writeAnswers(key, byItem) };
};
