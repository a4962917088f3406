import assert from 'node:assert/strict'
import { mock } from 'node:test'
import {
  COMPANY_RECORDS,
  CommitLane,
  GROUP_COMMIT_MS,
  PATIENT_COMMIT_MS,
  PATIENT_RECORDS,
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
    for (let n = 0; n < records; n++) lane.add({ saleOf: null, rows: [{}], onSettled: [] })
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
    const lane = new CommitLane(commit, new CommitLane(commit))
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
    const lane = new CommitLane(commit, new CommitLane(commit))
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
    const lane = new CommitLane(commit, new CommitLane(commit))
    lane.open()
    add(lane, COMPANY_RECORDS)
    await pass(GROUP_COMMIT_MS)
    add(lane, 3)
    lane.flush()
    await lane.running
    assert.deepEqual(sizes, [COMPANY_RECORDS, 3])
  })
})
