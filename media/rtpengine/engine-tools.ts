import { setTimeout as sleep } from 'node:timers/promises'
import { oppositeOf, type LegSide } from '../../model/call.ts'
import { MediaUnavailable } from '../media-server.ts'
import { dialTones } from '../relay/player.ts'
import { RelayTools, type ToolShed } from '../relay/relay-tools.ts'
import type { Sound } from '../relay/sounds.ts'
import type { ToolOrder } from '../relay/tool-messages.ts'
import { Mutes } from './mutes.ts'
import { DIGIT_MS, PathAudio } from './path-audio.ts'
import type { Path } from './path.ts'
import { clipOf } from './sound-clip.ts'
import type { TapThread } from './tap-thread.ts'

/** Between two looks at whether a side is speaking, ms: three packets. */
const LOOK_MS = 60
/** The last packet of a sound may be so late. */
const TAIL_MS = 40
/** So often a call is listened to anew when the thread that does it has died: what it dies of may be this call's. */
export const DEAF_LIMIT = 3
const SIDES = ['caller', 'buyer'] as const

export interface EngineToolsParts {
  readonly shed: ToolShed
  readonly taps: TapThread
  /** Where the rtpengine of this path finds a prompt; null: nowhere. */
  readonly promptFile: (path: Path, name: string) => string | null
  /** From now on keys can be pressed in this call's audio. */
  readonly allowDialling: () => Promise<void>
  readonly warn: (details: object, message: string) => void
}

/** What is done at one side: one thing at a time. */
interface Act {
  readonly op: number
  readonly stop: AbortController
  /** Whether this side does not hear the other meanwhile. */
  isAlone: boolean
  /** Is repeated until it is stopped. */
  readonly repeats: boolean
  /** It can be stopped and begun anew, if it repeats; or it is over. */
  readonly begun: PromiseWithResolvers<void>
  /** Begins it anew, for what is repeated until it is stopped. */
  again: (() => Promise<void>) | null
}

/**
 * The tools of one session. What is played, dialled and muted is rtpengine’s work; digits and recordings are heard from a copy of what both
 * sides say, which it sends to a thread of ours.
 */
export class EngineTools {
  readonly tools: RelayTools
  readonly #parts: EngineToolsParts
  #path: Path | null = null
  #audio: PathAudio | null = null
  #isApart = false
  readonly #acts: Record<LegSide, Act | null> = { caller: null, buyer: null }
  /** What is dialled to each side: when what is played there once is over, and in between what is played over and over. */
  readonly #dials: Record<LegSide, Act | null> = { caller: null, buyer: null }
  readonly #dialling: Record<LegSide, Promise<unknown>> = { caller: Promise.resolve(), buyer: Promise.resolve() }
  readonly #mutes = new Mutes({
    shouldBeMuted: (side) => this.#shouldBeMuted(side),
    settle: () => this.#settleMutes(),
    giveUp: (error) => this.#warnOf(error),
  })
  /** Whose digits are listened for. */
  readonly #listensTo: Record<LegSide, boolean> = { caller: false, buyer: false }
  #deafened = 0
  /** Its number at the thread, once a tool has needed to listen. */
  #call: number | null = null
  #line: Promise<unknown> = Promise.resolve()
  readonly #acting: Record<LegSide, Promise<unknown>> = { caller: Promise.resolve(), buyer: Promise.resolve() }
  #ended = false

  constructor(parts: EngineToolsParts) {
    this.#parts = parts
    this.tools = new RelayTools(parts.shed, (order) => this.#obey(order))
  }

  /** Its sides have been agreed, at this path: again, or for the first time. */
  async agreed(path: Path, isNewParty: boolean): Promise<void> {
    const isOther = path !== this.#path
    if (isOther) this.#audio = new PathAudio(path)
    this.#path = path
    if (this.#ended) return
    if (isOther || isNewParty) this.#mutes.begin()
    if (SIDES.some((side) => this.#shouldBeMuted(side))) await this.#settleMutes()
    if (isOther) await this.begunAnew()
    if (this.#call !== null) await this.#inLine(() => this.#tap()).catch((error: unknown) => this.#warnOf(error))
  }

  /** The path is given up, and another is not agreed yet: what it was told then holds. */
  left(): void {
    this.#path = this.#audio = null
  }

  /** rtpengine stops what it plays when a party of the call is deleted: what is repeated begins anew. */
  async begunAnew(): Promise<void> {
    const again = SIDES.map(async (side) => this.#acts[side]?.again?.())
    await Promise.all(again).catch((error: unknown) => this.#warnOf(error))
  }

  /** Nothing more is played or heard; recordings are written to their ends. */
  end(reason: string, recordedReason: string): void {
    if (this.#ended) return
    this.#ended = true
    for (const side of SIDES) {
      this.#acts[side]?.stop.abort()
      this.#dials[side]?.stop.abort()
    }
    this.#mutes.end()
    this.tools.end(reason)
    if (this.#call !== null) this.#parts.taps.remove(this.#call, recordedReason)
  }

  #obey(order: ToolOrder): void {
    switch (order.do) {
      case 'play':
        return this.#act(order, (act) => this.#play(order.side, order.sound, order.repeat, act))
      case 'dial':
        return this.#inPlayed(order)
      case 'stop':
        for (const side of SIDES) if (this.#acts[side]?.op === order.op) this.#acts[side].stop.abort()
        return
      case 'apart':
        this.#isApart = order.on
        return void this.#settle(order.op, this.#settleMutes())
      case 'listen':
      case 'recall':
      case 'record':
      case 'pause':
      case 'resume':
      case 'finish':
        void this.#listen(order)
    }
  }

  /** One thing played after another at each side: what is under way is stopped first, but for keys. */
  #act({ op, side, repeat }: { op: number; side: LegSide; repeat: boolean }, work: (act: Act) => Promise<void>): void {
    this.#acts[side]?.stop.abort()
    const act = newAct(op, repeat)
    this.#acts[side] = act
    const dialled = this.#dialling[side]
    const done = this.#acting[side].then(async () => {
      await dialled
      try {
        await work(act)
      } finally {
        act.begun.resolve()
        if (this.#acts[side] === act) {
          this.#acts[side] = null
          await this.#settleMutes()
        }
      }
    })
    this.#acting[side] = done.catch(() => {})
    void this.#settle(op, done)
  }

  #inPlayed({ op, side, digits }: Extract<ToolOrder, { do: 'dial' }>): void {
    const act = newAct(op, false)
    const playing = this.#acts[side]
    const played = this.#acting[side]
    const done = this.#dialling[side].then(async () => {
      await Promise.race([playing?.repeats ? playing.begun.promise : played, stopped(act.stop.signal)])
      const pauses = playing?.again ?? null
      this.#dials[side] = act
      try {
        if (pauses !== null) await this.#pause(side, playing!)
        if (!act.stop.signal.aborted) await this.#dial(side, digits, act)
      } finally {
        this.#dials[side] = null
        if (pauses !== null && this.#acts[side] === playing && !playing!.stop.signal.aborted) {
          playing!.isAlone = true
          await this.#settleMutes()
          await pauses()
        } else await this.#settleMutes()
      }
    })
    this.#dialling[side] = done.catch(() => {})
    void this.#settle(op, done)
  }

  async #pause(side: LegSide, playing: Act): Promise<void> {
    if (this.#acts[side] !== playing) return
    playing.isAlone = false
    await this.#audio?.stopPlaying(side).catch(() => {})
    await this.#settleMutes()
  }

  async #settle(op: number, done: Promise<void>): Promise<void> {
    try {
      await done
      this.tools.told({ what: 'done', op })
    } catch (error) {
      this.tools.told({ what: 'failed', op, reason: (error as Error).message })
    }
  }

  async #play(side: LegSide, sound: Sound, repeat: boolean, act: Act): Promise<void> {
    const { signal } = act.stop
    const { audio, path } = this.#agreed()
    const clip = clipOf(sound, repeat, (name) => this.#parts.promptFile(path, name))
    if (signal.aborted) return
    act.isAlone = true
    await this.#settleMutes()
    await audio.play(side, clip)
    if (clip.lasts === Infinity) {
      const again = async (): Promise<void> => this.#audio?.play(side, clip)
      act.again = again
      act.begun.resolve()
      await stopped(signal)
    } else await sleep(clip.lasts + TAIL_MS, undefined, { signal }).catch(() => {})
    act.again = null
    if (!this.#ended) await this.#audio?.stopPlaying(side).catch(() => {}) // What has ended by itself cannot be stopped.
  }

  /** As RFC 4733 events, which rtpengine puts into what the other side says; as tones when that says nothing. */
  async #dial(side: LegSide, digits: string, act: Act): Promise<void> {
    const from = oppositeOf(side)
    const knowsNone = this.tools.keyWay(side) === 'none'
    if (knowsNone || this.#isApart || !(await this.#speaks(from)))
      return this.#play(side, dialTones(digits), false, act)
    await this.#parts.allowDialling()
    const { audio } = this.#agreed()
    for (const digit of digits) await audio.dial(from, digit.toUpperCase())
    await sleep((digits.length + 1) * DIGIT_MS, undefined, act.stop).catch(() => {})
  }

  async #speaks(side: LegSide): Promise<boolean> {
    const { path } = this.#agreed()
    const before = await path.stats()
    await sleep(LOOK_MS)
    return (await path.stats())[side].packetsReceived > before[side].packetsReceived
  }

  #shouldBeMuted(side: LegSide): boolean {
    const other = oppositeOf(side)
    return this.#isApart || this.#acts[other]?.isAlone === true || this.#dials[other]?.isAlone === true
  }

  #settleMutes(): Promise<void> {
    return this.#inLine(() => this.#mutes.settle(this.#ended ? null : this.#audio))
  }

  /** Digits and recordings: what the thread does, once there is a copy for it. */
  async #listen(order: Exclude<ToolOrder, { do: 'play' | 'dial' | 'stop' | 'apart' }>): Promise<void> {
    const begins = order.do === 'record' || (order.do === 'listen' && order.on)
    if (order.do === 'listen') this.#listensTo[order.side] = order.on
    try {
      await this.#inLine(async () => {
        this.#agreed()
        if (this.#call === null && !begins) return // Of what is to be ended there is nothing left.
        if (this.#call === null) await this.#tap()
        if (this.#call === null) throw new MediaUnavailable('the thread that listens to calls has died')
        this.#parts.taps.post({ kind: 'order', call: this.#call, order })
      })
    } catch (error) {
      const reason = (error as Error).message
      if ('op' in order) this.tools.told({ what: 'failed', op: order.op, reason })
      else this.#warnOf(error)
    }
  }

  /** The thread is gone, and recordings with it. What else is under way goes on, and digits are listened for by the next thread. */
  #deaf(reason: string): void {
    this.#call = null
    this.tools.recordingsLost(reason)
    if (++this.#deafened > DEAF_LIMIT) return this.#warnOf(new MediaUnavailable(reason))
    for (const side of SIDES) if (this.#listensTo[side]) void this.#listen({ do: 'listen', side, on: true })
  }

  #warnOf(error: unknown): void {
    if (!this.#ended)
      this.#parts.warn({ reason: (error as Error).message }, 'the audio tools of a call do not do all they were asked')
  }

  async #tap(): Promise<void> {
    const { audio, path } = this.#agreed()
    const address = path.engine.seesUsAt
    if (address === null) throw new MediaUnavailable(`${path.engine.name} has not answered yet`)
    const { taps } = this.#parts
    const sources = await audio.tap(address, await taps.listen(address))
    if (this.#ended) return
    this.#call ??= taps.add({
      told: (event) => this.tools.told(event),
      lost: (why) => this.#deaf(why),
      whenIdle: (told) => this.tools.whenIdle(told),
    })
    taps.post({ kind: 'sources', call: this.#call, sources })
  }

  #agreed(): { audio: PathAudio; path: Path } {
    if (this.#ended) throw new MediaUnavailable('the media session is closed')
    if (this.#audio === null || this.#path === null) throw new MediaUnavailable('nobody has answered yet')
    return { audio: this.#audio, path: this.#path }
  }

  #inLine<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#line.then(work)
    this.#line = turn.catch(() => {})
    return turn
  }
}

function newAct(op: number, repeats: boolean): Act {
  return { op, stop: new AbortController(), isAlone: false, repeats, begun: Promise.withResolvers(), again: null }
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
