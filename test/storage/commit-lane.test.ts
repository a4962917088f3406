import assert from 'node:assert/strict'
import { mock } from 'node:test'
import {
  BATCH_RECORDS,
  COMPANY_RECORDS,
  CommitLane,
  GROUP_COMMIT_MS,
  PATIENT_COMMIT_MS,
  PATIENT_RECORDS,
  PROMPT,
  type Pending,
} from '../../storage/commit-lane.ts'

describe('a lane of commits', () => {
  let sizes: number[] = []
  beforeEach(() => {
    sizes = []
    mock.timers.enable({ apis: ['setTimeout'] })
  })
  afterEach(() => mock.timers.reset())

  const commit = (batch: readonly unknown[]): Promise<boolean> => {
    sizes.push(batch.length)
    return Promise.resolve(true)
  }
  const add = (lane: CommitLane, records: number): void => {
    for (let n = 0; n < records; n++) lane.add({ saleOf: null, callId: null, rows: [{}], onSettled: [] })
  }
  /** Lets time pass, and what is under way come to its end. */
  const pass = async (ms: number): Promise<void> => {
    mock.timers.tick(ms)
    await new Promise(setImmediate)
  }

  it('for whose records somebody waits never lets them wait longer, however many came before', async () => {
    const lane = new CommitLane(commit)
    lane.open()
    add(lane, COMPANY_RECORDS)
    await pass(GROUP_COMMIT_MS)
    add(lane, 1)
    await pass(GROUP_COMMIT_MS)
    assert.deepEqual(sizes, [COMPANY_RECORDS, 1])
  })

  it('for whose records nobody waits gathers them longer while many come', async () => {
    const lane = new CommitLane(commit, { before: new CommitLane(commit) })
    lane.open()
    add(lane, COMPANY_RECORDS)
    await pass(GROUP_COMMIT_MS)
    add(lane, 1)
    await pass(PATIENT_COMMIT_MS - 1)
    add(lane, 1)
    assert.deepEqual(sizes, [COMPANY_RECORDS])
    await pass(1)
    assert.deepEqual(sizes, [COMPANY_RECORDS, 2])
    // Few came, so it is as quick as ever.
    add(lane, 1)
    await pass(GROUP_COMMIT_MS)
    assert.deepEqual(sizes, [COMPANY_RECORDS, 2, 1])
  })

  it('has company enough long before a batch is full, though nobody waits', async () => {
    const lane = new CommitLane(commit, { before: new CommitLane(commit) })
    lane.open()
    add(lane, COMPANY_RECORDS)
    await pass(GROUP_COMMIT_MS)
    add(lane, PATIENT_RECORDS - 1)
    await pass(0)
    assert.deepEqual(sizes, [COMPANY_RECORDS])
    add(lane, PATIENT_RECORDS + 1)
    await pass(0)
    assert.deepEqual(sizes, [COMPANY_RECORDS, PATIENT_RECORDS, PATIENT_RECORDS])
  })

  it('commits at once when it is told to, whatever it had meant to wait', async () => {
    const lane = new CommitLane(commit, { before: new CommitLane(commit) })
    lane.open()
    add(lane, COMPANY_RECORDS)
    await pass(GROUP_COMMIT_MS)
    add(lane, 3)
    lane.flush()
    await lane.running
    assert.deepEqual(sizes, [COMPANY_RECORDS, 3])
  })

  describe('that begins a commit beside others', () => {
    let lane: CommitLane
    let batches: { readonly calls: (string | null)[]; readonly end: (mayGoOn?: boolean) => void }[] = []
    beforeEach(() => {
      batches = []
      lane = new CommitLane(
        (batch) =>
          new Promise((resolve) => {
            batches.push({ calls: batch.map(({ callId }) => callId), end: (mayGoOn = true) => resolve(mayGoOn) })
          }),
        PROMPT,
      )
      lane.open()
    })
    const write = (...callIds: string[]): void => {
      for (const callId of callIds) lane.add({ saleOf: null, callId, rows: [{}], onSettled: [] } satisfies Pending)
    }
    const many = (name: string, n: number): string[] => Array.from({ length: n }, (_, i) => `${name}${i}`)

    it('has so many under way at once and no more, each of so many records', async () => {
      write(...many('a', PROMPT.records * PROMPT.commits + 1))
      await pass(GROUP_COMMIT_MS)
      await pass(GROUP_COMMIT_MS)
      assert.deepEqual(
        batches.map(({ calls }) => calls.length),
        Array.from({ length: PROMPT.commits }, () => PROMPT.records),
      )
      assert.equal(lane.waiting, 1)
      for (const { end } of batches.slice(1)) end()
      await pass(0)
      await pass(GROUP_COMMIT_MS)
      assert.deepEqual(batches[PROMPT.commits]!.calls, [`a${PROMPT.records * PROMPT.commits}`])
    })

    it('takes more at once when more wait than so many can, as after a pause of the database', async () => {
      write('first')
      await pass(GROUP_COMMIT_MS)
      const { records, commits } = PROMPT
      lane.shut()
      write(...many('a', 2 * records * commits))
      lane.open()
      assert.equal(batches[1]!.calls.length, 2 * records)
      lane.shut()
      write(...many('b', BATCH_RECORDS * commits))
      lane.open()
      assert.equal(batches[2]!.calls.length, BATCH_RECORDS)
    })

    it('begins one with few records beside another, and no third one before it is full', async () => {
      for (const callId of ['a', 'b', 'c']) {
        write(callId)
        await pass(GROUP_COMMIT_MS)
      }
      assert.equal(batches.length, 2)
      write(...many('d', PROMPT.records - 1))
      await pass(0)
      assert.equal(batches[2]!.calls.length, PROMPT.records)
      write('e')
      batches[0]!.end()
      batches[1]!.end()
      await pass(0)
      await pass(GROUP_COMMIT_MS)
      assert.deepEqual(batches[3]!.calls, ['e'])
    })

    it('lets nobody wait for the answer to what came before', async () => {
      write('a')
      await pass(GROUP_COMMIT_MS)
      write('b')
      await pass(GROUP_COMMIT_MS)
      assert.deepEqual(
        batches.map(({ calls }) => calls),
        [['a'], ['b']],
      )
    })

    it('never has records of one call under way twice, and leaves none behind', async () => {
      write('a', 'b')
      await pass(GROUP_COMMIT_MS)
      write('c', 'a', 'd')
      await pass(GROUP_COMMIT_MS)
      await pass(GROUP_COMMIT_MS)
      assert.deepEqual(
        batches.map(({ calls }) => calls),
        [['a', 'b'], ['c']],
      )
      batches[1]!.end()
      await pass(GROUP_COMMIT_MS)
      assert.equal(batches.length, 2)
      batches[0]!.end()
      await pass(GROUP_COMMIT_MS)
      assert.deepEqual(batches[2]!.calls, ['a', 'd'])
      batches[2]!.end()
      await lane.running
      assert.equal(lane.waiting, 0)
    })

    it('ends each batch under way before it says that it has none, and begins none once it is shut', async () => {
      write('a')
      await pass(GROUP_COMMIT_MS)
      write('b')
      await pass(GROUP_COMMIT_MS)
      write('c')
      lane.shut()
      let isIdle = false
      const idle = lane.running!.then(() => (isIdle = true))
      batches[0]!.end(false)
      await pass(GROUP_COMMIT_MS)
      assert.equal(isIdle, false)
      batches[1]!.end(false)
      await idle
      assert.equal(lane.running, null)
      assert.equal(lane.waiting, 1)
      lane.open()
      assert.deepEqual(batches[2]!.calls, ['c'])
    })
  })
})
