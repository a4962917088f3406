import { MediaUnavailable, type MediaCapability, type MediaServer, type SessionRequest } from '../media-server.ts'
import type { MediaNeeds } from '../needs.ts'
import { readDescription } from '../sdp-reading.ts'
import { FreeSwitchNode } from './freeswitch-node.ts'
import { readOptions, type FreeSwitchOptions, type ReadOptions } from './freeswitch-options.ts'
import { FreeSwitchSession } from './freeswitch-session.ts'

/**
 * Starts the FreeSWITCH engine: resolves once one of its servers can take calls. Rejects with a sentence when an option is wrong
 * (RangeError) or none can (MediaUnavailable): nobody listens, the password is wrong, the profile is missing.
 */
export async function createFreeSwitch(needs: MediaNeeds, options: FreeSwitchOptions): Promise<FreeSwitch> {
  const freeswitch = new FreeSwitch(needs, readOptions(options))
  await freeswitch.start()
  return freeswitch
}

/** One or several FreeSWITCH servers, as one engine: a call goes to the one with the fewest for its weight. */
export class FreeSwitch implements MediaServer {
  readonly name = 'freeswitch'
  readonly capabilities: ReadonlySet<MediaCapability> = new Set([
    'transcode',
    'transcode-g711',
    'tools',
    'replace',
    'monitor',
  ])
  readonly #options: ReadOptions
  readonly #log: MediaNeeds['log']
  readonly #nodes: readonly FreeSwitchNode[]
  readonly #sessions = new Set<FreeSwitchSession>()
  #closed = false

  constructor({ log, sip }: MediaNeeds, options: ReadOptions) {
    if (sip === undefined) throw new RangeError('sip: FreeSWITCH is reached by SIP')
    this.#options = options
    this.#log = log
    this.#nodes = options.servers.map((place) => new FreeSwitchNode({ place, options, log, sip }))
  }

  async start(): Promise<void> {
    const starts = await Promise.allSettled(this.#nodes.map((node) => node.start()))
    if (this.isUp) {
      for (const start of starts)
        if (start.status === 'rejected')
          this.#log.error({ reason: (start.reason as Error).message }, 'a FreeSWITCH is left out until it can be used')
      return
    }
    await this.close()
    const reasons = starts.flatMap((start) => (start.status === 'rejected' ? [(start.reason as Error).message] : []))
    throw new MediaUnavailable(`media engine freeswitch: ${reasons.join('; ')}`)
  }

  get isUp(): boolean {
    return !this.#closed && this.#nodes.some((node) => node.isUp)
  }

  get sessionCount(): number {
    return this.#sessions.size
  }

  async createSession({ callerOffer }: SessionRequest): Promise<FreeSwitchSession> {
    const said = callerOffer === null ? null : readDescription(callerOffer)
    const node = this.#pick()
    node.sessions++ // Before the wait, so that calls arriving together are spread too.
    try {
      const callerLeg = await node.openLeg(said)
      if (this.#closed) {
        await callerLeg.close()
        throw new MediaUnavailable('the engine is closed')
      }
      const { promptsDir, recordingsDir, rtpTimeoutMs } = this.#options
      const session = new FreeSwitchSession({
        callerOffer: said,
        callerLeg,
        promptsDir,
        recordingsDir,
        rtpTimeoutMs,
        openLeg: (description) => node.openLeg(description),
        onClosed: (closed) => {
          if (this.#sessions.delete(closed)) node.sessions--
        },
      })
      this.#sessions.add(session)
      return session
    } catch (error) {
      node.sessions--
      throw error
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.all([...this.#sessions].map((session) => session.close()))
    for (const node of this.#nodes) node.close()
  }

  #pick(): FreeSwitchNode {
    if (this.#closed) throw new MediaUnavailable('the engine is closed')
    const up = this.#nodes.filter((node) => node.isUp)
    if (up.length === 0) throw new MediaUnavailable('no FreeSWITCH can be reached')
    const free = up.filter((node) => node.sessions < this.#options.maxSessions)
    if (free.length === 0)
      throw new MediaUnavailable(`every FreeSWITCH has its ${this.#options.maxSessions} calls (max_sessions)`)
    return free.reduce((best, node) =>
      node.sessions / node.place.weight < best.sessions / best.place.weight ? node : best,
    )
  }
}
