import { setTimeout as sleep } from 'node:timers/promises'
import { answers } from '../../sipp/agents/answerers.ts'
import { placeCall, type CallReport } from '../../sipp/agents/callers.ts'
import type { OutgoingCall } from '../../sipp/agents/outgoing-call.ts'
import type { RtpEngine, RtpStats } from '../../sipp/agents/rtp-engine.ts'
import { createRtpThread } from '../../sipp/agents/rtp-thread.ts'
import { readAudioAddress } from '../../sipp/agents/sdp.ts'
import type { Address } from '../../sipp/agents/server-transaction.ts'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import { Market } from './call-market.ts'
import type { Exchange } from './exchange.ts'

/** Calls through an exchange that are up, with audio both ways, until they are hung up on. */
export class ManyCalls {
  readonly market: Market
  /** Where the exchange takes each caller's audio. */
  readonly callerSides: readonly Address[]
  /** What the buyers heard of calls that are over. */
  readonly heardByBuyers: readonly RtpStats[]
  readonly #calls: readonly OutgoingCall[]
  readonly #reports: readonly Promise<CallReport>[]
  readonly #phones: readonly UserAgent[]
  readonly #media: RtpEngine

  private constructor(
    market: Market,
    calls: readonly OutgoingCall[],
    callerSides: readonly Address[],
    heardByBuyers: readonly RtpStats[],
    reports: readonly Promise<CallReport>[],
    phones: readonly UserAgent[],
    media: RtpEngine,
  ) {
    this.market = market
    this.#calls = calls
    this.callerSides = callerSides
    this.heardByBuyers = heardByBuyers
    this.#reports = reports
    this.#phones = phones
    this.#media = media
  }

  /** Throws when one of them is not answered. Their audio has been there for `talkMs` when this resolves. */
  static async place(exchange: Exchange, count: number, talkMs = 500, market?: Market): Promise<ManyCalls> {
    const place = market ?? (await Market.open(exchange))
    const media = createRtpThread()
    const caller = await createUserAgent({ address: place.address })
    const buyer = await createUserAgent()
    const heardByBuyers: RtpStats[] = []
    buyer.on('call', answers({ media, onAudio: (stats) => void heardByBuyers.push(stats) }))
    if (!market) await place.standingBid(buyer.local, { deposit: '1000.00' })
    const calls: OutgoingCall[] = []
    const reports: Promise<CallReport>[] = []
    const callerSides: Address[] = []
    for (let i = 0; i < count; i++) {
      const options = {
        from: `+1212555${String(1000 + i)}`,
        to: place.number,
        target: exchange.process.sip(),
      }
      const { promise: placed, resolve } = Promise.withResolvers<OutgoingCall>()
      reports.push(placeCall(caller, options, { media, onPlaced: resolve }))
      const call = await placed
      const outcome = await call.outcome
      if (outcome.kind !== 'answered') throw new Error(`call ${i} heard ${outcome.status} ${outcome.reason}`)
      calls.push(call)
      callerSides.push(readAudioAddress(outcome.sdp)!)
    }
    await sleep(talkMs)
    return new ManyCalls(place, calls, callerSides, heardByBuyers, reports, [caller, buyer], media)
  }

  /** Hangs up, and resolves to what became of each. */
  async hangUp(): Promise<CallReport[]> {
    await Promise.all(this.#calls.map((call) => call.hangUp()))
    return this.ended()
  }

  /** Resolves once all are over, whoever ended them. */
  ended(): Promise<CallReport[]> {
    return Promise.all(this.#reports)
  }

  async close(): Promise<void> {
    await Promise.all(this.#phones.map((phone) => phone.close()))
    await this.#media.close()
  }
}
