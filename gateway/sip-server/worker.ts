/** The thread the SIP server runs in: started by start.ts, spoken to by messages. */
import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'
import type { GuardNotice } from './guard-options.ts'
import { SipServer } from './server.ts'
import type { ListeningAddress, SipServerControls, SipServerOptions } from './server.ts'

/** A control to be called with these arguments, which cross the thread as copies. */
export interface Question {
  readonly kind: 'ask'
  readonly id: number
  readonly name: keyof SipServerControls
  readonly args: readonly unknown[]
}

export type ToWorker = Question | { readonly kind: 'close' }

export type FromWorker =
  | {
      readonly kind: 'listening'
      readonly listening: ListeningAddress[]
      readonly controlPort: number
    }
  | { readonly kind: 'failed'; readonly error: Error }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'no-answer'; readonly id: number; readonly error: Error }
  | { readonly kind: 'notice'; readonly notice: GuardNotice }
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
      onNotice: (notice) => post({ kind: 'notice', notice }),
    })
  } catch (error) {
    post({ kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) })
    port.close()
    return
  }
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'close') void server.close().then(() => port.close())
    else post(answerTo(message, server))
  })
  post({
    kind: 'listening',
    listening: server.listening,
    controlPort: server.controlPort,
  })
}

function answerTo({ id, name, args }: Question, server: SipServer): FromWorker {
  try {
    return { kind: 'answer', id, value: Reflect.apply(server[name], server, args) }
  } catch (error) {
    return { kind: 'no-answer', id, error: error instanceof Error ? error : new Error(String(error)) }
  }
}

await run()
