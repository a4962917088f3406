import { resolve } from 'node:path'
import { systemRandom } from '../../model/random.ts'
import { MediaUnavailable, type MediaCapability, type MediaServer, type SessionRequest } from '../media-server.ts'
import type { MediaNeeds } from '../needs.ts'
import { Recordings } from '../recording/recordings.ts'
import { PromptStore } from '../relay/prompt-store.ts'
import type { ToolShed } from '../relay/relay-tools.ts'
import { termsToOffer } from '../sdp.ts'
import { checkOptions, RTPENGINE_DEFAULTS, type RtpengineOptions, type WholeOptions } from './engine-options.ts'
import { Engine } from './engine.ts'
import { checkPolicy } from './offered-codecs.ts'
import { Path } from './path.ts'
import { RtpengineSession } from './rtpengine-session.ts'
import { read } from './said.ts'
import { TapThread } from './tap-thread.ts'

/**
 * Audio through one or more rtpengines beside this process, over their ng protocol. Resolves once each has answered a ping or failed to:
 * none of them need be up, and whichever comes back is used again. Rejects with RangeError when an option cannot be.
 */
export async function createRtpengine(needs: MediaNeeds, options: RtpengineOptions): Promise<MediaServer> {
  const whole = { ...RTPENGINE_DEFAULTS, ...options }
  checkOptions(whole)
  const server = new Rtpengine(needs, whole)
  await server.start()
  return server
}

class Rtpengine implements MediaServer {
  readonly name = 'rtpengine'
  readonly capabilities: ReadonlySet<MediaCapability> = new Set([
    'sdes',
    'webrtc',
    'transcode',
    'transcode-g711',
    'tools',
    'replace',
  ])
  readonly #options: WholeOptions
  readonly #engines: readonly Engine[]
  readonly #sessions = new Set<RtpengineSession>()
  readonly #shed: ToolShed
  readonly #taps: TapThread
  readonly #needs: MediaNeeds
  #closed = false
  #lastPath = 0

  constructor(needs: MediaNeeds, options: WholeOptions) {
    this.#options = options
    this.#needs = needs
    this.#taps = new TapThread(needs)
    this.#shed = {
      prompts: new PromptStore(options.promptFolder ?? null),
      recordings: options.recordings ? new Recordings(options.recordings) : null,
    }
    const prefix = Buffer.from(systemRandom.bytes(8)).toString('hex')
    this.#engines = options.engines.map((address) => new Engine(address, prefix, options, needs))
    for (const engine of this.#engines) {
      engine.on('down', (reason) => {
        for (const session of this.#sessionsAt(engine)) session.lost(`${engine.name} is down: ${reason}`)
      })
      // So that the first call's first digit finds somebody listening.
      engine.on('up', () => {
        const address = engine.seesUsAt
        if (address !== null) this.#taps.listen(address).catch((error: unknown) => this.#notListening(engine, error))
      })
      // It may have been started anew in between: then it knows none of them.
      engine.on('doubt', () => {
        for (const session of this.#sessionsAt(engine)) void session.lookUp()
      })
    }
  }

  async start(): Promise<void> {
    await Promise.all(this.#engines.map((engine) => engine.start()))
  }

  get isUp(): boolean {
    return !this.#closed && this.#engines.some((engine) => engine.isUp && engine.weight > 0)
  }

  get sessionCount(): number {
    return this.#sessions.size
  }

  // oxlint-disable-next-line require-await -- a throw is to be a rejection.
  async createSession({ callId, callerOffer }: SessionRequest): Promise<RtpengineSession> {
    const said = callerOffer === null ? null : read(callerOffer)
    if (said) {
      // Refused now rather than when a buyer is about to be rung.
      termsToOffer(said.description.audio, false)
      checkPolicy(said, this.#options.codecs)
    }
    if (!this.isUp) throw new MediaUnavailable(this.#closed ? 'rtpengine is closed' : 'no rtpengine answers')
    const { queryIntervalMs } = this.#options
    const session = new RtpengineSession({
      callerOffer: said,
      open: (first) => this.#open(callId, first),
      queryIntervalMs,
      silence: this.#options,
      codecs: this.#options.codecs,
      shed: this.#shed,
      taps: this.#taps,
      promptFile: (path, name) => this.#promptFile(path, name),
      warn: (details, message) => this.#needs.log.warn({ callId, ...details }, message),
      onClosed: (closed) => this.#sessions.delete(closed),
    })
    this.#sessions.add(session)
    return session
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.all([...this.#sessions].map((session) => session.close()))
    await this.#taps.close()
    for (const engine of this.#engines) engine.close()
  }

  #notListening(engine: Engine, error: unknown): void {
    if (this.#closed) return
    this.#needs.log.warn({ engine: engine.name, reason: String(error) }, 'no digits are heard and nothing is recorded')
  }

  /** Where the rtpengine of this path reads a prompt: its own folder, or ours when it is on this machine. */
  #promptFile({ engine }: Path, name: string): string | null {
    const { promptFolder, enginePromptFolder } = this.#options
    const isHere = engine.host === engine.seesUsAt
    const folder = enginePromptFolder ?? (isHere && promptFolder !== undefined ? resolve(promptFolder) : null)
    return folder === null ? null : `${folder}/${name.endsWith('.wav') ? name : `${name}.wav`}`
  }

  #sessionsAt(engine: Engine): RtpengineSession[] {
    return [...this.#sessions].filter((session) => session.isAt(engine))
  }

  /** A call at the engine with the most room for its weight; the next one is asked when that one will not have it. */
  async #open<T>(callId: string, first: (path: Path) => Promise<T>): Promise<{ path: Path; first: T }> {
    const usable = this.#engines.filter((engine) => engine.isUp && engine.weight > 0)
    usable.sort((a, b) => (a.calls + 1) / a.weight - (b.calls + 1) / b.weight)
    let reason = 'no rtpengine answers'
    for (const engine of usable) {
      const path = new Path(engine, `${callId}-${++this.#lastPath}`, this.#options.latching)
      try {
        return { path, first: await first(path) }
      } catch (error) {
        void path.delete() // A late answer may have opened ports after we stopped waiting.
        if (!(error instanceof MediaUnavailable)) throw error
        reason = error.message
      }
    }
    throw new MediaUnavailable(`no rtpengine takes the call: ${reason}`)
  }
}
