import { setImmediate as breathe } from 'node:timers/promises'
import type { AuditBlock, AuditHead } from '../../model/audit.ts'
import type { AuditStore } from '../needs.ts'
import type { AuditSigner } from './audit-key.ts'
import { headOf, lineHash, makeBlock } from './chain.ts'
import type { HeadsFile } from './heads-file.ts'

/** Lines of one block: hashing them takes the thread that calls are on some milliseconds. */
export const MAX_BLOCK_LINES = 1_000
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

  constructor(parts: SealerParts) {
    this.#parts = parts
  }

  /** Resolves to the blocks made. One made by another gateway is written to this one's file too, before its own. */
  async seal(): Promise<readonly AuditBlock[]> {
    const { store, signer, clock } = this.#parts
    const made: AuditBlock[] = []
    for (;;) {
      const block = await store.seal(MAX_BLOCK_LINES, (before, lines) =>
        makeBlock(before, { hashes: lines.map(lineHash), lastSeq: lines.at(-1)!.seq }, signer, new Date(clock.now())),
      )
      if (block !== null) made.push(block)
      if (block === null || block.lines < MAX_BLOCK_LINES) break
      await breathe()
    }
    await this.#writeHeads()
    return made
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
