import type { QualityWindow } from '../../model/quality-window.ts'

/** What one call adds: to its trunk, or to a target that was rung for it. */
export interface QualitySample {
  readonly isAnswered: boolean
  /** It reached somebody: answered, busy, rung in vain, or turned down by a person. */
  readonly isEffective: boolean
  readonly talkMs: number
  /** From the INVITE to the first sign of ringing, or to the answer where there was none before; null when neither came. */
  readonly pddMs: number | null
}

/** Five minutes, an hour, a day. */
export const QUALITY_WINDOWS = [300, 3600, 86_400] as const

/** A window slides in so many steps: it covers its length less at most one of them. */
const SLICES = 30

const FIELDS = ['attempts', 'answered', 'effective', 'talkMs', 'pddMs', 'rang'] as const

/** Sums over the last `seconds`, in slices that are used again: adding costs the same whatever came before. */
class SlidingSums {
  readonly #sliceMs: number
  /** Which slice of all time each place holds. */
  readonly #slice = new Float64Array(SLICES)
  readonly #sums = new Float64Array(SLICES * FIELDS.length)

  constructor(seconds: number) {
    this.#sliceMs = (seconds * 1000) / SLICES
  }

  add(atMs: number, values: readonly number[]): void {
    const slice = Math.floor(atMs / this.#sliceMs)
    const place = slice % SLICES
    if (this.#slice[place]! > slice) return // Older than all that is remembered.
    const start = place * FIELDS.length
    if (this.#slice[place]! < slice) {
      this.#slice[place] = slice
      this.#sums.fill(0, start, start + FIELDS.length)
    }
    for (let field = 0; field < FIELDS.length; field++) this.#sums[start + field]! += values[field]!
  }

  read(nowMs: number): number[] {
    const oldest = Math.floor(nowMs / this.#sliceMs) - SLICES + 1
    const totals = FIELDS.map(() => 0)
    for (let place = 0; place < SLICES; place++) {
      if (this.#slice[place]! < oldest) continue
      for (let field = 0; field < FIELDS.length; field++) totals[field]! += this.#sums[place * FIELDS.length + field]!
    }
    return totals
  }
}

/** The quality of one trunk or target, over all windows. It takes 5 KB. */
export class Quality {
  readonly #windows = QUALITY_WINDOWS.map((seconds) => ({ seconds, sums: new SlidingSums(seconds) }))

  add(atMs: number, sample: QualitySample): void {
    const { isAnswered, isEffective, talkMs, pddMs } = sample
    const values = [1, Number(isAnswered), Number(isEffective), talkMs, pddMs ?? 0, Number(pddMs !== null)]
    for (const { sums } of this.#windows) sums.add(atMs, values)
  }

  read(nowMs: number): QualityWindow[] {
    return this.#windows.map(({ seconds, sums }) => {
      const [attempts = 0, answered = 0, effective = 0, talkMs = 0, pddMs = 0, rang = 0] = sums.read(nowMs)
      return {
        seconds,
        attempts,
        answered,
        effective,
        asr: attempts > 0 ? answered / attempts : null,
        ner: attempts > 0 ? effective / attempts : null,
        acdSeconds: answered > 0 ? talkMs / answered / 1000 : null,
        pddMs: rang > 0 ? pddMs / rang : null,
      }
    })
  }
}
