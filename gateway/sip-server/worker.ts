/** The thread the SIP server runs in: started by start.ts, spoken to by messages. */
import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'
import { SipServer } from './server.ts'
import type { BoundAddress, SipServerOptions } from './server.ts'
import type { SipServerStats } from './stats.ts'

export type ToWorker = { readonly kind: 'stats'; readonly id: number } | { readonly kind: 'close' }

export type FromWorker =
  | {
      readonly kind: 'listening'
      readonly udp: BoundAddress[]
      readonly tcp: BoundAddress[]
      readonly controlPort: number
    }
  | { readonly kind: 'failed'; readonly error: Error }
  | { readonly kind: 'stats'; readonly id: number; readonly stats: SipServerStats }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn'; readonly text: string }

async function run(): Promise<void> {
  const port = parentPort
  assert(port !== null, 'worker.ts runs in a thread')
  const post = (message: FromWorker): void => port.postMessage(message)
  const options: SipServerOptions = workerData
  let server: SipServer
  try {
    server = await SipServer.start({
      ...options,
      onLog: (level, text) => post({ kind: 'log', level, text }),
    })
  } catch (error) {
    post({ kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) })
    port.close()
    return
  }
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'stats') post({ kind: 'stats', id: message.id, stats: server.stats() })
    else void server.close().then(() => port.close())
  })
  post({
    kind: 'listening',
    udp: server.addresses('udp'),
    tcp: server.addresses('tcp'),
    controlPort: server.controlPort,
  })
}

await run()
