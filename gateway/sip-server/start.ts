import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import type { Ban, GuardNotice, GuardOptions } from './guard-options.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import type { OverloadOptions } from './overload.ts'
import { Questions } from './questions.ts'
import { SipServer } from './server.ts'
import type { ListeningAddress, SipServerControls, SipServerOptions } from './server.ts'
import type { SipServerStats } from './stats.ts'
import type { SipTrace } from './trace.ts'
import type { TlsCertificates } from './tls-context.ts'
import type { ListenOptions } from './transport.ts'
import type { FromWorker, ToWorker } from './worker.ts'

export { DEFAULT_GUARD, SCANNERS } from './guard-options.ts'
export type { Ban, GuardNotice, GuardOptions, OverloadOptions }
export type {
  ListeningAddress,
  ListenOptions,
  TlsCertificates,
  SipServerControls,
  SipServerOptions,
  SipServerStats,
  SipTrace,
}

export interface StartOptions extends SipServerOptions, ThreadOptions {
  /** False runs the server on the caller's thread: for tests. */
  readonly inThread?: boolean
}

interface ThreadOptions {
  /** The young generation of its thread, as a worker's `maxYoungGenerationSizeMb`. Default 96. */
  readonly youngGenerationMb?: number | undefined
  /** Starts its thread by calling `start` at once: for whoever gives it a priority. */
  readonly startThread?: ((start: () => Worker) => Worker) | undefined
}

/** Messages live for milliseconds: with room for them the young generation is swept a quarter as often. */
const YOUNG_GENERATION_MB = 96
/** Its old generation is first collected when it comes to so much, MB: answered requests are remembered for 32 s (RFC 3261, timers H and J). */
const INITIAL_OLD_GENERATION_MB = 160

/** A running SIP server. */
export interface SipServerHandle {
  /** Where it listens for SIP, in the order asked for. */
  readonly listening: readonly ListeningAddress[]
  /** Where drachtio-srf connects. */
  readonly controlPort: number
  /** Resolves when the thread has ended without being closed; the reason is its error. Never rejects. */
  readonly failed: Promise<Error>
  /** Calls a control of the server, on its own thread. Rejects once the server is closed, and when the thread hangs. */
  ask<Name extends keyof SipServerControls>(
    name: Name,
    ...args: Parameters<SipServerControls[Name]>
  ): Promise<ReturnType<SipServerControls[Name]>>
  stats(): Promise<SipServerStats>
  /** Closes sockets and thread; again is no error. */
  close(): Promise<void>
}

/**
 * Starts the SIP server in a thread of its own, so that signalling and application each have a core. Rejects with an error
 * that names transport, host and port when an address cannot be had.
 */
export async function startSipServer(options: StartOptions): Promise<SipServerHandle> {
  const { inThread = true, youngGenerationMb, startThread, ...serverOptions } = options
  return inThread ? startInThread(serverOptions, { youngGenerationMb, startThread }) : startHere(serverOptions)
}

async function startHere(options: SipServerOptions): Promise<SipServerHandle> {
  const server = await SipServer.start(options)
  return {
    listening: server.listening,
    controlPort: server.controlPort,
    failed: new Promise(() => undefined),
    ask: async (name, ...args) => Reflect.apply(server[name], server, args),
    stats: () => Promise.resolve(server.stats()),
    close: () => server.close(),
  }
}

async function startInThread(
  options: SipServerOptions,
  { youngGenerationMb = YOUNG_GENERATION_MB, startThread = (start) => start() }: ThreadOptions,
): Promise<SipServerHandle> {
  const { onLog, onNotice, ...workerData } = options
  // There is no such limit for a single thread: each has what the flag says while it starts.
  setFlagsFromString(`--initial-old-space-size=${INITIAL_OLD_GENERATION_MB}`)
  const thread = { workerData, name: 'sip-server', resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb } }
  const worker = startThread(() => new Worker(new URL('./worker.ts', import.meta.url), thread))
  for (const event of ['online', 'exit']) worker.once(event, () => setFlagsFromString('--initial-old-space-size=0'))
  const questions = new Questions({ ...DEFAULT_LIMITS, ...options.limits })
  let isClosing = false
  const exited = once(worker, 'exit')
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window
  const post = (message: ToWorker): void => worker.postMessage(message)
  const failed = new Promise<Error>((resolve) => {
    worker.once('error', (error) => resolve(error))
    worker.once('exit', (code) => {
      const error = new Error(`the SIP server's thread ended with code ${code}`)
      questions.failAll(error)
      if (!isClosing) resolve(error)
    })
  })
  const addresses = await new Promise<Extract<FromWorker, { kind: 'listening' }>>((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      switch (message.kind) {
        case 'listening':
          return resolve(message)
        case 'failed':
          isClosing = true
          return reject(message.error)
        case 'log':
          return onLog?.(message.level, message.text)
        case 'notice':
          return onNotice?.(message.notice)
        case 'answer':
          return questions.answer(message.id, message.value)
        case 'no-answer':
          questions.fail(message.id, message.error)
      }
    })
    void failed.then(reject)
  })
  const ask = (name: keyof SipServerControls, args: readonly unknown[]): Promise<unknown> => {
    if (isClosing) return Promise.reject(new Error('the SIP server is closed'))
    return questions.ask((id) => post({ kind: 'ask', id, name, args }))
  }
  return {
    listening: addresses.listening,
    controlPort: addresses.controlPort,
    failed,
    // oxlint-disable-next-line typescript/no-explicit-any -- the name decides arguments and result; TypeScript cannot follow
    ask: (name, ...args) => ask(name, args) as Promise<any>,
    stats: () => ask('stats', []) as Promise<SipServerStats>,
    close: async () => {
      if (!isClosing) {
        isClosing = true
        post({ kind: 'close' })
      }
      await exited
    },
  }
}
