// The Node runtime of one worker: loads the handler once, then runs one invocation at a time, as Lambda does.
// The frames are those of bootstrap.py.

import { existsSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'

const MAX_PAYLOAD = 6 * 1024 * 1024
const [channel, name] = process.argv.slice(2)
const root = process.env.LAMBDA_TASK_ROOT
const socket = new Socket({ fd: Number(channel) })
const RealDate = Date
let offset = 0

globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, made) =>
    Reflect.construct(target, given.length ? given : [target.now() + offset], made === globalThis.Date ? target : made),
  apply: () => new RealDate(RealDate.now() + offset).toString(),
  get: (target, key) => (key === 'now' ? () => target.now() + offset : Reflect.get(target, key, target))
})

class InitFailed extends Error {
  constructor (type, message) {
    super(message)
    this.answer = { errorType: type, errorMessage: message, trace: [] }
  }
}

async function load () {
  const dot = name.lastIndexOf('.')
  const [module, exported] = [name.slice(0, dot), name.slice(dot + 1)]
  const file = ['.js', '.mjs', '.cjs'].map((ending) => join(root, module + ending)).find(existsSync)
  if (!file) throw new InitFailed('Runtime.ImportModuleError', `Error: Cannot find module '${module}'`)
  const loaded = await import(pathToFileURL(file).href)
  const handler = loaded[exported] ?? loaded.default?.[exported]
  if (typeof handler !== 'function') {
    throw new InitFailed('Runtime.HandlerNotFound', `${name} is undefined or not exported`)
  }
  return handler
}

function context (head) {
  const deadline = performance.now() + head.timeout_ms
  return {
    awsRequestId: head.id,
    callbackWaitsForEmptyEventLoop: true,
    functionName: head.name,
    functionVersion: '$LATEST',
    invokedFunctionArn: head.arn,
    memoryLimitInMB: String(head.memory),
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => Math.max(0, Math.floor(deadline - performance.now()))
  }
}

function call (handler, event, head) {
  return new Promise((resolve, reject) => {
    const callback = (error, result) => (error ? reject(error) : resolve(result))
    const returned = handler(event, context(head), callback)
    if (handler.length < 3 || typeof returned?.then === 'function') Promise.resolve(returned).then(resolve, reject)
  })
}

function failure (error) {
  const isError = error instanceof Error
  const answer = {
    errorType: isError ? error.name : typeof error,
    errorMessage: isError ? error.message : String(error),
    trace: isError ? (error.stack ?? '').split('\n') : []
  }
  console.error(`[ERROR] ${answer.errorType}: ${answer.errorMessage}\n${answer.trace.join('\n')}`)
  return answer
}

async function invoke (handler, head, body) {
  offset = Math.floor(head.offset_ns / 1e6)
  try {
    const answer = Buffer.from(JSON.stringify(await call(handler, JSON.parse(body), head)) ?? 'null')
    if (answer.length <= MAX_PAYLOAD) return [true, answer]
    const message = `Response payload size (${answer.length} bytes) exceeded maximum allowed payload size (${MAX_PAYLOAD} bytes).`
    return [false, Buffer.from(JSON.stringify({ errorType: 'Function.ResponseSizeTooLarge', errorMessage: message }))]
  } catch (error) {
    return [false, Buffer.from(JSON.stringify(failure(error)))]
  }
}

function write (head, body) {
  const headBytes = Buffer.from(JSON.stringify(head))
  const sizes = Buffer.alloc(8)
  sizes.writeUInt32BE(headBytes.length, 0)
  sizes.writeUInt32BE(body.length, 4)
  return new Promise((resolve) => socket.write(Buffer.concat([sizes, headBytes, body]), resolve))
}

async function * frames () {
  let held = []
  let size = 0
  for await (const chunk of socket) {
    held.push(chunk)
    size += chunk.length
    while (size >= 8) {
      if (held.length > 1 && held[0].length < 8) held = [Buffer.concat(held)]
      const [headSize, bodySize] = [held[0].readUInt32BE(0), held[0].readUInt32BE(4)]
      const end = 8 + headSize + bodySize
      if (size < end) break
      const all = held.length > 1 ? Buffer.concat(held) : held[0]
      yield [JSON.parse(all.subarray(8, 8 + headSize)), all.subarray(8 + headSize, end)]
      held = [all.subarray(end)]
      size -= end
    }
  }
}

let handler
try {
  handler = await load()
} catch (error) {
  await write({ ready: false }, Buffer.from(JSON.stringify(error.answer ?? failure(error))))
  process.exit(1)
}
await write({ ready: true }, Buffer.alloc(0))
for await (const [head, body] of frames()) {
  const [ok, answer] = await invoke(handler, head, body)
  await write({ ok }, answer)
}
process.exit(0)
