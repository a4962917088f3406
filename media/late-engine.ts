import {
  MEDIA_CAPABILITIES,
  MediaUnavailable,
  type MediaCapability,
  type MediaServer,
  type MediaSession,
  type SessionRequest,
} from './media-server.ts'

/** How long after a start that failed the next one is tried. */
const START_AGAIN_MS = 5000

/** Until it has started, what an engine can do is not known: calls are told that it is away, not that nobody could. */
const ANYTHING: ReadonlySet<MediaCapability> = new Set(MEDIA_CAPABILITIES)

/** An engine that could not be started with the exchange: it is down, and tried again until it starts or is closed. */
export class LateEngine implements MediaServer {
  readonly name: string
  readonly #start: () => Promise<MediaServer>
  readonly #onStarted: (name: string) => void
  readonly #againMs: number
  #engine: MediaServer | null = null
  #timer: NodeJS.Timeout | null = null
  #starting: Promise<void> | null = null
  #closed = false

  constructor(
    name: string,
    start: () => Promise<MediaServer>,
    onStarted: (name: string) => void,
    againMs = START_AGAIN_MS,
  ) {
    this.name = name
    this.#start = start
    this.#onStarted = onStarted
    this.#againMs = againMs
    this.#tryLater()
  }

  get isUp(): boolean {
    return this.#engine?.isUp ?? false
  }

  get capabilities(): ReadonlySet<MediaCapability> {
    return this.#engine?.capabilities ?? ANYTHING
  }

  get isDirect(): boolean {
    return this.#engine?.isDirect ?? false
  }

  get sessionCount(): number {
    return this.#engine?.sessionCount ?? 0
  }

  // oxlint-disable-next-line require-await -- a throw is to be a rejection.
  async createSession(request: SessionRequest): Promise<MediaSession> {
    if (this.#engine === null) throw new MediaUnavailable(`${this.name} has not started`)
    return this.#engine.createSession(request)
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#starting
    await this.#engine?.close()
  }

  #tryLater(): void {
    this.#timer = setTimeout(() => void (this.#starting = this.#tryNow()), this.#againMs)
    this.#timer.unref()
  }

  async #tryNow(): Promise<void> {
    try {
      this.#engine = await this.#start()
      this.#onStarted(this.name)
    } catch {
      if (!this.#closed) this.#tryLater() // What is wrong was said at the start.
    }
  }
}
