import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { AuditHead } from '../../model/audit.ts'

/** Lines read of a file that somebody else may have written to: two hundred years of a block a minute. */
const MAX_HEADS = 100_000_000

/**
 * The heads of the chain in a file of their own, a line of JSON each: what the database cannot take back. Best on another disk, or one that
 * only lets files grow.
 */
export class HeadsFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** All heads, in the order they were written; none when there is no file. A line that cannot be read is a head of no block. */
  read(): AuditHead[] {
    let text: string
    try {
      text = readFileSync(this.path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
    return text.split('\n', MAX_HEADS).filter(Boolean).map(readHead)
  }

  /** Adds heads, durable when it returns. */
  append(heads: readonly AuditHead[]): void {
    if (heads.length === 0) return
    mkdirSync(dirname(this.path), { recursive: true })
    const file = openSync(this.path, 'a', 0o640)
    try {
      writeSync(file, heads.map((head) => `${JSON.stringify(head)}\n`).join(''))
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  }
}

const UNREADABLE: AuditHead = { no: 0, hash: '', sealedAt: '', signature: '' }

function readHead(line: string): AuditHead {
  try {
    const read = JSON.parse(line) as Partial<AuditHead> | null
    const { no, hash, sealedAt, signature } = { ...UNREADABLE, ...read }
    return Number.isSafeInteger(no) && typeof hash === 'string' ? { no, hash, sealedAt, signature } : UNREADABLE
  } catch {
    return UNREADABLE
  }
}
