/** How many questions may wait for the server's thread, and for how long. */
export interface QuestionLimits {
  readonly maxQuestions: number
  readonly questionMs: number
}

interface Waiter {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

/** Questions to the server's thread that wait for their answer: a thread that hangs must not have whoever asks wait for ever. */
export class Questions {
  readonly #limits: QuestionLimits
  readonly #waiting = new Map<number, Waiter>()
  #nextId = 1

  constructor(limits: QuestionLimits) {
    this.#limits = limits
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Puts a question, under an id. Rejects when too many wait, and when no answer comes in time; a later one is for nobody. */
  ask(put: (id: number) => void): Promise<unknown> {
    const { maxQuestions, questionMs } = this.#limits
    if (this.#waiting.size >= maxQuestions)
      return Promise.reject(new Error(`the SIP server has ${maxQuestions} questions waiting`))
    const id = this.#nextId++
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const timer = setTimeout(
      () => this.fail(id, new Error(`the SIP server has not answered within ${questionMs} ms`)),
      questionMs,
    )
    timer.unref()
    this.#waiting.set(id, { resolve, reject, timer })
    put(id)
    return promise
  }

  answer(id: number, value: unknown): void {
    this.#take(id)?.resolve(value)
  }

  fail(id: number, error: Error): void {
    this.#take(id)?.reject(error)
  }

  failAll(error: Error): void {
    for (const id of this.#waiting.keys()) this.fail(id, error)
  }

  #take(id: number): Waiter | undefined {
    const waiter = this.#waiting.get(id)
    if (waiter === undefined) return undefined
    this.#waiting.delete(id)
    clearTimeout(waiter.timer)
    return waiter
  }
}
