import type { DigitRequest, Digits } from '../audio-tools.ts'

/** Collects what somebody dials, from wherever it comes: `digit` is told of each. */
export class DigitCollector {
  readonly done: Promise<Digits>
  readonly #request: DigitRequest
  readonly #resolve: (digits: Digits) => void
  #digits = ''
  #timer: NodeJS.Timeout
  readonly #abort = (): void => this.#end('aborted')

  constructor(request: DigitRequest) {
    const { promise, resolve } = Promise.withResolvers<Digits>()
    this.#request = request
    this.done = promise
    this.#resolve = resolve
    this.#timer = setTimeout(() => this.#end('timeout'), request.firstMs)
    request.signal?.addEventListener('abort', this.#abort)
    if (request.signal?.aborted === true) this.#end('aborted')
  }

  digit(digit: string): void {
    const { max, terminators = '', betweenMs } = this.#request
    if (terminators.includes(digit)) return this.#end('terminator')
    this.#digits += digit
    if (this.#digits.length >= max) return this.#end('max')
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#end('timeout'), betweenMs)
  }

  #end(endedBy: Digits['endedBy']): void {
    clearTimeout(this.#timer)
    this.#request.signal?.removeEventListener('abort', this.#abort)
    this.#resolve({ digits: this.#digits, endedBy })
  }

  /** The session is over. */
  stop(): void {
    this.#end('aborted')
  }
}
