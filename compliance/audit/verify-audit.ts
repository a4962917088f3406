import type { KeyObject } from 'node:crypto'
import type { AuditHead } from '../../model/audit.ts'
import type { AuditStore } from '../needs.ts'
import { ChainCheck } from './chain.ts'

/** Blocks read at a time. */
const PAGE = 100

export interface AuditVerdict {
  readonly blocks: number
  readonly lines: number
  /** A sentence each; empty: nothing was changed, moved, added or taken away. */
  readonly faults: readonly string[]
}

/** Reads the whole audit and follows its chain; a block's lines are in memory at a time. */
export async function verifyAudit(
  store: Pick<AuditStore, 'blocksAfter' | 'linesBetween'>,
  keys: readonly KeyObject[],
  heads: readonly AuditHead[],
): Promise<AuditVerdict> {
  const check = new ChainCheck(keys, heads)
  let [no, lastSeq] = [0, 0n]
  for (;;) {
    const blocks = await store.blocksAfter(no, PAGE)
    for (const block of blocks) {
      check.next(block, await store.linesBetween(lastSeq, block.lastSeq))
      no = block.no
      lastSeq = block.lastSeq
    }
    if (blocks.length === 0) break
  }
  return { faults: check.end(), blocks: check.blocks, lines: check.lines }
}
