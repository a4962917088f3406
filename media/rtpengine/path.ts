import { oppositeOf, type LegSide } from '../../model/call.ts'
import type { SessionStats } from '../media-server.ts'
import { readSection, writeForEngine, type AudioSection, type FaceKind } from './audio-section.ts'
import type { Engine } from './engine.ts'
import { readStats } from './engine-stats.ts'
import { NgRefused, type NgRequest } from './ng-client.ts'
import type { CodecOrders } from './offered-codecs.ts'

/** Suites of rtpengine's that are not offered: those without encryption, and those that our own relay could not take over. */
const NOT_OFFERED = [
  'AEAD_AES_256_GCM',
  'AEAD_AES_128_GCM',
  'AES_256_CM_HMAC_SHA1_80',
  'AES_256_CM_HMAC_SHA1_32',
  'AES_192_CM_HMAC_SHA1_80',
  'AES_192_CM_HMAC_SHA1_32',
  'F8_128_HMAC_SHA1_80',
  'F8_128_HMAC_SHA1_32',
  'NULL_HMAC_SHA1_80',
  'NULL_HMAC_SHA1_32',
].map((suite) => `no-${suite}`)

/** What rtpengine writes for a face of each kind. */
const WRITING: Record<FaceKind, Record<'offer' | 'answer', Partial<NgRequest> & { flags: readonly string[] }>> = {
  plain: {
    offer: {
      'transport-protocol': 'RTP/AVP',
      ICE: 'remove',
      DTLS: 'off',
      'rtcp-mux': ['demux'],
      flags: ['strip extmap'],
    },
    answer: {
      'transport-protocol': 'RTP/AVP',
      ICE: 'remove',
      DTLS: 'off',
      'rtcp-mux': ['accept'],
      flags: ['strip extmap'],
    },
  },
  sdes: {
    offer: {
      'transport-protocol': 'RTP/SAVP',
      ICE: 'remove',
      DTLS: 'off',
      SDES: NOT_OFFERED,
      'rtcp-mux': ['demux'],
      flags: ['strip extmap'],
    },
    answer: {
      'transport-protocol': 'RTP/SAVP',
      ICE: 'remove',
      DTLS: 'off',
      'rtcp-mux': ['accept'],
      flags: ['strip extmap'],
    },
  },
  webrtc: {
    offer: {
      'transport-protocol': 'UDP/TLS/RTP/SAVPF',
      ICE: 'force',
      'rtcp-mux': ['offer', 'require'],
      flags: ['generate mid', 'strip extmap'],
    },
    answer: {
      'transport-protocol': 'UDP/TLS/RTP/SAVPF',
      ICE: 'force',
      DTLS: 'active',
      'rtcp-mux': ['require'],
      flags: ['generate mid', 'strip extmap'],
    },
  },
}

/**
 * One call at one rtpengine, of two parties known by tags of ours. Its ports stay the same whatever the parties say (`port latching`);
 * each buyer has a tag of its own, and so a port of its own.
 */
export class Path {
  readonly engine: Engine
  readonly #callId: string
  readonly #everyOffer: readonly string[]
  readonly #tags: Record<LegSide, string> = { caller: 'caller', buyer: 'buyer-1' }
  #buyers = 1
  #blocked = false
  #injects = false
  #deleted: Promise<SessionStats | null> | null = null

  /** `latching`: audio may come from elsewhere than descriptions say, until it has come. */
  constructor(engine: Engine, callId: string, latching: boolean) {
    this.engine = engine
    this.#callId = callId
    this.#everyOffer = ['port latching', 'strict source', ...(latching ? [] : ['asymmetric'])]
    engine.calls++
  }

  /** This side's offer → the lines to offer the other, of this kind. */
  async offer(from: LegSide, offer: AudioSection, kind: FaceKind, codecs?: CodecOrders): Promise<AudioSection> {
    const codec = codecs && { mask: codecs.mask, transcode: codecs.transcode }
    return this.#describe('offer', from, offer, kind, { codec })
  }

  /** The answer to this side's offer → the lines to answer it with. */
  async answer(asker: LegSide, answer: AudioSection, kind: FaceKind): Promise<AudioSection> {
    return this.#describe('answer', asker, answer, kind, {})
  }

  /** From the next offer and its answer on keys can be pressed in this call's audio, all of which rtpengine then decodes and encodes. */
  injectDigits(): void {
    this.#injects = true
  }

  get injectsDigits(): boolean {
    return this.#injects
  }

  /** Nobody hears anybody. */
  async block(): Promise<void> {
    if (this.#blocked) return
    await this.ask({ command: 'block media' })
    this.#blocked = true
  }

  async unblock(): Promise<void> {
    if (!this.#blocked) return
    await this.ask({ command: 'unblock media' })
    this.#blocked = false
  }

  /** From now on the buyer is another: the next offer opens a port for it. Resolves what ends the former one's. */
  changeBuyer(): () => Promise<void> {
    const former = this.#tags.buyer
    this.#tags.buyer = `buyer-${++this.#buyers}`
    return async () => void (await this.ask({ command: 'delete', 'from-tag': former }))
  }

  /** Rejects with NgRefused when the engine knows of no such call. */
  async stats(): Promise<SessionStats> {
    return readStats(await this.ask({ command: 'query' }), this.#tags)
  }

  /** Gives its ports back. Resolves with its last figures; null when the engine cannot say. Idempotent, and never rejects. */
  delete(): Promise<SessionStats | null> {
    this.#deleted ??= this.#delete()
    return this.#deleted
  }

  async #delete(): Promise<SessionStats | null> {
    this.engine.calls--
    try {
      return readStats(
        await this.ask({ command: 'delete', 'from-tag': this.#tags.caller, 'delete-delay': 0 }),
        this.#tags,
      )
    } catch {
      return null // It is down, or knows nothing of the call: then there is nothing to give back.
    }
  }

  async #describe(
    command: 'offer' | 'answer',
    asker: LegSide,
    section: AudioSection,
    kind: FaceKind,
    more: Pick<NgRequest, string>,
  ): Promise<AudioSection> {
    const { flags, ...writing } = WRITING[kind][command]
    const reply = await this.ask({
      command,
      'from-tag': this.#tags[asker],
      'to-tag': this.#tags[oppositeOf(asker)],
      replace: ['origin', 'session connection'],
      ...writing,
      ...more,
      flags: [...this.#everyOffer, ...flags, ...(this.#injects ? ['inject DTMF'] : [])],
      sdp: writeForEngine(section),
    })
    // Deleted while we asked: this offer has made it anew.
    if (this.#deleted) void this.ask({ command: 'delete', 'delete-delay': 0 }).catch(() => {})
    const sdp = reply['sdp']
    if (typeof sdp !== 'string') throw new NgRefused(`its reply to ${command} has no description`)
    return readSection(sdp, 0)
  }

  /** Asks its engine something of this call. Rejects with NgRefused or MediaUnavailable. */
  ask(request: NgRequest, blob?: Buffer): ReturnType<Engine['ask']> {
    return this.engine.ask({ ...request, 'call-id': this.#callId }, blob)
  }

  /** What the engine knows this side by. */
  tagOf(side: LegSide): string {
    return this.#tags[side]
  }
}
