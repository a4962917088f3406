import type { AuditBlock } from '../../model/audit.ts'
import type { AuditStore } from '../needs.ts'
import type { AuditSigner } from './audit-key.ts'
import { headOf, lineHash, makeBlock } from './chain.ts'
import type { HeadsFile } from './heads-file.ts'

/** Lines of one block: what one sealing holds in memory, and one check after it. */
export const MAX_BLOCK_LINES = 10_000
/** Blocks read at a time. */
const PAGE = 1_000

interface SealerParts {
  readonly store: AuditStore
  readonly signer: AuditSigner
  readonly heads: HeadsFile
  readonly clock: { now(): number }
}

/** Seals what has been added to the audit since the last time, and writes the heads down outside the database. */
export class AuditSealer {
  readonly #parts: SealerParts
  /** The last block whose head is in the file. */
  #written: number

  constructor(parts: SealerParts) {
    this.#parts = parts
    this.#written = parts.heads.read().reduce((last, { no }) => Math.max(last, no), 0)
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
    }
    await this.#writeHeads()
    return made
  }

  /** Also of blocks whose head a crash left out. */
  async #writeHeads(): Promise<void> {
    const { store, heads } = this.#parts
    for (;;) {
      const blocks = await store.blocksAfter(this.#written, PAGE)
      const last = blocks.at(-1)
      if (last === undefined) return
      heads.append(blocks.map(headOf))
      this.#written = last.no
    }
  }
}
