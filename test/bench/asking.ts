import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** What is asked, over and over. */
export interface Job {
  readonly url: string
  readonly token: string
  readonly method: 'GET' | 'POST'
  /** `{n}` is another seven digits each time, `{value}` the next of `values`. */
  readonly body: string | null
  readonly values?: readonly string[]
  /** The status of a good answer, or several; 200 to GET and 201 to POST unless it is said. */
  readonly expected?: number | readonly number[]
  readonly connections: number
  /** Left out: each connection asks again as soon as it is answered. */
  readonly perSecond?: number
  readonly milliseconds: number
}

/** How often it was answered, and how long that took, ms. */
export interface Times {
  readonly count: number
  readonly p50: number
  readonly p99: number
}

/** With the CPU time of this process that each took, µs. */
export interface Measured extends Times {
  readonly cpuMicros: number
}

/** A process that asks a server in this one. It stays for all of a benchmark: a new one would first have to be compiled. */
export class Asking {
  readonly #child: ChildProcess
  readonly #gone: Promise<never>

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'api-client.ts'), {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    this.#gone = once(this.#child, 'exit').then(() => {
      throw new Error('the client is gone: an answer was not as expected, it says which above')
    })
    this.#gone.catch(() => undefined) // Whoever waits for an answer hears of it.
  }

  async ask(job: Job): Promise<Times> {
    const answered = new Promise<Times>((resolve) => this.#child.once('message', resolve as () => void))
    this.#child.send(job)
    return Promise.race([answered, this.#gone])
  }

  /** Asks, and says what of this process's CPU time it took besides, µs. */
  async measure(job: Job): Promise<Measured> {
    const before = process.cpuUsage()
    const times = await this.ask(job)
    const { user, system } = process.cpuUsage(before)
    return { ...times, cpuMicros: (user + system) / times.count }
  }

  async close(): Promise<void> {
    if (!this.#child.connected) return
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }
}
