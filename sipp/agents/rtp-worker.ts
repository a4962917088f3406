import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'

import { createRtpAgent } from './rtp-agent.ts'
import type { RtpStream } from './rtp-engine.ts'
import type { WorkerCommand, WorkerReply } from './rtp-thread.ts'

/** The far side of `createRtpThread`: an RTP agent on a thread of its own. */
assert(parentPort !== null)
const port = parentPort
const options: { address: string } = workerData
const engine = createRtpAgent(options)
const streams = new Map<number, RtpStream>()

function find(id: number): RtpStream {
  const stream = streams.get(id)
  assert(stream !== undefined, `stream ${id} is closed`)
  return stream
}

/** What to reply; `null`: nothing. */
async function obey(command: WorkerCommand): Promise<WorkerReply | null> {
  const { id } = command
  switch (command.verb) {
    case 'open': {
      const stream = await engine.openStream(command.options)
      streams.set(command.stream, stream)
      return { id, address: { host: stream.host, port: stream.port } }
    }
    case 'stats':
      return { id, stats: await find(command.stream).stats() }
    case 'close': {
      const stats = await find(command.stream).close()
      streams.delete(command.stream)
      return { id, stats }
    }
    // A stream may have been closed by the time these arrive.
    case 'send':
      streams.get(command.stream)?.send(command.to)
      return null
    case 'pause':
      streams.get(command.stream)?.pause()
      return null
    case 'shutdown':
      await engine.close()
      port.close()
      return null
    default:
      command satisfies never
      return null
  }
}

async function answer(command: WorkerCommand): Promise<void> {
  let reply: WorkerReply | null
  try {
    reply = await obey(command)
  } catch (error) {
    reply = { id: command.id, error: String(error) }
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window.
  if (reply !== null) port.postMessage(reply)
}

port.on('message', (command: WorkerCommand) => void answer(command))
