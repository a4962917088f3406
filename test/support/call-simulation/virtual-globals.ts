import { systemRandom } from '../../../model/random.ts'
import type { Dice } from '../../simulation/dice.ts'
import type { Happening, VirtualTime } from '../sip-simulation/network.ts'

const realImmediate = globalThis.setImmediate

/** What `setTimeout` and `setInterval` return, on the simulation's time. */
class VirtualTimer {
  readonly isInterval: boolean
  /** Where it was armed, when somebody wants to know. */
  readonly armedAt: string
  readonly delayMs: number
  readonly #clocks: VirtualGlobals
  readonly #fire: () => void
  #happening: Happening | null = null

  constructor(clocks: VirtualGlobals, delayMs: number, isInterval: boolean, fire: () => void, armedAt: string) {
    this.#clocks = clocks
    this.delayMs = delayMs
    this.isInterval = isInterval
    this.#fire = fire
    this.armedAt = armedAt
    this.#arm()
  }

  #arm(): void {
    this.#clocks.armed.add(this)
    this.#happening = this.#clocks.time.in(this.delayMs, () => {
      if (this.isInterval) this.#arm()
      else this.#clocks.armed.delete(this)
      this.#clocks.stir()
      this.#fire()
    })
  }

  clear(): void {
    this.#clocks.armed.delete(this)
    if (this.#happening !== null) this.#clocks.time.cancel(this.#happening)
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return true
  }

  refresh(): this {
    this.clear()
    this.#arm()
    return this
  }

  close(): this {
    this.clear()
    return this
  }
}

/** Everything this process knows of time and chance, replaced: what our code and drachtio-srf do follows from the seed alone. */
export class VirtualGlobals {
  readonly time: VirtualTime
  /** Timers that have not fired, and nobody has cleared. */
  readonly armed = new Set<VirtualTimer>()
  readonly #epochMs: number
  readonly #dice: Dice
  readonly #wantsStacks: boolean
  #isStirred = false
  #uninstall: (() => void) | null = null

  constructor(time: VirtualTime, epochMs: number, dice: Dice, wantsStacks: boolean) {
    this.time = time
    this.#epochMs = epochMs
    this.#dice = dice
    this.#wantsStacks = wantsStacks
  }

  /** Code that waits for promises has been called: they must come true before time goes on. */
  readonly stir = (): void => {
    this.#isStirred = true
  }

  /** Lets all promises come true whose time it is; null when nobody waits. */
  readonly settle = (): Promise<void> | null => {
    if (!this.#isStirred) return null
    this.#isStirred = false
    // A turn of the real loop: before it ends, Node has run every tick and microtask, and those they led to.
    return new Promise((resolve) => realImmediate(resolve))
  }

  /** Timeouts that are armed; an interval goes on until its owner closes it. */
  get timeouts(): VirtualTimer[] {
    return [...this.armed].filter(({ isInterval }) => !isInterval)
  }

  install(): void {
    const { time } = this
    const epochMs = this.#epochMs
    const RealDate = globalThis.Date
    const wallMs = (): number => epochMs + Math.floor(time.nowMs)
    class VirtualDate extends RealDate {
      constructor(...args: [] | [number]) {
        if (args.length === 0) super(wallMs())
        else super(...args)
      }
      static override now = wallMs
    }
    const later = (isInterval: boolean) => {
      return (fire: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) => {
        const stack = this.#wantsStacks ? (new Error('armed').stack ?? '') : ''
        return new VirtualTimer(this, Math.max(1, delayMs), isInterval, () => fire(...args), stack)
      }
    }
    const { clearTimeout: clearReal } = globalThis
    // A real one is of a test before, whose end it has not been told.
    const clear = (timer: VirtualTimer | NodeJS.Timeout | null | undefined): void =>
      timer instanceof VirtualTimer ? timer.clear() : clearReal(timer ?? undefined)
    const restore = [
      replace(globalThis, {
        Date: VirtualDate,
        setTimeout: later(false),
        setInterval: later(true),
        clearTimeout: clear,
        clearInterval: clear,
        setImmediate: (fire: (...args: unknown[]) => void, ...args: unknown[]) =>
          time.in(0, () => {
            this.stir()
            fire(...args)
          }),
        clearImmediate: (happening: Happening) => time.cancel(happening),
      }),
      replace(performance, { now: () => time.nowMs }),
      replace(Math, { random: () => this.#dice.roll(2 ** 32) / 2 ** 32 }),
      replace(systemRandom, {
        bytes: (count: number) => Uint8Array.from({ length: count }, () => this.#dice.roll(256)),
      }),
    ]
    this.#uninstall = () => {
      for (const undo of restore) undo()
    }
  }

  uninstall(): void {
    this.#uninstall?.()
    this.#uninstall = null
  }
}

/** Puts other properties in an object's place; the result undoes it. */
export function replace(object: object, replacements: Readonly<Record<string, unknown>>): () => void {
  const before = Object.keys(replacements).map((name) => [name, Object.getOwnPropertyDescriptor(object, name)] as const)
  for (const [name, value] of Object.entries(replacements))
    Object.defineProperty(object, name, { value, configurable: true, writable: true })
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(object, name, descriptor)
      else Reflect.deleteProperty(object, name)
    }
  }
}
