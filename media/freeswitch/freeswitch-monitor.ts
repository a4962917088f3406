import { setTimeout as sleep } from 'node:timers/promises'
import { MediaUnavailable, type Sdp } from '../media-server.ts'
import type { MonitorMode } from '../../model/call-monitor.ts'
import type { Monitor } from '../monitor.ts'
import { answerDirection, type DescriptionWriter } from '../sdp.ts'
import { readDescription, type Direction } from '../sdp-reading.ts'
import type { FreeSwitchLeg } from './leg.ts'
import { newDescriptionWriter } from './party-description.ts'

interface MonitorParts {
  readonly leg: FreeSwitchLeg
  readonly mode: MonitorMode
  /** The buyer's channel now; throws when there is none. */
  buyerLeg(): FreeSwitchLeg
}

/** How `eavesdrop` is told, in mid call, whom the one who listens is heard by: 0 nobody, 2 the channel itself, 3 its peer as well. */
const COMMANDS: Readonly<Record<MonitorMode, string>> = { listen: '0', whisper: '2', barge: '3' }

/** Listening that ends so soon did not begin: after so many times in a row it is given up. */
const TOO_SOON_MS = 500
const MOST_ATTEMPTS = 5
const PAUSE_MS = 100

/**
 * One who monitors a call: a channel of FreeSWITCH's own that runs its `eavesdrop` on the buyer's channel. The call's bridge is not
 * touched, nor what is recorded of it but by what is said aloud. Keys pressed on the phone change nothing (`eavesdrop_enable_dtmf`): who
 * may speak is decided here.
 */
export class FreeSwitchMonitor implements Monitor {
  readonly offer: Sdp
  readonly ended: Promise<string>
  readonly #parts: MonitorParts
  readonly #writer: DescriptionWriter = newDescriptionWriter()
  readonly #resolve: (why: string) => void
  #mode: MonitorMode
  #isListening = false
  #endedWhy: string | null = null

  constructor(parts: MonitorParts) {
    const { promise, resolve } = Promise.withResolvers<string>()
    this.ended = promise
    this.#resolve = resolve
    this.#parts = parts
    this.#mode = parts.mode
    this.offer = this.#say('sendrecv')
    parts.leg.on('gone', (cause) => this.#end(cause))
  }

  get mode(): MonitorMode {
    return this.#mode
  }

  async answered(answer: Sdp): Promise<void> {
    this.#assertOpen()
    await this.#parts.leg.hear(readDescription(answer))
    if (this.#isListening) return
    this.#isListening = true
    await this.#parts.leg.command('uuid_setvar', 'eavesdrop_enable_dtmf', 'false')
    void this.#listen()
  }

  async renew(offer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const description = readDescription(offer)
    await this.#parts.leg.hear(description)
    this.#writer.follow(description)
    const { audio } = description
    return this.#say(answerDirection(audio, { ...audio, direction: 'sendrecv', heldByAddress: false }))
  }

  async setMode(mode: MonitorMode): Promise<void> {
    this.#assertOpen()
    if (this.#isListening) await this.#parts.leg.eavesdropCommand(COMMANDS[mode])
    this.#mode = mode
  }

  close(): Promise<void> {
    return this.end('closed')
  }

  async end(why: string): Promise<void> {
    this.#end(why)
    await this.#parts.leg.close()
  }

  /** Again and again: who has taken the buyer's place is heard from then on. */
  async #listen(): Promise<void> {
    for (let attempts = 0; attempts < MOST_ATTEMPTS; attempts++) {
      const startedMs = performance.now()
      try {
        await this.#eavesdrop()
      } catch (error) {
        if (this.#endedWhy !== null) return
        if (!(error instanceof MediaUnavailable)) throw error
      }
      if (this.#endedWhy !== null) return
      if (performance.now() - startedMs > TOO_SOON_MS) attempts = 0
      await sleep(PAUSE_MS)
    }
    await this.end('the call cannot be heard any more')
  }

  async #eavesdrop(): Promise<void> {
    const { leg } = this.#parts
    const whispers = this.#mode !== 'listen'
    // Of the channel's two directions: what is written to it, which its party hears, and what is read from it, which its peer hears.
    await leg.command('uuid_setvar', 'eavesdrop_whisper_bleg', String(whispers))
    await leg.command('uuid_setvar', 'eavesdrop_whisper_aleg', String(this.#mode === 'barge'))
    await leg.eavesdrop(this.#parts.buyerLeg())
  }

  #say(direction: Direction): Sdp {
    const { codecs, source, address, rtpPort, rtcpMux } = this.#parts.leg.local.audio
    return this.#writer.write({ codecs, source, direction, rtcpMux }, address, rtpPort)
  }

  #end(why: string): void {
    this.#endedWhy ??= why
    this.#resolve(this.#endedWhy)
  }

  #assertOpen(): void {
    if (this.#endedWhy !== null) throw new MediaUnavailable(`the monitoring is over: ${this.#endedWhy}`)
  }
}
