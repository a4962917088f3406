import assert from 'node:assert/strict'
import { SuppressionLists } from '../../../compliance/suppression-lists.ts'
import { ListLoader, RELOAD_MS } from '../../../gateway/do-not-call/list-loader.ts'
import { pack } from '../../../model/area-numbers.ts'
import { newId, type SuppressionListId } from '../../../model/ids.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import type { LoadedNumbers, SuppressionList } from '../../../model/suppression-list.ts'
import { ManualSchedule } from '../../support/manual-schedule.ts'

const ID = newId<SuppressionListId>()
const aList = (revision: number) =>
  ({ id: ID, name: 'l', kind: 'national', revision, lookup: null, versionDate: null }) as SuppressionList
const numbers = (revision: number, locals: readonly number[]): LoadedNumbers => ({
  list: aList(revision),
  isWhole: true,
  areas: [{ area: 212, packed: pack(Uint32Array.from(locals)) }],
  damage: null,
})

/** A loader, and the reading it waits for. */
function stage() {
  const lists = new SuppressionLists()
  const schedule = new ManualSchedule()
  const asked: { after: number | null; answer: (loaded: LoadedNumbers | Error) => void }[] = []
  const warnings: string[] = []
  const log = { info() {}, warn: (_: unknown, text: string) => void warnings.push(text) }
  const loader = new ListLoader({ lists, schedule, log: log as never })
  loader.open({
    stores: {
      suppression: {
        load: (_id, after) =>
          new Promise((resolve, reject) => {
            asked.push({ after, answer: (said) => (said instanceof Error ? reject(said) : resolve(said)) })
          }),
      },
    },
  })
  const apply = (revision: number) => {
    const change = { kind: 'suppression-list', id: ID, value: aList(revision) } as const
    lists.apply(change.id, change.value)
    loader.apply(change)
  }
  const has = (local: number) => lists.held(ID)!.has(`+1212${local}` as PhoneNumber)
  return { lists, schedule, asked, warnings, loader, apply, has }
}

const turn = () => new Promise((resolve) => void setImmediate(resolve))

describe('the numbers of do-not-call lists in a gateway', () => {
  it('are all there before the first call, and a start without them is none', async () => {
    const { asked, loader, apply, has } = stage()
    apply(4)
    const started = loader.start()
    await turn()
    assert.deepEqual(
      asked.map(({ after }) => after),
      [null],
    )
    asked[0]!.answer(numbers(4, [5_550_100]))
    await started
    assert.ok(has(5_550_100))
    const failing = stage()
    failing.apply(4)
    const refused = assert.rejects(failing.loader.start(), /away/)
    await turn()
    failing.asked[0]!.answer(new Error('away'))
    await refused
  })

  it('are read at the start of a list that was empty when it was known first, too', async () => {
    const { asked, loader, apply, has } = stage()
    apply(0)
    apply(1)
    const started = loader.start()
    await turn()
    asked[0]!.answer(numbers(1, [5_550_100]))
    await started
    assert.ok(has(5_550_100))
  })

  it('stay as they were until those of a change are read, which is asked for once at a time', async () => {
    const { asked, loader, apply, has } = stage()
    apply(0)
    await loader.start()
    assert.equal(asked.length, 0)
    apply(1)
    apply(2)
    await turn()
    assert.equal(asked.length, 1)
    assert.ok(!has(5_550_100))
    asked[0]!.answer(numbers(1, [5_550_100]))
    await turn()
    assert.ok(has(5_550_100))
    assert.deepEqual(
      asked.map(({ after }) => after),
      [0, 1],
    )
    asked[1]!.answer(numbers(2, [5_550_101]))
    await loader.loaded(ID)
    assert.ok(has(5_550_101) && !has(5_550_100))
    // News of what is held already is none.
    apply(2)
    await turn()
    assert.equal(asked.length, 2)
  })

  it('are asked for again when they could not be read', async () => {
    const { asked, loader, apply, has, schedule, warnings } = stage()
    apply(0)
    await loader.start()
    apply(1)
    await turn()
    asked[0]!.answer(new Error('away'))
    await loader.loaded(ID)
    assert.equal(warnings.length, 1)
    await schedule.advance(RELOAD_MS)
    await turn()
    asked[1]!.answer(numbers(1, [5_550_100]))
    await loader.loaded(ID)
    assert.ok(has(5_550_100))
    apply(2)
    await turn()
    asked[2]!.answer(new Error('away'))
    await loader.loaded(ID)
    await loader.close()
    await schedule.advance(RELOAD_MS)
    await turn()
    assert.equal(asked.length, 3)
  })
})
