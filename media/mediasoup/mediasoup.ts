import { isIPv6 } from 'node:net'
import { arrange, readOffer } from '../codec-policy.ts'
import { MediaUnavailable, type MediaCapability, type MediaServer, type SessionRequest } from '../media-server.ts'
import type { MediaNeeds } from '../needs.ts'
import { OWN_OFFER } from '../own-offer.ts'
import {
  checkLimits,
  readAddresses,
  RELAY_DEFAULTS,
  type RelayAddress,
  type RelayAddresses,
} from '../relay/relay-options.ts'
import type { AudioStream } from '../sdp-reading.ts'
import { termsToOffer } from '../sdp.ts'
import { BrowserLeg } from './browser-leg.ts'
import { Fronts, LOOPBACK } from './fronts.ts'
import type { Leg } from './leg.ts'
import { findMediasoup } from './load.ts'
import { checkWorkers, MEDIASOUP_DEFAULTS, type MediasoupOptions } from './mediasoup-options.ts'
import { carried, MediasoupSession, type LegRequest } from './mediasoup-session.ts'
import { PhoneLeg } from './phone-leg.ts'
import { RouterCodecs } from './router-codecs.ts'
import { Rooms } from './rooms.ts'
import { WorkerPool } from './worker-pool.ts'

/** Two sessions of ours meet here: nobody else can reach it. */
const INSIDE: RelayAddress = { bind: LOOPBACK, told: LOOPBACK }

/**
 * Audio through mediasoup workers beside this process. Resolves once each worker runs. Rejects with MediaUnavailable when there is no worker
 * program (its message says how to get one), when it does not start, or when an address cannot be bound; with RangeError when an
 * option cannot be.
 */
export async function createMediasoup(needs: MediaNeeds, options: MediasoupOptions): Promise<Mediasoup> {
  const server = new Mediasoup(needs, options)
  await server.start()
  return server
}

export class Mediasoup implements MediaServer {
  readonly name = 'mediasoup'
  readonly capabilities: ReadonlySet<MediaCapability> = new Set(['webrtc', 'sdes', 'replace'])
  readonly #addresses: RelayAddresses
  readonly #strict: boolean
  readonly #codecs: readonly string[]
  readonly #rtpTimeoutMs: number
  readonly #pipeFrom: number
  readonly #fronts: Fronts
  readonly #pool: WorkerPool
  readonly #sessions = new Set<MediasoupSession>()
  #closed = false

  constructor(needs: MediaNeeds, options: MediasoupOptions) {
    const relay = { ...RELAY_DEFAULTS, ...options }
    const { threads, portRange, rtpTimeoutMs, portQuietMs, latching, oneWayAfterMs, oneWayEndsCall } = relay
    const { workers, workerPorts, pipeFrom } = { ...MEDIASOUP_DEFAULTS, ...options }
    checkLimits(portRange, threads, rtpTimeoutMs, portQuietMs)
    checkWorkers({ workers, workerPorts, pipeFrom, workerPath: options.workerPath })
    this.#addresses = readAddresses(options)
    this.#strict = latching === 'strict'
    this.#codecs = relay.codecs
    this.#rtpTimeoutMs = rtpTimeoutMs
    this.#pipeFrom = pipeFrom
    const { v4, v6 } = this.#addresses
    const addresses = [v4, v6].filter((address) => address !== null).map(({ bind }) => bind)
    const watching = { rtpTimeoutMs, latching, oneWayAfterMs, oneWayEndsCall }
    const data = { addresses, portRange, portQuietMs, readyPairs: 0, ...watching }
    this.#fronts = new Fronts(threads, data, needs)
    const found = findMediasoup(options.workerPath)
    this.#pool = new WorkerPool(found, workers, workerPorts, needs, (worker, reason) => {
      for (const session of this.#sessions) if (session.isIn(worker)) session.lost(reason)
    })
  }

  async start(): Promise<void> {
    try {
      await Promise.all([this.#pool.start(), this.#fronts.start()])
    } catch (error) {
      await this.close()
      throw error
    }
  }

  get isUp(): boolean {
    return !this.#closed && this.#pool.isUp && this.#fronts.isUp
  }

  get sessionCount(): number {
    return this.#sessions.size
  }

  /** Of the worker processes that run now. */
  get workerPids(): readonly number[] {
    return this.#pool.pids
  }

  async createSession({ callerOffer: text }: SessionRequest): Promise<MediasoupSession> {
    const offer = text === null ? null : readOffer(text, this.#codecs)
    const codecs = new RouterCodecs((offer ?? arrange(OWN_OFFER, this.#codecs)).audio.codecs)
    if (!this.isUp)
      throw new MediaUnavailable(this.#closed ? 'mediasoup is closed' : 'mediasoup is down: no worker of it runs')
    const rooms = new Rooms(this.#pool, codecs, this.#pipeFrom)
    const callerOffer = offer && carried(offer, rooms)
    if (callerOffer) termsToOffer(callerOffer.audio, false) // Refused now rather than when a buyer is about to be rung.
    const address = callerOffer ? this.#addressFor(callerOffer.audio) : this.#addresses.main
    const isBrowser = callerOffer?.audio.security?.kind === 'dtls'
    let caller: Leg | null = null
    try {
      caller = await this.#openLeg(rooms, { security: isBrowser ? 'webrtc' : 'none' }, address)
      if (callerOffer) caller.check(callerOffer.audio)
      if (this.#closed) throw new MediaUnavailable('mediasoup is closed')
      const session = new MediasoupSession({
        rooms,
        callerOffer,
        caller,
        codecs: this.#codecs,
        openLeg: (where, request) => this.#openLeg(where, request, request.inside ? INSIDE : this.#addresses.main),
        onClosed: (closed) => this.#sessions.delete(closed),
      })
      this.#sessions.add(session)
      return session
    } catch (error) {
      void caller?.close()
      rooms.close()
      throw error
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.all([...this.#sessions].map((session) => session.close()))
    this.#pool.close()
    await this.#fronts.close()
  }

  #openLeg(rooms: Rooms, { security }: LegRequest, address: RelayAddress): Promise<Leg> {
    if (security === 'webrtc') return BrowserLeg.open(rooms, address, this.#rtpTimeoutMs)
    return PhoneLeg.open(rooms, this.#fronts, address, { strict: this.#strict, wish: security })
  }

  /** The caller is met on the family of its offer, buyers on the main one. */
  #addressFor(stream: AudioStream): RelayAddress {
    const { main, v4, v6 } = this.#addresses
    return stream.heldByAddress ? main : ((isIPv6(stream.address) ? v6 : v4) ?? main)
  }
}
