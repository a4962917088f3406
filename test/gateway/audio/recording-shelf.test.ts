import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RecordingFile } from '../../../media/recording/recording-file.ts'
import { Recordings } from '../../../media/recording/recordings.ts'
import type { RecordingStore } from '../../../gateway/needs.ts'
import { RecordingShelf } from '../../../gateway/audio/recording-shelf.ts'
import { newId, type CallId } from '../../../model/ids.ts'
import type { CallRecording } from '../../../model/recording.ts'

const DAY_MS = 86_400_000
/** Its size, half a second, and its tag. */
const LAST_CHUNK_BYTES = 4 + 16_000 + 16
const KEYS = [{ id: 'k', key: Buffer.alloc(32, 7) }]

/** What storage/recording-store.ts does, in memory. */
class Rows implements RecordingStore {
  readonly rows = new Map<CallId, CallRecording>()
  isAway = false

  async begun({ callId, name, startedAt }: Pick<CallRecording, 'callId' | 'name' | 'startedAt'>): Promise<void> {
    if (this.isAway) throw new Error('the database is away')
    const open = { durationMs: 0, bytes: 0, state: 'recording', reason: null, erasedAt: null } as const
    this.rows.set(callId, { callId, name, startedAt, ...open })
  }
  async ended(recording: Parameters<RecordingStore['ended']>[0]): Promise<void> {
    if (this.isAway) throw new Error('the database is away')
    this.rows.set(recording.callId, { erasedAt: null, ...recording, ...this.#begunAs(recording.callId) })
  }
  #begunAs(callId: CallId): Partial<CallRecording> {
    const begun = this.rows.get(callId)
    return begun ? { name: begun.name, startedAt: begun.startedAt } : {}
  }
  async of(callIds: readonly CallId[]): Promise<CallRecording[]> {
    return callIds.map((id) => this.rows.get(id)!)
  }
  async underWay(): Promise<CallRecording[]> {
    return [...this.rows.values()].filter(({ state }) => state === 'recording')
  }
  async startedBefore(moment: Date, limit: number): Promise<CallRecording[]> {
    if (this.isAway) throw new Error('the database is away')
    const old = [...this.rows.values()].filter(({ startedAt, state }) => startedAt < moment && state === 'kept')
    return old.slice(0, limit)
  }
  async erased(callIds: readonly CallId[], erasedAt: Date): Promise<void> {
    for (const id of callIds) this.rows.set(id, { ...this.rows.get(id)!, state: 'erased', erasedAt })
  }
  async heard(): Promise<void> {}
}

describe('the shelf of recordings', () => {
  let folder: string
  let store: Rows
  let nowMs: number
  let shelf: RecordingShelf
  const fileOf = (id: string): string => join(folder, `${id}.dcerec`)

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dce-shelf-'))
    store = new Rows()
    nowMs = Date.parse('2026-11-21T12:00:00Z')
    const log = { warn() {}, info() {} }
    shelf = new RecordingShelf({ store, folder, keys: KEYS, days: 90, clock: { now: () => nowMs }, log })
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  /** A recording of one second, begun now; `isWhole`: with its end. */
  async function record(isWhole = true): Promise<CallId> {
    const id = newId<CallId>()
    const { file, header, key } = await new Recordings({ folder, keys: KEYS }).begin(id, new Date(nowMs))
    const writing = new RecordingFile(file, header, Buffer.from(key), (reason) => assert.fail(reason))
    await writing.opened()
    writing.write(Buffer.alloc(16_000, 1))
    await writing.finish(Buffer.alloc(16_000, 2))
    if (!isWhole) truncateSync(file, statSync(file).size - LAST_CHUNK_BYTES)
    await shelf.begun(id)
    return id
  }
  const keep = (id: CallId): Promise<void> =>
    shelf.ended(id, { file: fileOf(id), durationMs: 1000, bytes: 32_000, reason: 'call_ended' })

  it('erases what is older than it may be, says when, and leaves the rest', async () => {
    const old = await record()
    await keep(old)
    nowMs += 30 * DAY_MS
    const young = await record()
    await keep(young)
    nowMs += 60 * DAY_MS - 1
    assert.equal(await shelf.sweep(), 0, 'a moment before its time')
    nowMs += 2
    assert.equal(await shelf.sweep(), 1)
    assert.deepEqual([existsSync(fileOf(old)), existsSync(fileOf(young))], [false, true])
    const [erased, kept] = await shelf.of([old, young])
    assert.deepEqual([erased!.state, erased!.erasedAt], ['erased', new Date(nowMs)])
    assert.equal(kept!.state, 'kept')
    assert.equal(await shelf.sweep(), 0)
  })

  it('erases more than one writing’s worth', async () => {
    for (let i = 0; i < 450; i++) {
      const id = newId<CallId>()
      writeFileSync(fileOf(id), 'x')
      await shelf.begun(id)
      await keep(id)
    }
    nowMs += 91 * DAY_MS
    assert.equal(await shelf.sweep(), 450)
  })

  it('goes on erasing when one file cannot be deleted, and tries that again', async () => {
    const stuck = newId<CallId>()
    mkdirSync(fileOf(stuck)) // A folder is no file.
    await shelf.begun(stuck)
    await keep(stuck)
    const other = await record()
    await keep(other)
    nowMs += 91 * DAY_MS
    assert.equal(await shelf.sweep(), 1)
    assert.equal((await shelf.of([stuck]))[0]!.state, 'kept')
    rmSync(fileOf(stuck), { recursive: true })
    assert.equal(await shelf.sweep(), 1)
  })

  it('bears a database that is away', async () => {
    store.isAway = true
    assert.equal(await shelf.sweep(), 0)
  })

  it('erases what it could not write down as it began, too', async () => {
    store.isAway = true
    const id = await record()
    store.isAway = false
    await keep(id)
    nowMs += 91 * DAY_MS
    assert.equal(await shelf.sweep(), 1)
    assert.equal(existsSync(fileOf(id)), false)
  })

  it('tells after a restart what was cut short, what was whole, and what is not there', async () => {
    const cut = await record(false)
    const whole = await record()
    const gone = newId<CallId>()
    await shelf.begun(gone)
    assert.equal(await shelf.closeInterrupted(), 3)
    const states = (await shelf.of([cut, whole, gone])).map(({ state, durationMs }) => [state, durationMs])
    assert.deepEqual(states, [
      ['interrupted', 500],
      ['kept', 1000],
      ['lost', 0],
    ])
  })

  it('opens a recording as WAV, any part of it', async () => {
    const id = await record()
    const [recording] = await shelf.of([id])
    const wav = (await shelf.open(recording!))!
    const part = async (from: number, to: number): Promise<Buffer> => {
      const chunks: Buffer[] = []
      for await (const chunk of wav.read(from, to)) chunks.push(chunk)
      return Buffer.concat(chunks)
    }
    const all = await part(0, wav.bytes)
    assert.equal(all.length, 44 + 32_000)
    assert.equal(all.toString('latin1', 0, 4), 'RIFF')
    for (const [from, to] of [
      [0, 10],
      [40, 60],
      [44, 45],
      [16_000, 16_100],
      [wav.bytes - 1, wav.bytes],
    ] as const)
      assert.deepEqual(await part(from, to), all.subarray(from, to), `${from} to ${to}`)
  })

  it('says that a file is not here, and that a key does not open it', async () => {
    const id = await record()
    const [recording] = await shelf.of([id])
    const other = new RecordingShelf({
      store,
      folder,
      keys: [{ id: 'k', key: Buffer.alloc(32, 8) }],
      days: 90,
      clock: { now: () => nowMs },
      log: { warn() {}, info() {} },
    })
    await assert.rejects(other.open(recording!), /not the one it was made with/)
    rmSync(fileOf(id))
    assert.equal(await shelf.open(recording!), null)
  })
})
