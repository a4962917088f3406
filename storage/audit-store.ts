import { setTimeout as sleep } from 'node:timers/promises'
import type { AuditEntry } from '../api/needs.ts'
import type { AuditStore } from '../compliance/needs.ts'
import type { AuditBlock, AuditLine } from '../model/audit.ts'
import type { CallId } from '../model/ids.ts'
import type { Postgres, Queries, Row } from './postgres.ts'

/** Any number, as long as all of us use it: one sealer at a time on a database. */
const SEALER_LOCK = 7_203_118
/** How often a sealing looks whether the writers that were at it have ended, and how long at most, ms; then it is tried again the next time. */
const LOOK_EVERY_MS = 20
const PATIENCE_MS = 5_000
/** Lines exported at a time. */
const PAGE = 5_000
/** Lines that are read to be sealed at a time: the thread that calls are on is at it for some milliseconds. */
const READ_AT_ONCE = 250n

const LINE = `seq::text as seq_text, call_id, (extract(epoch from at) * 1000000)::bigint::text as at_micros, number, inputs::text as inputs,
  checks::text as checks, salt, commitment`

/** The compliance audit in PostgreSQL. */
export class PostgresAudit implements AuditStore {
  readonly #postgres: Pick<Postgres, 'rows' | 'transaction'>

  constructor(postgres: Pick<Postgres, 'rows' | 'transaction'>) {
    this.#postgres = postgres
  }

  async seal(
    most: number,
    hash: (line: AuditLine) => Buffer,
    make: (before: AuditBlock | null, lines: { hashes: readonly Buffer[]; lastSeq: bigint }) => AuditBlock,
  ): Promise<AuditBlock | null> {
    const last = await this.#lastCertain()
    if (last === null) return null
    return this.#postgres.transaction(async (tx) => {
      const [lock] = await tx.rows(`select pg_try_advisory_xact_lock(${SEALER_LOCK}) as taken`)
      if (lock!['taken'] !== true) return null
      const [row] = await tx.rows('select * from audit_blocks order by no desc limit 1')
      const before = row ? readBlock(row) : null
      const hashes: Buffer[] = []
      let lastSeq = before?.lastSeq ?? 0n
      for await (const lines of readLines(tx, lastSeq, last)) {
        const taken = lines.slice(0, most - hashes.length)
        hashes.push(...taken.map(hash))
        lastSeq = taken.at(-1)!.seq
        if (hashes.length === most) break
      }
      if (hashes.length === 0) return null
      const block = make(before, { hashes, lastSeq })
      await tx.rows(
        `insert into audit_blocks (no, last_seq, lines, root, previous, hash, sealed_at, key_id, signature)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [
          block.no,
          String(block.lastSeq),
          block.lines,
          block.root,
          block.previous,
          block.hash,
          block.sealedAt,
          block.keyId,
          block.signature,
        ],
      )
      return block
    })
  }

  /**
   * The last number of which it is certain that no lower one is still on its way. A transaction id drawn after it was read is above that of
   * every writer that had drawn a number by then (a writer has its transaction's id before: its calls are written first); when all ids below
   * it are over, so are they. Nobody is locked out.
   */
  async #lastCertain(): Promise<bigint | null> {
    const [row] = await this.#postgres.rows('select max(seq)::text as last from compliance_audit')
    if (row!['last'] === null) return null
    const [drawn] = await this.#postgres.rows('select pg_current_xact_id()::text as id')
    for (let waitedMs = 0; waitedMs <= PATIENCE_MS; waitedMs += LOOK_EVERY_MS) {
      const [look] = await this.#postgres.rows(
        'select pg_snapshot_xmin(pg_current_snapshot()) > $1::text::xid8 as over',
        [drawn!['id']],
      )
      if (look!['over'] === true) return BigInt(row!['last'])
      await sleep(LOOK_EVERY_MS)
    }
    return null
  }

  async blocksAfter(no: number, most: number): Promise<AuditBlock[]> {
    const rows = await this.#postgres.rows('select * from audit_blocks where no > $1 order by no limit $2', [no, most])
    return rows.map(readBlock)
  }

  linesBetween(after: bigint, last: bigint): Promise<AuditLine[]> {
    return linesOf(this.#postgres, after, last)
  }

  /** The lines of one call, each with the block it is sealed in (null: in none yet) and that block's lines, to prove it by. */
  async ofCall(callId: CallId): Promise<readonly AuditEntry[]> {
    const rows = await this.#postgres.rows(`select ${LINE} from compliance_audit where call_id = $1 order by seq`, [
      callId,
    ])
    const entries: AuditEntry[] = []
    for (const line of rows.map(readLine)) {
      const [found] = await this.#postgres.rows(
        'select * from audit_blocks where last_seq >= $1 order by last_seq limit 1',
        [String(line.seq)],
      )
      if (!found) {
        entries.push({ line, block: null, beside: [] })
        continue
      }
      const block = readBlock(found)
      const [before] = await this.blocksAfter(block.no - 2, 1)
      const first = before !== undefined && before.no < block.no ? before.lastSeq : 0n
      entries.push({ line, block, beside: await this.linesBetween(first, block.lastSeq) })
    }
    return entries
  }

  async *export(from: Date, until: Date): AsyncGenerator<AuditLine> {
    let after = 0n
    for (;;) {
      const rows = await this.#postgres.rows(
        `select ${LINE} from compliance_audit where at >= $1 and at < $2 and seq > $3 order by seq limit ${PAGE}`,
        [from, until, String(after)],
      )
      const lines = rows.map(readLine)
      yield* lines
      if (lines.length < PAGE) return
      after = lines.at(-1)!.seq
    }
  }

  async makeMonths(): Promise<void> {
    // A partition is made by whoever has the table for a moment: behind a long dump nobody waits, for calls would wait behind us.
    await this.#postgres.transaction(async (tx) => {
      await tx.rows("set local lock_timeout = '1s'")
      await tx.rows("select make_audit_months(now(), now() + interval '2 months')")
    })
  }
}

/**
 * The lines numbered after `after` up to `last`, some at a time, by ranges of numbers: asked for the first of all that are left, PostgreSQL would make
 * text of all of them, and sort that, each time.
 */
async function* readLines(queries: Queries, after: bigint, last: bigint): AsyncGenerator<AuditLine[]> {
  for (let from = after; from < last;) {
    const to = from + READ_AT_ONCE < last ? from + READ_AT_ONCE : last
    const lines = await linesOf(queries, from, to)
    from = to
    if (lines.length > 0) yield lines
    else {
      const next = await nextAfter(queries, to)
      if (next === null) return
      from = next - 1n
    }
  }
}

async function linesOf(queries: Queries, after: bigint, last: bigint): Promise<AuditLine[]> {
  const rows = await queries.rows(`select ${LINE} from compliance_audit where seq > $1 and seq <= $2 order by seq`, [
    String(after),
    String(last),
  ])
  return rows.map(readLine)
}

/** The first number after this one that a line has: those of transactions that came to nothing are nobody's. */
async function nextAfter(queries: Queries, seq: bigint): Promise<bigint | null> {
  const [row] = await queries.rows('select min(seq)::text as next from compliance_audit where seq > $1', [String(seq)])
  return row!['next'] === null ? null : BigInt(row!['next'])
}

function readLine(row: Row): AuditLine {
  return {
    seq: BigInt(row['seq_text']),
    callId: row['call_id'],
    atMicros: BigInt(row['at_micros']),
    number: row['number'],
    inputs: row['inputs'],
    checks: row['checks'],
    salt: row['salt'],
    commitment: row['commitment'],
  }
}

function readBlock(row: Row): AuditBlock {
  return {
    no: Number(row['no']),
    lastSeq: BigInt(row['last_seq']),
    lines: row['lines'],
    root: row['root'],
    previous: row['previous'],
    hash: row['hash'],
    sealedAt: row['sealed_at'],
    keyId: row['key_id'],
    signature: row['signature'],
  }
}
