import {
  MediaUnavailable,
  type MediaCapability,
  type MediaServer,
  type MediaSession,
} from '../../../media/media-server.ts'
import { FormatTerms } from '../../../media/relay/format-terms.ts'
import { FaceSecurity } from '../../../media/relay/face-security.ts'
import type { RelayReply, RelayStats } from '../../../media/relay/relay-messages.ts'
import { RelaySession } from '../../../media/relay/relay-session.ts'
import { PromptStore } from '../../../media/relay/prompt-store.ts'
import type { RelayThread } from '../../../media/relay/relay-thread.ts'
import { readDescription } from '../../../media/sdp-reading.ts'
import { termsToOffer } from '../../../media/sdp.ts'
import type { Dice } from '../../simulation/dice.ts'
import type { VirtualTime } from '../sip-simulation/network.ts'

const noBrowsers = (): Promise<never> => Promise.reject(new Error('no browsers here'))
const FORMATS = new FormatTerms([])
const ADDRESS = { bind: '10.0.0.5', told: '10.0.0.5' }
const LEG = {
  packetsReceived: 0,
  packetsLost: 0,
  octetsReceived: 0,
  jitterMs: 0,
  dropped: { invalid: 0, foreign: 0, unauthentic: 0, unsent: 0 },
}
const STATS: RelayStats = { caller: LEG, buyer: LEG }

/** What may go wrong with the audio, each once in so many; 0: never. */
export interface MediaMischief {
  /** No port is free. */
  readonly refusal: number
  /** A side falls silent, or the thread dies, some time after both have answered. */
  readonly silence: number
  readonly death: number
}

/** The relay's own sessions, offers and answers and all, over a thread without sockets that answers a little later. */
export class SimulatedMedia implements MediaServer {
  readonly name = 'simulated'
  readonly capabilities: ReadonlySet<MediaCapability> = new Set(['replace'])
  readonly isUp = true
  readonly #time: VirtualTime
  readonly #dice: Dice
  readonly #mischief: MediaMischief
  readonly #stir: () => void
  readonly #open = new Set<RelaySession>()
  #count = 0
  #port = 10_000

  constructor(time: VirtualTime, dice: Dice, mischief: MediaMischief, stir: () => void) {
    this.#time = time
    this.#dice = dice
    this.#mischief = mischief
    this.#stir = stir
  }

  get sessionCount(): number {
    return this.#open.size
  }

  async createSession({ callerOffer }: { readonly callerOffer: string | null }): Promise<MediaSession> {
    const offer = callerOffer === null ? null : readDescription(callerOffer)
    if (offer) termsToOffer(offer.audio, false)
    const opened = await this.#answer('open')
    if (opened.kind === 'refused') throw new MediaUnavailable(opened.reason)
    const session = new RelaySession({
      id: ++this.#count,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that a session asks of its thread.
      thread: this.#thread as unknown as RelayThread,
      callerOffer: offer,
      callerSecurity: new FaceSecurity(noBrowsers),
      makeCertificate: noBrowsers,
      callerAddress: ADDRESS,
      buyerAddress: ADDRESS,
      callerPort: this.#nextPort(),
      buyerPort: this.#nextPort(),
      requireAddress: false,
      codecs: [],
      formats: FORMATS,
      shed: { prompts: new PromptStore(null), recordings: null },
      onClosed: (closed) => this.#open.delete(closed),
    })
    this.#open.add(session)
    return session
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #nextPort(): number {
    return (this.#port += 2)
  }

  readonly #thread = {
    isUp: true,
    request: ({ kind }: { readonly kind: string }): Promise<RelayReply> => this.#answer(kind),
    requestPorts: ({ kind }: { readonly kind: string }): Promise<RelayReply> => this.#answer(kind),
    notify: (told: { readonly kind: string; readonly session: number; readonly on?: boolean }): void => {
      if (told.kind === 'watch' && told.on === true) this.#mayFail(told.session)
    },
  }

  #answer(kind: string): Promise<RelayReply> {
    return new Promise((resolve) => {
      this.#time.in(this.#dice.onceIn(10) ? this.#dice.roll(300) : 1, () => {
        this.#stir()
        resolve(this.#reply(kind))
      })
    })
  }

  #reply(kind: string): RelayReply {
    const mayRefuse = kind === 'open' || kind === 'fresh-buyer' || kind === 'spare'
    if (mayRefuse && this.#happens(this.#mischief.refusal))
      return { kind: 'refused', ref: 0, reason: 'no port is free' }
    switch (kind) {
      case 'open':
      case 'fresh-buyer':
        return { kind: 'opened', ref: 0, callerPort: 0, buyerPort: this.#nextPort() }
      case 'spare':
        return { kind: 'spare-opened', ref: 0, port: this.#nextPort() }
      case 'stats':
      case 'close':
        return { kind: 'stats', ref: 0, stats: STATS }
      default:
        return { kind: 'agreed', ref: 0 }
    }
  }

  #mayFail(id: number): void {
    const find = (): RelaySession | undefined => [...this.#open].find((session) => session.id === id)
    const atMs = this.#dice.roll(60_000)
    if (this.#happens(this.#mischief.silence))
      this.#time.in(atMs, () => {
        this.#stir()
        find()?.silent(this.#dice.pick(['caller', 'buyer']))
      })
    else if (this.#happens(this.#mischief.death))
      this.#time.in(atMs, () => {
        this.#stir()
        find()?.lost('the thread has died')
      })
  }

  #happens(onceIn: number): boolean {
    return onceIn > 0 && this.#dice.onceIn(onceIn)
  }
}
