import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

const PAGE_BYTES = 4096
/** SQLite moves the write-ahead log into the file each time it has this many pages, and then begins it anew. */
const CHECKPOINT_PAGES = 1_000
/** The log is at most a checkpoint's pages and one transaction's (MAX_APPEND_BYTES in spool.ts, with its overheads): reserved twice over. */
const LOG_RESERVE_BYTES = 12 * 1024 * 1024
const FILLER_BYTES = 512 * 1024
/** The smallest spool that makes sense. */
export const MIN_SPOOL_BYTES = 1024 * 1024

export interface SpoolUsage {
  readonly count: number
  readonly usedBytes: number
  readonly capacityBytes: number
  /** Whether the disk blocks for all of it are ours already. */
  readonly reserved: boolean
}

export interface SpooledRecord {
  readonly seq: number
  readonly body: string
}

/**
 * The spool's file: an SQLite database that has its full size from the start, log included, and never grows nor shrinks. So a full disk
 * stops neither an append (it overwrites blocks that are ours) nor the replay.
 */
export interface SpoolFile {
  append(bodies: readonly string[]): void
  read(limit: number): SpooledRecord[]
  /** `isSynced`: once it is on the disk. Without that a power cut may bring back what had been removed. */
  remove(upTo: number, isSynced: boolean): void
  reserve(): void
  /** Wipes what is left of records that were removed; only while there are none. */
  wipe(): void
  usage(): SpoolUsage
  close(): void
}

export function openSpoolFile(path: string, bytes: number): SpoolFile {
  closeSync(openSync(path, 'a', 0o600)) // Telephone numbers are in it: for its owner alone, and SQLite's log of it likewise.
  const db = new DatabaseSync(path)
  // Exclusive locking keeps the log's index in memory instead of in a third file; `full` syncs the log at each commit.
  db.exec(`pragma page_size = ${PAGE_BYTES}; pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = full;
           pragma wal_autocheckpoint = ${CHECKPOINT_PAGES}; pragma max_page_count = ${Math.ceil(bytes / PAGE_BYTES)}`)
  db.exec('create table if not exists records (seq integer primary key autoincrement, body text not null)')
  db.exec('create table if not exists filler (bytes blob not null)')
  const insert = db.prepare('insert into records (body) values (?)')
  const select = db.prepare('select seq, body from records order by seq limit ?')
  const removeUpTo = db.prepare('delete from records where seq <= ?')
  const number = (sql: string): number => Number(Object.values(db.prepare(sql).get()!)[0])
  const capacityBytes = number('pragma max_page_count') * PAGE_BYTES
  let count = number('select count(*) from records')
  let reserved = false
  /** Whether the log may hold records: reserving has overwritten it. */
  let isSoiled = true

  const transaction = (work: () => void): void => {
    db.exec('begin immediate')
    try {
      work()
      db.exec('commit')
    } catch (error) {
      // A full disk makes SQLite roll back by itself.
      if (db.isTransaction) db.exec('rollback')
      throw error
    }
  }
  db.exec('pragma secure_delete = on')
  const fill = (size: number): void => void db.prepare('insert into filler (bytes) values (zeroblob(?))').run(size)

  const reserve = (): void => {
    if (reserved) return
    db.exec('pragma secure_delete = off') // The filler is nobody's secret, and zeros over it would fill the log.
    try {
      while (number('pragma page_count') * PAGE_BYTES < capacityBytes - FILLER_BYTES)
        transaction(() => fill(FILLER_BYTES))
      transaction(() => db.exec('delete from filler'))
      db.exec('pragma wal_checkpoint(passive)')
      // Without checkpoints the log grows with every write; afterwards it is begun anew, not cut.
      db.exec('pragma wal_autocheckpoint = 0')
      for (let logBytes = 0; logBytes < LOG_RESERVE_BYTES; logBytes += FILLER_BYTES) {
        transaction(() => fill(FILLER_BYTES))
        transaction(() => db.exec('delete from filler'))
      }
      reserved = true
      isSoiled = count > 0
    } finally {
      try {
        transaction(() => db.exec('delete from filler'))
        db.exec('pragma wal_checkpoint(restart)')
      } catch {
        reserved = false // The disk is full: what is there is used, and reserving is tried again.
      }
      db.exec(`pragma wal_autocheckpoint = ${CHECKPOINT_PAGES}; pragma secure_delete = on`)
    }
  }

  return {
    append(bodies) {
      transaction(() => {
        for (const body of bodies) insert.run(body)
      })
      count += bodies.length
      isSoiled = true
    },
    read: (limit) => select.all(limit) as unknown as SpooledRecord[],
    remove(upTo, isSynced) {
      if (!isSynced) db.exec('pragma synchronous = normal')
      try {
        transaction(() => {
          count -= Number(removeUpTo.run(upTo).changes)
        })
      } finally {
        if (!isSynced) db.exec('pragma synchronous = full')
      }
    },
    reserve,
    wipe() {
      if (count > 0 || !isSoiled) return
      // What was removed is zeroed in the file: only its log still has it.
      db.exec('pragma wal_checkpoint(truncate)')
      reserved = false
      reserve()
    },
    usage: () => ({
      count,
      usedBytes: (number('pragma page_count') - number('pragma freelist_count')) * PAGE_BYTES,
      capacityBytes,
      reserved,
    }),
    close: () => db.close(),
  }
}
