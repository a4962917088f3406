import type { LegSide } from '../../model/call.ts'
import { LegAudio, type KeyEar, type TappedLeg } from './leg-audio.ts'
import type { Paced, Pacer } from './pacer.ts'
import { dialTones, Dialer, Player } from './player.ts'
import { Recorder } from './recorder.ts'
import type { Sound } from './sounds.ts'
import type { ToolEvent, ToolOrder } from './tool-messages.ts'

/** What is looked at every so often: key presses whose end was lost, recordings to be written. */
const TURN_MS = 50

interface Turned {
  turn(nowMs: number): void
}

/** What is under way at one side: one thing played and one dialled; what is played waits for what is dialled. */
interface Playing {
  readonly op: number
  readonly paced: Paced
}

/** What all sessions of a thread share: one clock to play by, one timer to look by. */
export class ToolClock {
  readonly pacer: Pacer
  readonly #turned = new Set<Turned>()
  #timer: NodeJS.Timeout | null = null

  constructor(pacer: Pacer) {
    this.pacer = pacer
  }

  watch(item: Turned): void {
    this.#turned.add(item)
    this.#timer ??= setInterval(() => {
      const nowMs = performance.now()
      for (const one of this.#turned) one.turn(nowMs)
    }, TURN_MS)
  }

  unwatch(item: Turned): void {
    this.#turned.delete(item)
    if (this.#turned.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }
}

/** The tools of one session, in its thread: made when the first of them is used. */
export class SessionTools {
  readonly #clock: ToolClock
  readonly #tell: (event: ToolEvent) => void
  readonly #audio: Readonly<Record<LegSide, LegAudio>>
  readonly #playing: Record<LegSide, Playing | null> = { caller: null, buyer: null }
  readonly #dialling: Record<LegSide, Playing | null> = { caller: null, buyer: null }
  #recording: { readonly op: number; readonly recorder: Recorder } | null = null

  constructor(legs: Readonly<Record<LegSide, TappedLeg>>, clock: ToolClock, tell: (event: ToolEvent) => void) {
    this.#clock = clock
    this.#tell = tell
    const ear = (side: LegSide): KeyEar => ({
      pressed: (digit) => this.#tell({ what: 'pressed', side, digit }),
      released: (press) => this.#tell({ what: 'digit', side, ...press }),
    })
    this.#audio = {
      caller: new LegAudio(legs.caller, 0, ear('caller')),
      buyer: new LegAudio(legs.buyer, 1, ear('buyer')),
    }
  }

  /** A side has other ports, or is another. */
  rejoin(legs: Readonly<Record<LegSide, TappedLeg>>): void {
    this.#audio.caller.attach(legs.caller)
    this.#audio.buyer.attach(legs.buyer)
  }

  obey(order: ToolOrder): void {
    switch (order.do) {
      case 'play':
        return this.#play(order.op, order.side, order.sound, order.repeat)
      case 'dial':
        return this.#dial(order.op, order.side, order.digits)
      case 'stop':
        for (const side of ['caller', 'buyer'] as const) if (this.#playing[side]?.op === order.op) this.#stop(side)
        return
      case 'listen': {
        const audio = this.#audio[order.side]
        audio.isListenedTo = order.on
        return order.on ? this.#clock.watch(audio) : this.#clock.unwatch(audio)
      }
      case 'recall': {
        const press = this.#audio[order.side].recall(performance.now())
        if (press) this.#tell({ what: 'recalled', side: order.side, ...press })
        return
      }
      case 'apart':
        this.#audio.caller.isApart = order.on
        this.#audio.buyer.isApart = order.on
        return this.#tell({ what: 'done', op: order.op })
      case 'record':
        return void this.#record(order)
      case 'pause':
      case 'resume':
        if (this.#recording?.op === order.of) this.#recording.recorder.isPaused = order.do === 'pause'
        return this.#tell({ what: 'done', op: order.op })
      case 'finish':
        if (this.#recording?.op === order.of) void this.#recording.recorder.finish('stopped')
    }
  }

  /** The session ends: so does what is played; a recording is written to its end. */
  close(reason = 'call_ended'): void {
    for (const side of ['caller', 'buyer'] as const) {
      this.#stop(side)
      this.#dialled(side)
      this.#clock.unwatch(this.#audio[side])
    }
    void this.#recording?.recorder.finish(reason)
  }

  #play(op: number, side: LegSide, sound: Sound, repeat: boolean): void {
    this.#stop(side)
    const audio = this.#audio[side]
    if (audio.formats.speech === null)
      return this.#tell({
        what: 'failed',
        op,
        reason: `the ${side} has agreed to no codec that can be played: only G.711`,
      })
    const paced = new Player(audio, sound, repeat, () => this.#stop(side))
    this.#playing[side] = { op, paced }
    this.#settle(side)
  }

  #dial(op: number, side: LegSide, digits: string): void {
    const audio = this.#audio[side]
    const { keys, speech } = audio.formats
    if (keys === null && speech === null)
      return this.#tell({ what: 'failed', op, reason: `the ${side} has agreed to neither key presses nor G.711` })
    this.#dialled(side)
    const onEnded = (): void => this.#dialled(side)
    const paced =
      keys === null ? new Player(audio, dialTones(digits), false, onEnded) : new Dialer(audio, digits, keys, onEnded)
    this.#dialling[side] = { op, paced }
    this.#settle(side)
  }

  /** Keys are pressed first, then what was being played goes on where it was. */
  #settle(side: LegSide): void {
    const { pacer } = this.#clock
    const [playing, dialling] = [this.#playing[side], this.#dialling[side]]
    this.#audio[side].isPlaying = playing !== null || dialling !== null
    if (dialling !== null && playing !== null) pacer.remove(playing.paced)
    const now = dialling ?? playing
    if (now !== null && !pacer.has(now.paced)) pacer.add(now.paced)
  }

  #stop(side: LegSide): void {
    const playing = this.#playing[side]
    if (playing === null) return
    this.#playing[side] = null
    this.#clock.pacer.remove(playing.paced)
    this.#settle(side)
    this.#tell({ what: 'done', op: playing.op })
  }

  /** All keys have been pressed, or others are to be. */
  #dialled(side: LegSide): void {
    const dialling = this.#dialling[side]
    if (dialling === null) return
    this.#dialling[side] = null
    this.#clock.pacer.remove(dialling.paced)
    this.#settle(side)
    this.#tell({ what: 'done', op: dialling.op })
  }

  async #record({ op, plan }: Extract<ToolOrder, { do: 'record' }>): Promise<void> {
    if (this.#recording !== null)
      return this.#tell({ what: 'failed', op, reason: 'the call is being recorded already' })
    const { caller, buyer } = this.#audio
    if (!caller.mayBeRecorded || !buyer.mayBeRecorded)
      return this.#tell({
        what: 'failed',
        op,
        reason: 'the sides have agreed to no codec that can be recorded: only G.711',
      })
    const recorder = new Recorder(plan, performance.now(), (end) => {
      this.#clock.unwatch(recorder)
      caller.recorder = null
      buyer.recorder = null
      this.#recording = null
      this.#tell({ what: 'recorded', op, end })
    })
    this.#recording = { op, recorder }
    if (plan.only !== 'buyer') caller.recorder = recorder
    if (plan.only !== 'caller') buyer.recorder = recorder
    this.#clock.watch(recorder)
    try {
      await recorder.opened()
      this.#tell({ what: 'recording', op })
    } catch {
      // Its end has been told, with the reason.
    }
  }
}
