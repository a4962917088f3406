import { MediaUnavailable } from '../media-server.ts'
import type { MediaNeeds } from '../needs.ts'
import type { PortRange } from '../relay/port-pool.ts'
import { loadMediasoup, type FoundMediasoup } from './load.ts'
import type { MediasoupModule, MediasoupWorker } from './mediasoup-api.ts'

/** A worker that dies younger than this is not started again at once: the cause is likely still there. */
const RESTART_PAUSE_MS = 1000

/** The place of one worker process; when it dies, another is started in it. */
export class Seat {
  readonly index: number
  worker: MediasoupWorker | null = null
  /** Legs of calls that are there now. */
  legs = 0
  startedMs = 0
  restart: NodeJS.Timeout | null = null

  constructor(index: number) {
    this.index = index
  }
}

/** The worker processes, one a core or as many as were asked for. */
export class WorkerPool {
  readonly #found: FoundMediasoup
  readonly #ports: PortRange
  readonly #needs: MediaNeeds
  readonly #onDied: (worker: MediasoupWorker, reason: string) => void
  readonly #seats: readonly Seat[]
  #module: MediasoupModule | null = null
  #closed = false

  constructor(
    found: FoundMediasoup,
    workers: number,
    ports: PortRange,
    needs: MediaNeeds,
    onDied: (worker: MediasoupWorker, reason: string) => void,
  ) {
    this.#found = found
    this.#ports = ports
    this.#needs = needs
    this.#onDied = onDied
    this.#seats = Array.from({ length: workers }, (_, index) => new Seat(index))
  }

  /** Rejects with MediaUnavailable when a worker does not start. */
  async start(): Promise<void> {
    this.#module = await loadMediasoup(this.#found)
    await Promise.all(this.#seats.map((seat) => this.#start(seat)))
  }

  get isUp(): boolean {
    return !this.#closed && this.#seats.some(({ worker }) => worker !== null)
  }

  get pids(): number[] {
    return this.#seats.flatMap(({ worker }) => worker?.pid ?? [])
  }

  /** Those that run, the one with the fewest legs first. */
  get byLoad(): (Seat & { readonly worker: MediasoupWorker })[] {
    const running = this.#seats.filter((seat): seat is Seat & { worker: MediasoupWorker } => seat.worker !== null)
    return running.toSorted((a, b) => a.legs - b.legs)
  }

  close(): void {
    this.#closed = true
    for (const seat of this.#seats) {
      if (seat.restart) clearTimeout(seat.restart)
      seat.worker?.close()
      seat.worker = null
    }
  }

  async #start(seat: Seat): Promise<void> {
    const { from, to } = this.#ports
    const settings = { rtcMinPort: from, rtcMaxPort: to, workerBin: this.#found.worker }
    let worker: MediasoupWorker
    try {
      worker = await this.#module!.createWorker({ logLevel: 'error', ...settings })
    } catch (error) {
      throw new MediaUnavailable(
        `media engine mediasoup: the worker ${this.#found.worker} does not start with the JavaScript of ` +
          `mediasoup ${this.#found.version}, whose version it must be: ${(error as Error).message}`,
      )
    }
    if (this.#closed) return worker.close()
    worker.once('died', (error) => this.#died(seat, worker, error.message))
    seat.worker = worker
    seat.startedMs = performance.now()
  }

  #died(seat: Seat, worker: MediasoupWorker, cause: string): void {
    seat.worker = null
    seat.legs = 0
    if (this.#closed) return
    this.#needs.log.error({ worker: seat.index, cause }, 'a mediasoup worker died; its calls end; starting another')
    this.#onDied(worker, `a mediasoup worker died: ${cause}`)
    this.#startAgain(seat, performance.now() - seat.startedMs < RESTART_PAUSE_MS ? RESTART_PAUSE_MS : 0)
  }

  #startAgain(seat: Seat, afterMs: number): void {
    seat.restart = setTimeout(() => {
      this.#start(seat).catch((error: unknown) => {
        this.#needs.log.error({ worker: seat.index, cause: String(error) }, 'a mediasoup worker did not start again')
        if (!this.#closed) this.#startAgain(seat, RESTART_PAUSE_MS)
      })
    }, afterMs)
    seat.restart.unref()
  }
}
