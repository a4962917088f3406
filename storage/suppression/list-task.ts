import { isMarkedAsUntransferable, Worker } from 'node:worker_threads'
import type { ListOrder, ListTask, ListWord } from './list-messages.ts'

const THREAD = new URL('./list-thread.ts', import.meta.url)
/** Bytes of a file on their way to its thread: what is beyond waits where it comes from. */
const MAX_UNDER_WAY = 4 * 1024 * 1024
/** How long a thread that has said its last word may take to end, ms. */
const END_MS = 5_000

/** Begins a thread and hears what it says. A thread that dies says `failed`. */
export class ListThread {
  readonly #worker: Worker
  readonly #ended: Promise<void>
  #underWay = 0
  #wake = (): void => {}
  #isOver = false

  constructor(task: ListTask, hear: (word: ListWord) => void) {
    this.#worker = new Worker(THREAD, { workerData: task, name: `list ${task.kind}` })
    const over = (word: ListWord): void => {
      if (this.#isOver) return
      this.#isOver = true
      this.#wake()
      hear(word)
    }
    this.#worker.on('message', (word: ListWord) => {
      if (word.kind === 'read') {
        this.#underWay -= word.bytes
        this.#wake()
        hear(word)
      } else if (word.kind === 'area') hear(word)
      else over(word)
    })
    const died = (message: string): void => over({ kind: 'failed', reason: 'other', message })
    this.#worker.on('error', (error) => died(error.message))
    this.#ended = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        died('the thread has ended')
        resolve()
      })
    })
  }

  /** Hands the file over as fast as it is read; ends early when the thread has said its last word. */
  async feed(file: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of file) {
      while (this.#underWay > MAX_UNDER_WAY && !this.#isOver)
        await new Promise<void>((resolve) => (this.#wake = resolve))
      if (this.#isOver) return
      this.#underWay += piece.length // Before it is handed over, when it has none.
      const bytes = alone(piece)
      this.#worker.postMessage({ bytes } satisfies ListOrder, [bytes.buffer])
    }
    this.#worker.postMessage('end' satisfies ListOrder)
  }

  /** Its connection closes with it: what was not committed has not been. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => void this.#worker.terminate(), this.#isOver ? END_MS : 0)
    await this.#ended
    clearTimeout(timer)
  }
}

/**
 * Itself where it is a whole buffer, which is then handed over and no garbage of the calls' thread: copies of a large file
 * would have it collect garbage by the second. Else a copy: what it is a part of may be used again at once.
 */
function alone(piece: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = piece
  const isAlone =
    buffer instanceof ArrayBuffer && buffer.byteLength === piece.byteLength && !isMarkedAsUntransferable(buffer)
  return isAlone ? (piece as Uint8Array<ArrayBuffer>) : Uint8Array.from(piece)
}
