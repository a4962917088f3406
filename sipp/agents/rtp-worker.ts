import { parentPort, workerData } from 'node:worker_threads'

import { createRtpAgent } from './rtp-agent.ts'
import type { RtpStream } from './rtp-engine.ts'
import type { WorkerCommand, WorkerReply } from './rtp-thread.ts'

/** The far side of `createRtpThread`: an RTP agent on a thread of its own. */
const engine = createRtpAgent(workerData as { address: string })
const streams = new Map<number, RtpStream>()

async function obey(command: WorkerCommand): Promise<WorkerReply['value']> {
  switch (command.verb) {
    case 'open': {
      const stream = await engine.openStream(command.options)
      streams.set(command.stream, stream)
      return { host: stream.host, port: stream.port }
    }
    case 'send':
      streams.get(command.stream)?.send(command.to)
      return null
    case 'pause':
      streams.get(command.stream)?.pause()
      return null
    case 'stats':
      return (await streams.get(command.stream)?.stats()) ?? null
    case 'close': {
      const stats = (await streams.get(command.stream)?.close()) ?? null
      streams.delete(command.stream)
      return stats
    }
    case 'shutdown':
      await engine.close()
      parentPort!.close()
      return null
  }
}

async function answer(command: WorkerCommand): Promise<void> {
  try {
    const value = await obey(command)
    if (command.verb !== 'shutdown') parentPort!.postMessage({ id: command.id, value } satisfies WorkerReply)
  } catch (error) {
    parentPort!.postMessage({ id: command.id, value: null, error: String(error) } satisfies WorkerReply)
  }
}

parentPort!.on('message', (command: WorkerCommand) => void answer(command))
