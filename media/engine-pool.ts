import type { CallNeeds } from './call-needs.ts'
import { chooseEngine, type NoEngine } from './engine-choice.ts'
import {
  MediaUnavailable,
  UnacceptableMedia,
  type MediaServer,
  type MediaSession,
  type SessionRequest,
} from './media-server.ts'

/** Why an engine, or all of them (`any`), did not take a session. */
export type SessionRefusal = 'incapable' | 'unavailable' | 'down' | 'full' | 'unacceptable'

export interface EnginePoolOptions {
  /** Each session that was refused, and by whom: once for each engine that was asked, and once by `any` when none was left. */
  readonly onRefused?: (engine: string, reason: SessionRefusal) => void
}

/** A session, and the engine it is at. */
export interface OpenSession {
  readonly engine: MediaServer
  readonly session: MediaSession
}

/** RFC 3261 §20.43: 305, incompatible media format. */
const NO_CODEC = 305

/** The engines that run here, the cheapest first; which of them takes a call is decided for each call. */
export class EnginePool {
  readonly engines: readonly MediaServer[]
  readonly #onRefused: (engine: string, reason: SessionRefusal) => void

  constructor(engines: readonly MediaServer[], { onRefused = () => {} }: EnginePoolOptions = {}) {
    this.engines = engines
    this.#onRefused = onRefused
  }

  get isUp(): boolean {
    return this.engines.some((engine) => engine.isUp)
  }

  get sessionCount(): number {
    let count = 0
    for (const engine of this.engines) count += engine.sessionCount
    return count
  }

  choose(needs: CallNeeds, except: ReadonlySet<MediaServer> | null = null): MediaServer | NoEngine {
    return chooseEngine(this.engines, needs, except)
  }

  /**
   * A session at the engine chosen for these needs; the next one is asked when that one is full or has gone down, and one that
   * transcodes when it has none of the codecs. `except` grows by those. Throws UnacceptableMedia when no engine could ever serve it,
   * MediaUnavailable when none can now.
   */
  async open(request: SessionRequest, asked: CallNeeds, except: Set<MediaServer> = new Set()): Promise<OpenSession> {
    let needs = asked
    let unacceptable: UnacceptableMedia | null = null
    let unavailable: MediaUnavailable | null = null
    for (;;) {
      const engine = this.choose(needs, except)
      if (engine === 'incapable') {
        if (unacceptable !== null) throw unacceptable
        this.#onRefused('any', 'incapable')
        const lacking = needs.must.length > 0 ? needs.must.join(', ') : 'audio that does not go past us'
        throw new UnacceptableMedia(`no media engine here can do what the call needs: ${lacking}`)
      }
      if (engine === 'unavailable') {
        if (unacceptable !== null) throw unacceptable
        this.#onRefused('any', 'unavailable')
        throw unavailable ?? new MediaUnavailable('every media engine that can take the call is down')
      }
      try {
        return { engine, session: await engine.createSession(request) }
      } catch (error) {
        const isUnacceptable = error instanceof UnacceptableMedia
        if (!isUnacceptable && !(error instanceof MediaUnavailable)) throw error
        this.refused(engine, error)
        except.add(engine)
        if (!isUnacceptable) {
          unavailable = error
          continue
        }
        if (error.warning !== NO_CODEC) throw error // All of them read descriptions alike.
        unacceptable ??= error
        needs = { ...needs, must: [...needs.must, 'transcode'] }
      }
    }
  }

  /** Counts a session that an engine would not have, or not go on with. */
  refused(engine: MediaServer, error: MediaUnavailable | UnacceptableMedia): void {
    const reason = error instanceof UnacceptableMedia ? 'unacceptable' : engine.isUp ? 'full' : 'down'
    this.#onRefused(engine.name, reason)
  }

  async close(): Promise<void> {
    await Promise.all(this.engines.map((engine) => engine.close()))
  }
}
