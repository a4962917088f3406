import { EventEmitter } from 'node:events'
import { createTelemetry } from '../../config/telemetry.ts'
import { CallerLeg } from '../../gateway/caller-leg.ts'
import { Call, type CallFacts } from '../../gateway/live-call.ts'
import { askCaller } from '../../gateway/menu/menu.ts'
import { MenuPlaces } from '../../gateway/menu/menu-places.ts'
import type { GatewayRecord } from '../../gateway/needs.ts'
import type { ExchangeParts } from '../../gateway/parts.ts'
import type { Signaling } from '../../gateway/srf.ts'
import type { SendOptions, SipRequest, SipResponse } from '../../gateway/srf/srf-types.ts'
import type { AudioTools, DigitRequest, Digits, PlayOptions } from '../../media/audio-tools.ts'
import { EnginePool } from '../../media/engine-pool.ts'
import type { MediaServer, MediaSession } from '../../media/media-server.ts'
import { newId } from '../../model/ids.ts'
import type { NumberMenu } from '../../model/number-menu.ts'
import { Refusal } from '../../model/refusal.ts'
import { aNumber, aTrunk, anAccount } from './market.ts'

const G711 =
  'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 10000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n'

const MENU: NumberMenu = {
  prompt: 'question',
  options: [
    { digit: '1', vertical: 'boats', tags: { size: 'big' } },
    { digit: '2', vertical: null, tags: {} },
  ],
  timeout: 60,
  attempts: 2,
  otherwise: 'hang_up',
}

export interface MenuCallTerms {
  readonly menu?: Partial<NumberMenu>
  /** What an engine offers whoever is rung; default: G.711. */
  readonly engineOffer?: string
  readonly canPlay?: boolean
  /** The prompt is read from a file that is there. */
  readonly hasPrompt?: boolean
  readonly leavesOffer?: boolean
  readonly write?: (record: GatewayRecord) => Promise<void>
  readonly places?: MenuPlaces
  readonly maxMenuMs?: number
  /** The INVITE's Expires. */
  readonly expires?: string
}

/** The caller's dialog: what it was sent in a BYE. */
class CallerDialog extends EventEmitter {
  readonly sip = { callId: 'a', localTag: 'l', remoteTag: 'r' }
  readonly local = { uri: 'sip:us@192.0.2.1', sdp: '' }
  readonly remote = { uri: 'sip:them@192.0.2.2', sdp: '' }
  readonly byes: Record<string, string>[] = []
  connected = true

  destroy({ headers = {} }: { headers?: Record<string, string> } = {}): Promise<void> {
    this.connected = false
    this.byes.push(headers)
    return Promise.resolve()
  }

  /** Its BYE, or the server's. */
  leave(reason = 'normal release'): void {
    this.connected = false
    this.emit('destroy', { get: () => undefined }, reason)
  }
}

/** Prompts that last until they are stopped, and keys that come when they are told. */
class Keypad {
  #collecting: { end(digits: Digits): void } | null = null
  readonly played: string[] = []
  readonly hasPrompt: boolean

  constructor(hasPrompt: boolean) {
    this.hasPrompt = hasPrompt
  }

  readonly apart = (): Promise<void> => Promise.resolve()

  readonly play: AudioTools['play'] = (_side, prompt, options: PlayOptions = {}) => {
    if (prompt.kind === 'file' && !this.hasPrompt) return Promise.reject(new Error('there is no such file'))
    this.played.push(prompt.kind === 'file' ? prompt.name : prompt.kind)
    const { signal } = options
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }))
  }

  readonly collectDigits: AudioTools['collectDigits'] = (_side, { signal }: DigitRequest) =>
    new Promise((resolve) => {
      this.#collecting = { end: resolve }
      if (signal?.aborted) resolve({ digits: '', endedBy: 'aborted' })
      signal?.addEventListener('abort', () => resolve({ digits: '', endedBy: 'aborted' }), { once: true })
    })

  readonly digitFrom = (_side: string, digit: string): void => this.#collecting?.end({ digits: digit, endedBy: 'max' })
}

/** A call to a number with a menu, and everything around it that is seen of it. */
export function menuCall(terms: MenuCallTerms = {}) {
  const keypad = new Keypad(terms.hasPrompt ?? true)
  const answers: string[] = []
  const session = Object.assign(new EventEmitter(), {
    tools: keypad,
    offerToBuyer: () => Promise.resolve(terms.engineOffer ?? G711),
    answerFromBuyer: () => Promise.resolve('v=0 answered'),
    answerFrom: (_side: string, answer: string) => {
      if (answer === '') return Promise.reject(new Error('there is no audio'))
      answers.push(answer)
      return Promise.resolve()
    },
    renew: (_side: string, offer: string) =>
      offer.includes('video') ? Promise.reject(new Error('no audio')) : Promise.resolve(`${offer} renewed`),
  })
  const engine = {
    name: 'fake',
    capabilities: new Set(terms.canPlay === false ? [] : ['tools']),
    isUp: true,
    createSession: () => Promise.resolve(session as unknown as MediaSession),
  }
  const dialog = new CallerDialog()
  const statuses: number[] = []
  const request = Object.assign(new EventEmitter(), {
    body: terms.leavesOffer ? '' : G711,
    uri: 'sip:+18005550100@192.0.2.1',
    get: (name: string) => (name === 'Expires' ? terms.expires : undefined),
  })
  const response = { send: (status: number) => void statuses.push(status) }
  const signaling = {
    createUAS: (_req: unknown, _res: unknown, { localSdp }: { localSdp: string }) => {
      statuses.push(200)
      dialog.local.sdp = localSdp
      return Promise.resolve(dialog)
    },
  }
  const caller = new CallerLeg(
    signaling as unknown as Signaling,
    request as unknown as SipRequest,
    response as unknown as SipResponse,
  )
  const call = new Call({ id: newId(), caller, receivedAt: new Date(), monotonicMs: () => performance.now() })
  const menu = { ...MENU, ...terms.menu }
  const number = { ...aNumber(), vertical: 'solar', tags: { size: 'small', color: 'red' }, menu }
  const facts = { trunk: aTrunk('seller', 'seller'), seller: anAccount('seller', { type: 'seller' }), number }
  call.facts = { ...facts, ani: null, dnis: number.number, places: [] } as unknown as CallFacts
  const written: GatewayRecord[] = []
  const warnings: string[] = []
  const telemetry = createTelemetry()
  telemetry.close()
  const parts = {
    clock: { monotonicMs: () => performance.now() },
    log: { warn: (_details: object, message: string) => void warnings.push(message) },
    telemetry,
    media: new EnginePool([engine as unknown as MediaServer]),
    writer: {
      write: async (record: GatewayRecord) => {
        await terms.write?.(record)
        written.push(record)
      },
    },
    menuPlaces: terms.places ?? new MenuPlaces(1),
    limits: { maxMenuMs: terms.maxMenuMs ?? 60_000, maxSetupMs: 60_000 },
    policies: {},
  } as unknown as ExchangeParts

  /** As handleCall does; resolves to the reason of its refusal, or null when the call may be sold. */
  async function ask(): Promise<string | null> {
    try {
      await askCaller(call, menu, parts)
      return null
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      call.refuse(error)
      return error.reason
    }
  }

  /** A request of the caller's within its dialog → the answer. */
  function says(
    event: string,
    said: { readonly method?: string; readonly body?: string; readonly type?: string } = {},
  ) {
    const { method = event.toUpperCase(), body, type } = said
    return new Promise<{ status: number; body: string | undefined }>((resolve) => {
      const send = (status: number, options: SendOptions = {}): void => resolve({ status, body: options.body })
      dialog.emit(
        event,
        { method, body, get: (name: string) => (name === 'Content-Type' ? type : undefined) },
        { send },
      )
    })
  }

  return { call, caller, dialog, request, session, keypad, statuses, answers, written, warnings, parts, ask, says }
}

/** Lets everything that waits for nothing but its turn go on. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise(setImmediate)
}
