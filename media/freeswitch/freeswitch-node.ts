import type { Codec } from '../payload-types.ts'
import type { Description } from '../sdp-reading.ts'
import { MediaUnavailable } from '../media-server.ts'
import type { EngineSip, MediaNeeds } from '../needs.ts'
import { within } from './deadline.ts'
import { safeWord } from './event-socket-text.ts'
import type { FreeSwitchPlace, ReadOptions } from './freeswitch-options.ts'
import { connectFreeSwitch, FreeSwitchRefused, type FsConnection, type FsEndpoint } from './fsmrf.ts'
import { FreeSwitchLeg, refusalOf } from './leg.ts'
import { PartyDescription } from './party-description.ts'

/** The header that marks a channel as ours; FreeSWITCH keeps it as the variable `sip_h_` and its name. */
const OWNER_HEADER = 'X-DCE-Owner'
const FIRST_PAUSE_MS = 250

interface NodeParts {
  readonly place: FreeSwitchPlace
  readonly options: ReadOptions
  readonly log: MediaNeeds['log']
  readonly sip: EngineSip
}

/** One FreeSWITCH: its event socket, supervised by us, and the channels we have on it. */
export class FreeSwitchNode {
  readonly place: FreeSwitchPlace
  readonly #parts: NodeParts
  #connection: FsConnection | null = null
  #closed = false
  #retry: NodeJS.Timeout | null = null
  #health: NodeJS.Timeout | null = null
  #lastTrouble = ''
  #codecs: readonly Codec[] | null = null
  /** Our live channels: a sweep leaves them alone. */
  readonly #channels = new Set<string>()
  /** Sessions here, counted by the engine. */
  sessions = 0

  constructor(parts: NodeParts) {
    this.place = parts.place
    this.#parts = parts
  }

  get isUp(): boolean {
    return this.#connection !== null
  }

  /** Tries until it is connected or the time is up: then throws what was wrong last, and goes on trying unless it is closed. */
  async start(): Promise<void> {
    const { connectTimeoutMs } = this.#parts.options
    const deadline = Date.now() + connectTimeoutMs
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
      try {
        return await this.#connect()
      } catch (error) {
        if (error instanceof FreeSwitchRefused || Date.now() + pauseMs > deadline || this.#closed) {
          this.#connectLater(FIRST_PAUSE_MS)
          throw error
        }
      }
      await new Promise((resolve) => void setTimeout(resolve, pauseMs))
    }
  }

  /** A channel for a party that has said this, or to which FreeSWITCH is to make the offer. */
  async openLeg(said: Description | null): Promise<FreeSwitchLeg> {
    const connection = this.#connection
    const { options } = this.#parts
    if (connection === null) throw new MediaUnavailable(`FreeSWITCH at ${this.#where} is away`)
    const party = new PartyDescription()
    const told = said === null ? null : party.write(said)
    const limits = { ...options, codecs: () => this.#codecs }
    const abandon = (endpoint: FsEndpoint): void => void new FreeSwitchLeg(endpoint, party, told, limits).close()
    let endpoint: FsEndpoint
    try {
      const created = connection.createEndpoint(told, { [OWNER_HEADER]: options.owner })
      endpoint = await within('make a channel', options.commandTimeoutMs, created, abandon)
    } catch (error) {
      throw refusalOf(error)
    }
    const leg = new FreeSwitchLeg(endpoint, party, told, limits)
    if (told === null) this.#codecs = leg.local.audio.codecs // An offer of its own names them all.
    this.#channels.add(leg.uuid)
    leg.onEnded(() => void this.#channels.delete(leg.uuid))
    return leg
  }

  close(): void {
    this.#closed = true
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#drop()
  }

  get #where(): string {
    return `${this.place.host}:${this.place.port}`
  }

  async #connect(): Promise<void> {
    const { options, sip } = this.#parts
    const connection = await connectFreeSwitch(this.place, options, sip)
    if (this.#closed) return connection.close()
    await this.#sweep(connection).catch((error: unknown) =>
      this.#parts.log.warn({ server: this.#where, error }, 'channels that an earlier run left could not be ended'),
    )
    this.#connection = connection
    if (this.#lastTrouble !== '') this.#parts.log.warn({ server: this.#where }, 'FreeSWITCH is back')
    this.#lastTrouble = ''
    connection.onLost(() => this.#lost(connection))
    // A peer that is gone without a word, behind a firewall for instance, closes nothing.
    this.#health = setInterval(() => {
      connection.api('status').catch(() => this.#lost(connection))
    }, options.healthEveryMs)
    this.#health.unref()
  }

  #lost(connection: FsConnection): void {
    if (this.#connection !== connection) return
    this.#drop()
    if (this.#closed) return
    this.#trouble('the connection to its event socket is lost')
    this.#connectLater(FIRST_PAUSE_MS)
  }

  #drop(): void {
    if (this.#health !== null) clearInterval(this.#health)
    const connection = this.#connection
    this.#connection = null
    connection?.close()
  }

  #connectLater(pauseMs: number): void {
    if (this.#closed) return
    this.#retry = setTimeout(() => {
      this.#connect().catch((error: Error) => {
        this.#trouble(error.message)
        this.#connectLater(Math.min(pauseMs * 2, this.#parts.options.reconnectMaxMs))
      })
    }, pauseMs)
    this.#retry.unref()
  }

  /** Once for each new trouble, not for each attempt. */
  #trouble(reason: string): void {
    if (reason === this.#lastTrouble) return
    this.#lastTrouble = reason
    this.#parts.log.error({ server: this.#where, reason }, 'FreeSWITCH is away')
  }

  /** After a crash of ours its channels are still up, and nobody would ever end them. */
  async #sweep(connection: FsConnection): Promise<void> {
    const orphans: string[] = []
    for (const uuid of channelsIn(await connection.api('show channels as json'))) {
      if (this.#channels.has(uuid)) continue
      const owner = await connection.api(`uuid_getvar ${safeWord('a channel', uuid)} sip_h_${OWNER_HEADER}`)
      if (owner.trim() === this.#parts.options.owner) orphans.push(uuid)
    }
    for (const uuid of orphans) await connection.api(`uuid_kill ${uuid}`)
    if (orphans.length > 0)
      this.#parts.log.warn({ server: this.#where, channels: orphans.length }, 'ended channels an earlier run left')
  }
}

/** `{"row_count": 1, "rows": [{"uuid": …}]}`; without a channel there are no rows. */
function channelsIn(printed: string): string[] {
  const { rows = [] } = JSON.parse(printed) as { rows?: { uuid?: string }[] }
  return rows.flatMap(({ uuid }) => (typeof uuid === 'string' && /^[\w-]+$/.test(uuid) ? [uuid] : []))
}
