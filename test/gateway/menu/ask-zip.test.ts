import assert from 'node:assert/strict'
import type { Evidence } from '../../../gateway/screening/evidence.ts'
import type { ScreeningRequest } from '../../../compliance/screening-request.ts'
import { compliance, instant, number, places } from '../../compliance/support.ts'
import { aScreening } from '../../support/screening.ts'
import { menuCall, settle, type MenuCallTerms } from '../../support/menu-call.ts'

/** 07:30 in Pensacola, 08:30 in Tallahassee: an 850 number may be of either. */
const EARLY = instant('America/New_York', '2026-11-20T08:30:00')
const PENSACOLA = '32501'
const TALLAHASSEE = '32301'

/** A transfer of an 850 number, whose caller has chosen its option and is asked for its ZIP code. */
async function asked(
  terms: MenuCallTerms['menu'] = {},
  over: Partial<ScreeningRequest> = {},
  evidence: readonly Evidence[] = [],
) {
  const scene = menuCall({ menu: { zipPrompt: 'your-zip', ...terms } })
  const { call, parts, keypad, dialog } = scene
  const law = compliance()
  const announced: boolean[] = []
  Object.assign(parts, {
    places,
    screening: aScreening(law, { evidence }),
    announcements: { checked: (_call: unknown, allowed: boolean) => void announced.push(allowed) },
  })
  const request: ScreeningRequest = {
    ani: number('+18505550123'),
    zip: null,
    placeIsAsked: true,
    trafficType: 'transfer',
    atMs: EARLY,
    offer: { sellerId: 's', numberId: 'n', vertical: 'solar', tags: {} },
    ...over,
  }
  const first = law.screen(request)
  law.count(request)
  call.screenedBy = request
  call.checks = first.checks
  const asking = scene.ask()
  await settle()
  dialog.emit('ack', {})
  await settle()
  keypad.digitFrom('caller', '1')
  await settle()
  return { ...scene, law, first, asking, announced }
}

const hoursOf = ({ call }: Awaited<ReturnType<typeof asked>>) =>
  call.checks.filter(({ check }) => check === 'calling-hours')

describe('a menu that asks for the ZIP code', () => {
  it('leaves the hours open until the caller has said where it is, and then judges them by that', async () => {
    const scene = await asked()
    assert.equal(scene.first.allowed, true)
    assert.deepEqual(scene.keypad.played, ['question', 'your-zip'])
    scene.keypad.digitFrom('caller', TALLAHASSEE)
    assert.equal(await scene.asking, null)
    assert.deepEqual([scene.call.facts!.zip!.zip, scene.call.facts!.zip!.city], [TALLAHASSEE, 'Tallahassee'])
    assert.deepEqual(
      hoursOf(scene).map(({ effect, evidence }) => [effect, evidence]),
      [['allow', 'ivr-zip']],
    )
    assert.deepEqual(scene.announced, [true])
    assert.equal(scene.call.judgedBy?.ivrZip, TALLAHASSEE, 'what the audit will have of it')
    const limit = scene.call.checks.find(({ check }) => check === 'call-frequency')
    assert.equal(limit?.effect, 'allow', 'what was found before stands')
  })

  it('hangs up on a caller who may not be called where it is', async () => {
    const scene = await asked()
    scene.keypad.digitFrom('caller', PENSACOLA)
    assert.equal(await scene.asking, 'compliance')
    assert.deepEqual(
      hoursOf(scene).map(({ effect, rule, evidence }) => [effect, rule, evidence]),
      [['block', 'calling-hours:FL', 'ivr-zip']],
    )
    assert.equal(scene.dialog.byes.length, 1)
    assert.deepEqual(scene.announced, [false])
  })

  it('asks again for one that there is not, and goes by the number when there is none', async () => {
    const scene = await asked()
    scene.keypad.digitFrom('caller', '00000')
    await settle()
    assert.deepEqual(scene.keypad.played, ['question', 'your-zip', 'your-zip'])
    scene.keypad.digitFrom('caller', '')
    assert.equal(await scene.asking, 'compliance')
    assert.deepEqual(
      hoursOf(scene).map(({ evidence }) => evidence),
      ['npa'],
    )
    assert.equal(scene.call.facts!.zip ?? null, null)
  })

  it('goes by the number too where nothing was chosen and the call goes on', async () => {
    const scene = await asked({ otherwise: 'continue', attempts: 1, options: [] }, { atMs: EARLY + 3_600_000 })
    assert.equal(await scene.asking, null)
    assert.deepEqual(scene.keypad.played, ['question'])
    assert.deepEqual(scene.announced, [true])
  })

  it('has lists that others keep asked for that place; what they said before stands where nobody is asked again', async () => {
    const said = (state: string) => ({
      check: 'state-do-not-call',
      effect: 'allow' as const,
      rule: 'state-do-not-call',
      source: state,
      detail: `not listed: ${state}`,
    })
    const list: Evidence = {
      name: 'external-do-not-call',
      order: 'after-law',
      deadlineMs: 1_000,
      onFailure: 'allow',
      keepsFromBuyers: false,
      gather: async ({ zip }) => ({ checks: [said(zip?.zip === PENSACOLA ? 'the west' : 'the east')] }),
    }
    const [asks, blocks] = [await asked({}, { atMs: EARLY + 3_600_000 }, [list]), await asked({}, {}, [list])]
    const outside = ({ call }: typeof asks) =>
      call.checks.filter(({ check }) => check === 'state-do-not-call').map(({ source }) => source)
    for (const scene of [asks, blocks]) {
      const first = said('before')
      scene.call.checks = [...scene.call.checks, first]
      scene.call.fromOutside = [first]
      scene.keypad.digitFrom('caller', PENSACOLA)
    }
    assert.equal(await asks.asking, null)
    assert.deepEqual(outside(asks), ['the west'])
    assert.equal(await blocks.asking, 'compliance')
    assert.deepEqual(outside(blocks), ['before'])
  })

  it('is not asked of a call whose place is known', async () => {
    const scene = menuCall({ menu: { zipPrompt: 'your-zip' } })
    const asking = scene.ask()
    await settle()
    scene.dialog.emit('ack', {})
    await settle()
    scene.keypad.digitFrom('caller', '1')
    assert.equal(await asking, null)
    assert.deepEqual(scene.keypad.played, ['question'])
  })
})
