import { constants, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { Postgres } from '../postgres.ts'
import { isAway } from '../store-errors.ts'
import { AreaDrafts, BadImport } from './area-drafts.ts'
import { loadList, ONE_SNAPSHOT } from './load-list.ts'
import type { ListOrder, ListTask, ListWord } from './list-messages.ts'
import { AT_ONCE, Pace } from './pace.ts'
import { LineReader, type NumberReader } from './read-numbers.ts'
import { XmlReader } from './read-xml.ts'
import { unpack } from './unpack.ts'
import { ListBusy, writeList } from './write-list.ts'

/** A thread for one import, or one loading: a list of millions is read, sorted and written without a call noticing. */
const task = workerData as ListTask
const port = parentPort!
const say = (word: ListWord, transfer: ArrayBuffer[] = []): void => port.postMessage(word, transfer)
const silent = { debug() {}, info() {}, warn() {}, error() {} }
/** A statement writes or reads one area code, or waits for its turn on the book. */
const STATEMENT_MS = 120_000
const XML_MARK = 0x3c
/**
 * How long a megabyte of the file rests, ms, and one of packed numbers that are written, and loaded: 10,000,000 numbers are 120 and 20 of them.
 * And how long all do at most: a file is uploaded in no more than a minute (`requestMs` of the API), who changes the list waits for its writing,
 * and a gateway that stops for its loading.
 */
const READING_RESTS_MS = [100, 14_000] as const
const WRITING_RESTS_MS = [100, 2_000] as const
const LOADING_RESTS_MS = [200, 5_000] as const
/** So much of a file is read at a time, which takes 0.1 ms. */
const PIECE = 16 * 1024
/** White space and a byte order mark may be before it. */
const BLANK = new Set([0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf])

// There a thread has a priority of its own: where the processors are busy, calls come first.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_LOW)

/** What has come of the file and is not read yet. */
const pieces: Buffer[] = []
let isComplete = false
let wake = (): void => {}
port.on('message', (order: ListOrder) => {
  if (order === 'end') isComplete = true
  else pieces.push(Buffer.from(order.bytes.buffer, order.bytes.byteOffset, order.bytes.byteLength))
  wake()
})

const postgres = new Postgres(task.connection, silent, STATEMENT_MS)
void run()

async function run(): Promise<void> {
  try {
    await (task.kind === 'import' ? importFile(task) : load(task))
  } catch (error) {
    say(failure(error))
  } finally {
    await postgres.close().catch(() => {})
    port.close()
  }
}

async function importFile({ write }: Extract<ListTask, { kind: 'import' }>): Promise<void> {
  const { mode } = write
  const drafts = new AreaDrafts()
  const readers: NumberReader[] = []
  let reader: NumberReader | null = null
  const end = (): void => {
    reader?.end()
    reader = null
  }
  const file = incoming((bytes) => say({ kind: 'read', bytes, lines: sum(readers, 'lines') }))
  const pace = new Pace(...READING_RESTS_MS)
  for await (const text of unpack(file, end)) {
    if (reader === null) {
      const isXml = text.find((byte) => !BLANK.has(byte)) === XML_MARK
      reader = isXml ? new XmlReader(drafts, mode) : new LineReader(drafts, mode)
      readers.push(reader)
    }
    for (let at = 0; at < text.length; at += PIECE) {
      const piece = text.subarray(at, at + PIECE)
      reader.take(piece)
      await pace.after(piece.length)
    }
  }
  end()
  const counts = {
    lines: sum(readers, 'lines'),
    invalid: sum(readers, 'invalid'),
    shown: readers.flatMap(({ counts: { shown } }) => shown),
  }
  const writing = new Pace(...WRITING_RESTS_MS)
  const written = await postgres.transaction((tx) => writeList(tx, drafts, counts, { ...write, waits: false }, writing))
  if (written === null) say({ kind: 'failed', reason: 'gone', message: 'there is no such list any more' })
  else say({ kind: 'imported', ...written })
}

async function load({ listId, after }: Extract<ListTask, { kind: 'load' }>): Promise<void> {
  const send = (area: number, packed: Buffer): void => {
    // Of its own, so that it is handed over and not copied once more.
    const bytes = Uint8Array.from(packed)
    say({ kind: 'area', area, packed: bytes }, [bytes.buffer])
  }
  const pace = after === null ? AT_ONCE : new Pace(...LOADING_RESTS_MS)
  const read = await postgres.transaction((tx) => loadList(tx, listId, after ?? 0, send, pace), ONE_SNAPSHOT)
  say({ kind: 'loaded', ...read })
}

async function* incoming(onRead: (bytes: number) => void): AsyncGenerator<Buffer> {
  for (;;) {
    const piece = pieces.shift()
    if (piece !== undefined) {
      yield piece
      onRead(piece.length)
    } else if (isComplete) return
    else await new Promise<void>((resolve) => (wake = resolve))
  }
}

function sum(readers: readonly NumberReader[], what: 'lines' | 'invalid'): number {
  return readers.reduce((all, { counts }) => all + counts[what], 0)
}

function failure(error: unknown): ListWord {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof BadImport) return { kind: 'failed', reason: 'bad_import', message }
  if (error instanceof ListBusy) return { kind: 'failed', reason: 'busy', message }
  return { kind: 'failed', reason: isAway(error) ? 'away' : 'other', message }
}
