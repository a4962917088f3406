import type { DigitRequest, Digits } from '../audio-tools.ts'

/** How a digit came. A phone that sends each of its digits both ways dials it once: the first way in a collection is the one. */
export type DigitWay = 'rtp' | 'info'

/** One waiting for digits. */
export class DigitCollection {
  readonly #request: DigitRequest
  readonly #onEnded: () => void
  readonly #resolve: (digits: Digits) => void
  readonly result: Promise<Digits>
  #timer: NodeJS.Timeout | null
  #digits = ''
  #way: DigitWay | null = null

  /** `onEnded` is told once, before `result` resolves. */
  constructor(request: DigitRequest, onEnded: () => void) {
    const { promise, resolve } = Promise.withResolvers<Digits>()
    this.#request = request
    this.#onEnded = onEnded
    this.#resolve = resolve
    this.result = promise
    this.#timer = setTimeout(() => this.end('timeout'), request.firstMs)
    request.signal?.addEventListener('abort', this.#abort)
  }

  readonly #abort = (): void => this.end('aborted')

  digit(digit: string, way: DigitWay): void {
    this.#way ??= way
    if (this.#timer === null || way !== this.#way) return
    if (this.#request.terminators?.includes(digit)) return this.end('terminator')
    this.#digits += digit
    if (this.#digits.length >= this.#request.max) return this.end('max')
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.end('timeout'), this.#request.betweenMs)
  }

  end(endedBy: Digits['endedBy']): void {
    if (this.#timer === null) return
    clearTimeout(this.#timer)
    this.#timer = null
    this.#request.signal?.removeEventListener('abort', this.#abort)
    this.#onEnded()
    this.#resolve({ digits: this.#digits, endedBy })
  }
}
