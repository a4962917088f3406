type Listener = (...args: unknown[]) => void

/** Notes promises that are rejected while nobody cares, and whatever is thrown outside of all calls: each would end the process. */
export class Promises {
  readonly rejections: string[] = []
  readonly #before = new Map<'unhandledRejection' | 'uncaughtException', Listener[]>()
  readonly #note = (error: unknown): void => {
    this.rejections.push(`nobody caught: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }

  constructor() {
    for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
      this.#before.set(event, process.listeners(event as 'exit') as Listener[])
      process.removeAllListeners(event)
      process.on(event as 'exit', this.#note)
    }
  }

  close(): void {
    for (const [event, listeners] of this.#before) {
      process.removeAllListeners(event)
      for (const listener of listeners) process.on(event as 'exit', listener)
    }
  }
}
