import { Session, type Profiler } from 'node:inspector'

/** What the inspector says of a worker thread: an answer to one of our questions, or an event. */
interface FromWorker {
  readonly id?: number
  readonly result?: { readonly profile?: Profiler.Profile }
}

/** A CPU profiler on the one worker thread of this process whose title holds a word. */
export class WorkerProfiler {
  readonly #session: Session
  readonly #workerSession: string
  readonly #waiting = new Map<number, (answer: FromWorker) => void>()
  #lastId = 0

  private constructor(session: Session, workerSession: string) {
    this.#session = session
    this.#workerSession = workerSession
    session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      if (params.sessionId !== workerSession) return
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The inspector's own protocol.
      const answer = JSON.parse(params.message) as FromWorker
      if (answer.id === undefined) return
      this.#waiting.get(answer.id)?.(answer)
      this.#waiting.delete(answer.id)
    })
  }

  static async attach(title: string): Promise<WorkerProfiler> {
    const session = new Session()
    session.connect()
    const found = Promise.withResolvers<string>()
    session.on('NodeWorker.attachedToWorker', ({ params }) => {
      if (params.workerInfo.title.includes(title)) found.resolve(params.sessionId)
    })
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
    return new WorkerProfiler(session, await found.promise)
  }

  #ask(method: string, params: object = {}): Promise<FromWorker> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      const message = JSON.stringify({ id, method, params })
      this.#session.post('NodeWorker.sendMessageToWorker', { sessionId: this.#workerSession, message })
    })
  }

  async start(): Promise<void> {
    await this.#ask('Profiler.enable')
    await this.#ask('Profiler.setSamplingInterval', { interval: 500 })
    await this.#ask('Profiler.start')
  }

  /** Ends the profile: microseconds of the thread's own time by source file, `(garbage collector)` and the like by their name. */
  async stop(): Promise<Map<string, number>> {
    const { result } = await this.#ask('Profiler.stop')
    const micros = new Map<string, number>()
    const profile = result?.profile
    if (!profile) return micros
    const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
    profile.samples?.forEach((id, i) => {
      const frame = nodes.get(id)!.callFrame
      const place = frame.url === '' ? frame.functionName : frame.url
      micros.set(place, (micros.get(place) ?? 0) + (profile.timeDeltas?.[i] ?? 0))
    })
    return micros
  }

  close(): void {
    this.#session.disconnect()
  }
}
