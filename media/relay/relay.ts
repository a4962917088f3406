import { isIPv6 } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LegSide } from '../../model/call.ts'
import type { CallId } from '../../model/ids.ts'
import { arrange, readOffer } from '../codec-policy.ts'
import { MediaUnavailable, type MediaCapability, type MediaServer, type SessionRequest } from '../media-server.ts'
import type { MediaNeeds } from '../needs.ts'
import { OWN_OFFER } from '../own-offer.ts'
import { makeDtlsCertificate } from './dtls-certificate.ts'
import type { DtlsCertificate } from './dtls-messages.ts'
import { FaceSecurity } from './face-security.ts'
import { FormatTerms } from './format-terms.ts'
import { Recordings } from '../recording/recordings.ts'
import { PromptStore } from './prompt-store.ts'
import type { RelayStats, ToRelayThread } from './relay-messages.ts'
import {
  checkLimits,
  readAddresses,
  RELAY_DEFAULTS,
  type RelayAddress,
  type RelayAddresses,
  type RelayOptions,
} from './relay-options.ts'
import { RelaySession } from './relay-session.ts'
import { RELAY_REPLY_LIMIT_MS, RelayThread } from './relay-thread.ts'
import type { ToolShed } from './relay-tools.ts'
import { checkReachable, remoteParty } from './remote-party.ts'
import type { AudioStream } from '../sdp-reading.ts'
import type { ToolEvent } from './tool-messages.ts'
import { SlotMap } from '../../model/slots.ts'

/** How often the end looks whether recordings are written. */
const FINISHING_LOOK_MS = 10

/**
 * Starts the relay: an RTP/RTCP relay of our own, in threads of this process, for plain audio with nothing installed.
 * Rejects with MediaUnavailable when an address cannot be bound, with RangeError when an option cannot be.
 */
export async function createRelay(needs: MediaNeeds, options: RelayOptions): Promise<MediaServer> {
  const relay = new Relay(needs, options)
  await relay.start()
  return relay
}

class Relay implements MediaServer {
  readonly name = 'relay'
  readonly capabilities: ReadonlySet<MediaCapability> = new Set([
    'replace',
    'sdes',
    'webrtc',
    'transcode-g711',
    'tools',
  ])
  readonly #needs: MediaNeeds
  readonly #addresses: RelayAddresses
  readonly #strict: boolean
  readonly #codecs: readonly string[]
  readonly #formats: FormatTerms
  readonly #threads: readonly RelayThread[]
  readonly #load: Map<RelayThread, number>
  readonly #sessions = new SlotMap<number, RelaySession>()
  readonly #shed: ToolShed
  /** Of sessions that are closed, those whose recordings are still being written to their ends. */
  readonly #finishing = new SlotMap<number, RelaySession>()
  #lastSession = 0
  #certificate: Promise<DtlsCertificate> | null = null
  #closed = false

  constructor(needs: MediaNeeds, options: RelayOptions) {
    const { portRange, threads = RELAY_DEFAULTS.threads } = options
    const { rtpTimeoutMs = RELAY_DEFAULTS.rtpTimeoutMs, latching = RELAY_DEFAULTS.latching } = options
    const { portQuietMs, oneWayAfterMs, oneWayEndsCall, codecs, readyPairs } = { ...RELAY_DEFAULTS, ...options }
    checkLimits(portRange, threads, rtpTimeoutMs, portQuietMs)
    this.#needs = needs
    this.#addresses = readAddresses(options)
    this.#strict = latching === 'strict'
    this.#codecs = codecs
    this.#formats = new FormatTerms(codecs)
    this.#shed = {
      prompts: new PromptStore(options.promptFolder ?? null),
      recordings: options.recordings ? new Recordings(options.recordings) : null,
    }
    const { v4, v6 } = this.#addresses
    const addresses = [v4, v6].filter((address) => address !== null).map((address) => address.bind)
    const events = {
      onSilent: (session: number, side: LegSide) => this.#sessions.get(session)?.silent(side),
      onTool: (session: number, event: ToolEvent) =>
        (this.#sessions.get(session) ?? this.#finishing.get(session))?.tools.told(event),
      onInsecure: (session: number, side: LegSide, reason: string) =>
        this.#sessions.get(session)?.insecure(side, reason),
      onDied: (thread: RelayThread, reason: string) => this.#threadDied(thread, reason),
    }
    this.#threads = Array.from({ length: threads }, (_, index) => {
      const limits = { portQuietMs, rtpTimeoutMs, latching, oneWayAfterMs, oneWayEndsCall, readyPairs }
      const data = { addresses, portRange, index, of: threads, ...limits }
      return new RelayThread(data, needs, events)
    })
    this.#load = new Map(this.#threads.map((thread) => [thread, 0]))
  }

  async start(): Promise<void> {
    try {
      await Promise.all(this.#threads.map((thread) => thread.start()))
    } catch (error) {
      await this.close()
      throw error
    }
  }

  get isUp(): boolean {
    return !this.#closed && this.#threads.some((thread) => thread.isUp)
  }

  get sessionCount(): number {
    return this.#sessions.size
  }

  async createSession(options: SessionRequest): Promise<RelaySession> {
    const callerOffer = options.callerOffer === null ? null : readOffer(options.callerOffer, this.#codecs)
    if (callerOffer === null) arrange(OWN_OFFER, this.#codecs)
    if (callerOffer) this.#formats.toOffer(callerOffer.audio, false, null) // Refused now rather than when a buyer is about to be rung.
    const callerAddress = callerOffer ? this.#addressFor(callerOffer.audio) : this.#addresses.main
    const buyerAddress = this.#addresses.main
    const callerSecurity = new FaceSecurity(this.#makeCertificate)
    if (callerOffer) await callerSecurity.prepareFor(callerOffer.audio.security)
    const caller =
      callerOffer &&
      remoteParty(
        callerOffer.audio,
        callerOffer.audio,
        callerOffer.audio.rtcpMux,
        callerSecurity.agree(callerOffer.audio, false),
      )
    const id = ++this.#lastSession
    let reason = 'the relay is closed'
    for (const thread of this.#threadsByLoad()) {
      if (!thread.isUp) {
        reason = 'the relay thread is down'
        continue
      }
      this.#addLoad(thread, 1) // Before the wait, so that calls arriving together are spread too.
      const asked = { session: id, callerAddress: callerAddress.bind, buyerAddress: buyerAddress.bind, caller }
      try {
        const reply = openReady(thread, asked) ?? (await thread.requestPorts({ kind: 'open', ...asked }))
        if (this.#closed) throw new MediaUnavailable('the relay is closed') // Meanwhile; its threads take the ports with them.
        if (reply.kind === 'opened') {
          const { callerPort, buyerPort } = reply
          const session = new RelaySession({
            id,
            thread,
            callerOffer,
            callerSecurity,
            makeCertificate: this.#makeCertificate,
            callerAddress,
            buyerAddress,
            callerPort,
            buyerPort,
            requireAddress: this.#strict,
            codecs: this.#codecs,
            formats: this.#formats,
            shed: this.#shed,
            onClosed: (closed, stats) => this.#sessionClosed(closed, options.callId, stats),
          })
          this.#sessions.set(id, session)
          return session
        }
        if (reply.kind === 'refused') reason = reply.reason
      } catch (error) {
        // It may still open the ports after we stopped waiting; the close that follows it in line gives them back.
        if (thread.isUp) thread.request({ kind: 'close', session: id }).catch(() => {})
        this.#addLoad(thread, -1)
        throw error
      }
      this.#addLoad(thread, -1)
    }
    throw new MediaUnavailable(`the relay cannot take the call: ${reason}`)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.all([...this.#sessions.values()].map((session) => session.close()))
    await this.#recordingsWritten()
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  /** A thread takes what it has not written with it: recordings get so long to reach the disk. */
  async #recordingsWritten(): Promise<void> {
    const startMs = performance.now()
    while (this.#finishing.size > 0 && performance.now() - startMs < RELAY_REPLY_LIMIT_MS)
      await sleep(FINISHING_LOOK_MS)
  }

  /** One for all browsers, made for the first. */
  readonly #makeCertificate = (): Promise<DtlsCertificate> => (this.#certificate ??= makeDtlsCertificate())

  #threadsByLoad(): RelayThread[] {
    if (this.#closed) return []
    return this.#threads.toSorted((a, b) => this.#load.get(a)! - this.#load.get(b)!)
  }

  #addLoad(thread: RelayThread, change: number): void {
    this.#load.set(thread, this.#load.get(thread)! + change)
  }

  /** The caller is met on the family of its offer, buyers on the main one. */
  #addressFor(stream: AudioStream): RelayAddress {
    const { main, v4, v6 } = this.#addresses
    const address = stream.heldByAddress ? main : ((isIPv6(stream.address) ? v6 : v4) ?? main)
    checkReachable(stream, address.bind, this.#strict)
    return address
  }

  #sessionClosed(session: RelaySession, callId: CallId, stats: RelayStats | null): void {
    if (!this.#sessions.delete(session.id)) return
    this.#addLoad(session.thread, -1)
    this.#finishing.set(session.id, session)
    session.tools.whenIdle(() => this.#finishing.delete(session.id))
    for (const side of ['caller', 'buyer'] as const) {
      const foreign = stats?.[side].dropped.foreign ?? 0
      if (foreign > 0)
        this.#needs.log.warn({ callId, side, foreign }, 'packets from other sources than the party were dropped')
    }
  }

  #threadDied(thread: RelayThread, reason: string): void {
    for (const session of this.#finishing.values()) if (session.thread === thread) session.tools.lost(reason)
    for (const session of this.#sessions.values())
      if (session.thread === thread) session.lost(`the relay thread died: ${reason}`)
  }
}

/** A session at ports that are bound already: nothing is waited for. Null: the thread must be asked. */
function openReady(
  thread: RelayThread,
  asked: Omit<Extract<ToRelayThread, { kind: 'open-ready' }>, 'kind' | 'callerPort' | 'buyerPort'>,
): { kind: 'opened'; callerPort: number; buyerPort: number } | null {
  const ports = thread.takeReady(asked.callerAddress, asked.buyerAddress)
  if (ports !== null) thread.notify({ kind: 'open-ready', ...asked, ...ports })
  return ports && { kind: 'opened', ...ports }
}
