import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { RecordRows } from './record-rows.ts'

/** The most a row may grow to when it is unpacked, bytes: a batch is far below. */
const MAX_BODY_BYTES = 256 * 1024 * 1024

/** What a line begins with, and no compressed row (its magic number, RFC 8878 §3.1.1, begins with 0x28). */
const BRACE = 0x7b
// The fastest level finds what matters: the same words in every event. Higher ones win 10 % for three times the time.
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/** Events as one row of the outbox: a line each, compressed. */
export function packEvents(events: readonly string[]): Buffer {
  return zstdCompressSync(events.join('\n'), FAST)
}

/** The events of a row, each a line of JSON; plain lines are read as well, such as a person puts back. Throws when it is damaged. */
export function unpackEvents(body: Uint8Array): string[] {
  const isPlain = body[0] === BRACE
  const text = isPlain ? Buffer.from(body) : zstdDecompressSync(body, { maxOutputLength: MAX_BODY_BYTES })
  return text.toString('utf8').split('\n')
}

/** The same records with their events packed, as the spool keeps them: its room is for facts. */
export function spooledEvents({ events, ...rows }: RecordRows): object {
  return events ? { ...rows, packed: packEvents(events).toString('base64') } : rows
}

/** Undoes `spooledEvents`. */
export function unspooledEvents({ packed, ...rows }: RecordRows & { packed?: string }): RecordRows {
  return packed ? { ...rows, events: unpackEvents(Buffer.from(packed, 'base64')) } : rows
}
