import { mkdir, open, readFile, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { AuditHead } from '../../model/audit.ts'

/**
 * The heads of the chain in a file of their own, a line of JSON each: what the database cannot take back. Best on another disk, or one that
 * only lets files grow.
 */
export class HeadsFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** All heads, in the order they were written; null when there is no file. A line that cannot be read is a head of no block. */
  async read(): Promise<AuditHead[] | null> {
    let text: string
    try {
      text = await readFile(this.path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
    const lines = text.split('\n').filter(Boolean)
    // A line that a power cut or a full disk has torn was written again, whole, by the next sealing.
    return lines
      .filter((line, i) => !lines.slice(i + 1, i + 1 + TORN_WITHIN).some((next) => isTorn(line, next)))
      .map(readHead)
  }

  /** Adds heads, durable when it resolves. */
  async append(heads: readonly AuditHead[]): Promise<void> {
    if (heads.length === 0) return
    await mkdir(dirname(this.path), { recursive: true })
    const file = await open(this.path, 'a+', 0o640)
    try {
      const isWhole = await endsALine(file)
      await file.appendFile(`${isWhole ? '' : '\n'}${heads.map((head) => `${JSON.stringify(head)}\n`).join('')}`)
      await file.sync()
    } finally {
      await file.close()
    }
  }
}

/** A torn line is followed by its whole at once, but for other gateways' lines in between. */
const TORN_WITHIN = 100

function isTorn(line: string, next: string): boolean {
  return next.length > line.length && next.startsWith(line)
}

async function endsALine(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat()
  if (size === 0) return true
  const last = Buffer.alloc(1)
  await file.read(last, 0, 1, size - 1)
  return last[0] === 0x0a
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
