import { setTimeout as sleep } from 'node:timers/promises'
import type { AuditBlock, AuditHead } from '../../model/audit.ts'
import type { AuditStore } from '../needs.ts'
import type { AuditSigner } from './audit-key.ts'
import { headOf, lineHash, makeBlock } from './chain.ts'
import type { HeadsFile } from './heads-file.ts'

/** Lines of one block. */
export const MAX_BLOCK_LINES = 1_000
/** Between two blocks the thread that calls are on, and their database, are left to them for so long, ms. */
const REST_MS = 500
/** Blocks read at a time. */
const PAGE = 1_000

interface SealerParts {
  readonly store: AuditStore
  readonly signer: AuditSigner
  readonly heads: HeadsFile
  readonly clock: { now(): number }
  /** The file and the database tell different stories of the same block: one of them was set back, or changed. */
  readonly onForeignHead: (head: AuditHead) => void
}

/** Seals what has been added to the audit since the last time, and writes the heads down outside the database. */
export class AuditSealer {
  readonly #parts: SealerParts
  /** The last block whose head is in the file; null until it has been read. */
  #written: number | null = null
  #isHurried = false

  constructor(parts: SealerParts) {
    this.#parts = parts
  }

  /**
   * Resolves to the blocks made. One made by another gateway is written to this one's file too, before its own. Rests between blocks for no
   * longer than `mostRestsMs` altogether.
   */
  async seal(mostRestsMs = 0): Promise<readonly AuditBlock[]> {
    const { store, signer, clock } = this.#parts
    const made: AuditBlock[] = []
    for (let restedMs = 0; ; restedMs += REST_MS) {
      const block = await store.seal(MAX_BLOCK_LINES, lineHash, (before, lines) =>
        makeBlock(before, lines, signer, new Date(clock.now())),
      )
      if (block !== null) made.push(block)
      if (block === null || block.lines < MAX_BLOCK_LINES) break
      if (restedMs < mostRestsMs && !this.#isHurried) await sleep(REST_MS)
    }
    await this.#writeHeads()
    return made
  }

  /** From now on there is no rest any more. */
  hurry(): void {
    this.#isHurried = true
  }

  /** Also of blocks whose head a crash left out. */
  async #writeHeads(): Promise<void> {
    const { store, heads } = this.#parts
    this.#written ??= await this.#lastWritten()
    for (;;) {
      const blocks = await store.blocksAfter(this.#written, PAGE)
      const last = blocks.at(-1)
      if (last === undefined) return
      await heads.append(blocks.map(headOf))
      this.#written = last.no
    }
  }

  /** The last block that the file and the database agree on: a database that was set back goes on from there, in the file as well. */
  async #lastWritten(): Promise<number> {
    const { store, heads, onForeignHead } = this.#parts
    for (const head of ((await heads.read()) ?? []).toReversed()) {
      const [block] = await store.blocksAfter(head.no - 1, 1)
      if (block?.no === head.no && block.hash.toString('hex') === head.hash) return head.no
      onForeignHead(head)
    }
    return 0
  }
}
