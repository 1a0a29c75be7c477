"use strict";
// Runs jobs side by side, not more than `perSecond` begun in a second, and stops trying a tool that gives no answer.

const ABREAST = 16;
const ENOUGH = 20; // tries in a row that want to come again, after which the others wait without being tried

/** Each job's answer, in order. A job gives an answer, or a list of answers; it never throws. Jobs that are not begun are
 * answered by `notBegun(lastAnswer)`, also once `timeLeft()` (ms) has run out. */
async function paced(jobs, perSecond, timeLeft, notBegun) {
  const answers = new Array(jobs.length);
  const gap = 1000 / perSecond;
  let next = 0;
  let turn = performance.now();
  let inARow = 0;
  let last = null;

  async function worker() {
    while (next < jobs.length) {
      const place = next++;
      const pause = turn - performance.now();
      turn = Math.max(turn, performance.now()) + gap;
      if (inARow >= ENOUGH || timeLeft() < Math.max(0, pause)) {
        answers[place] = notBegun(inARow >= ENOUGH ? last : null);
        continue;
      }
      if (pause > 1) await new Promise((resolve) => setTimeout(resolve, pause));
      const answer = await jobs[place]();
      answers[place] = answer;
      last = [answer].flat().at(-1);
      inARow = last?.status === "retry" ? inARow + 1 : 0;
    }
  }

  await Promise.all(Array.from({ length: Math.min(ABREAST, jobs.length) }, worker));
  return answers;
}

module.exports = { paced, ENOUGH };
