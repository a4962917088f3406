import assert from 'node:assert/strict'
import type { RegistrationStore } from '../../../gateway/needs.ts'
import { RegistrationWriter } from '../../../gateway/registrar/registration-writer.ts'
import type { SipUserId } from '../../../model/ids.ts'

const id = (n: number): SipUserId => `user ${n}` as SipUserId

describe('the registration writer', () => {
  let saved: (readonly { userId: SipUserId }[])[]
  let away: boolean
  let warnings: number
  let writer: RegistrationWriter
  beforeEach(() => {
    saved = []
    away = false
    warnings = 0
    const store: RegistrationStore = {
      load: async () => [],
      save: async (changes) => {
        if (away) throw new Error('the database is away')
        saved.push(changes)
      },
    }
    writer = new RegistrationWriter(store, { warn: () => void warnings++ })
  })
  afterEach(() => writer.close())

  it('writes the latest of each user, in batches', async () => {
    for (let round = 0; round < 3; round++) for (let n = 0; n < 1100; n++) writer.changed(id(n), [])
    assert.equal(writer.waiting, 1100, 'never more than there are users')
    await writer.flush()
    assert.deepEqual(
      saved.map((batch) => batch.length),
      [500, 500, 100],
    )
    assert.equal(writer.waiting, 0)
  })

  it('keeps what it cannot write until it can, and says so once', async () => {
    away = true
    writer.changed(id(1), [])
    await writer.flush()
    await writer.flush()
    assert.deepEqual([writer.waiting, warnings], [1, 1])
    away = false
    await writer.flush()
    assert.deepEqual([writer.waiting, saved.length], [0, 1])
  })

  it('writes what changed while it was writing', async () => {
    writer.changed(id(1), [])
    const flushed = writer.flush()
    writer.changed(id(1), [])
    writer.changed(id(2), [])
    await flushed
    assert.equal(writer.waiting, 0)
    assert.deepEqual(
      saved.flat().map(({ userId }) => userId),
      [id(1), id(1), id(2)],
    )
  })
})
