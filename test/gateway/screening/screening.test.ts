import assert from 'node:assert/strict'
import { setImmediate as breathe } from 'node:timers/promises'
import type { ScreeningVerdict } from '../../../compliance/screen-call.ts'
import type { ScreeningRequest } from '../../../compliance/screening-request.ts'
import type { Contribution, Evidence, Judge, Until } from '../../../gateway/screening/evidence.ts'
import type { Screened, ScreeningParts } from '../../../gateway/screening/screening.ts'
import type { CheckRecord } from '../../../model/cdr.ts'
import { anArrival, aScreening } from '../../support/screening.ts'

/** Nobody who is not meant to waits so long. */
const LONG = 600_000

function aCheck(rule: string, effect: CheckRecord['effect'] = 'allow'): CheckRecord {
  return { check: rule, effect, rule, source: 'test', detail: `${rule} said ${effect}` }
}

function anEvidence(name: string, gather: Evidence['gather'], more: Partial<Evidence> = {}): Evidence {
  return { name, order: 'before-law', deadlineMs: LONG, onFailure: 'allow', keepsFromBuyers: true, gather, ...more }
}

const ARRIVAL = anArrival()

describe('screening', () => {
  let judgedBy: ScreeningRequest[]
  let counted: number
  let law: CheckRecord[]

  beforeEach(() => {
    judgedBy = []
    counted = 0
    law = [aCheck('law')]
  })

  function screen(parts: Partial<ScreeningParts>, arrival = ARRIVAL, gone: AbortSignal | null = null) {
    const compliance = {
      screen(request: ScreeningRequest) {
        judgedBy.push(request)
        return { checks: law, exclusions: null } as unknown as ScreeningVerdict
      },
      count: () => void counted++,
      mayExclude: () => false,
      screenAgain: () => assert.fail(),
    }
    return aScreening(compliance, parts).screen(arrival, gone)
  }

  function now(screened: Screened | Promise<Screened>): Screened {
    return screened instanceof Promise ? assert.fail('it was to be known at once') : screened
  }

  const rulesOf = ({ checks }: Screened): string[] => checks.map(({ rule }) => rule)

  it('is done at once where nothing is to be waited for, and tells the law what evidence found', () => {
    const evidence = [anEvidence('signature', () => ({ request: { attestation: 'A' }, checks: [aCheck('signature')] }))]
    const screened = now(screen({ evidence }))
    assert.deepEqual(rulesOf(screened), ['signature', 'law'])
    assert.equal(screened.refusal, null)
    assert.equal(judgedBy[0]!.attestation, 'A')
    assert.equal(counted, 1)
  })

  it('waits for all evidence together, and keeps its order whoever answers first', async () => {
    const answers = new Map<string, (said: Contribution) => void>()
    const asking = (name: string) =>
      anEvidence(name, () => new Promise<Contribution>((resolve) => answers.set(name, resolve)))
    const screened = screen({ evidence: [asking('one'), asking('two')] })
    answers.get('two')!({ checks: [aCheck('two', 'block')] })
    answers.get('one')!({ checks: [aCheck('one', 'block')] })
    const { rule, refusal } = await screened
    assert.deepEqual([rule, refusal], ['one', { reason: 'compliance', text: 'one' }])
  })

  it('refuses as the evidence says: by its reason, status and headers', () => {
    const refusal = { reason: 'signature', text: 'Invalid Identity Header', status: 438 } as const
    const evidence = [anEvidence('signature', () => ({ checks: [aCheck('signature', 'block')], refusal }))]
    const screened = now(screen({ evidence }))
    assert.deepEqual(screened.refusal, refusal)
    assert.deepEqual(
      [judgedBy.length, counted],
      [0, 1],
      'the law was asked for nothing, and the call counts all the same',
    )
    assert.deepEqual(rulesOf(now(screen({ evidence, stopsAtFirst: false }))), ['signature', 'law'])
  })

  it('goes on without an answer when its time is over, as the policy says, and tells who is asked that nobody waits', async () => {
    const untils: Until[] = []
    const ended: string[] = []
    const silent = (onFailure: Evidence['onFailure']) =>
      anEvidence('list', (_, until) => (untils.push(until), new Promise(() => {})), { deadlineMs: 1, onFailure })
    const onEnded: ScreeningParts['onEnded'] = ({ name }, result) => void ended.push(`${name} ${result}`)
    const allowed = await screen({ evidence: [silent('allow')], onEnded })
    const refused = await screen({ evidence: [silent('block')], onEnded })
    assert.deepEqual([allowed.refusal, allowed.rule], [null, 'list:unavailable'])
    assert.deepEqual(allowed.checks[0]!.effect, 'advisory')
    assert.deepEqual(refused.refusal, { reason: 'compliance', text: 'list:unavailable' })
    const check = { check: 'list', effect: 'block', rule: 'own', source: 's', detail: 'd' } as const
    const own = await screen({ evidence: [{ ...silent('allow'), failed: () => ({ checks: [check] }) }], onEnded })
    assert.equal(own.rule, 'own')
    assert.deepEqual(ended, ['list late', 'list late', 'list late'])
    assert.ok(untils.every(({ signal }) => signal.aborted))
  })

  it('takes an error for no answer, whether thrown or rejected with', async () => {
    const errors: unknown[] = []
    const onError: ScreeningParts['onError'] = (_, error) => void errors.push(error)
    const rejecting = anEvidence('list', () => Promise.reject(new Error('down')), { onFailure: 'block' })
    assert.equal((await screen({ evidence: [rejecting], onError })).rule, 'list:unavailable')
    const throwing = anEvidence('list', () => {
      throw new Error('bug')
    })
    assert.equal(now(screen({ evidence: [throwing], onError })).refusal, null)
    assert.deepEqual(
      errors.map((error) => (error as Error).message),
      ['down', 'bug'],
    )
  })

  it('waits no longer when the caller has gone', async () => {
    const gone = new AbortController()
    const untils: Until[] = []
    const evidence = [anEvidence('list', (_, until) => (untils.push(until), new Promise(() => {})))]
    const screening = aScreening(
      {
        screen: () => ({ checks: [], exclusions: null }) as never,
        count: () => {},
        mayExclude: () => false,
        screenAgain: () => assert.fail(),
      },
      { evidence },
    )
    const screened = screening.screen(ARRIVAL, gone.signal)
    assert.equal(screening.waiting, 1)
    gone.abort()
    assert.deepEqual(rulesOf(await screened), ['list:given-up'], 'what the audit says of it')
    assert.equal(screening.waiting, 0)
    assert.ok(untils[0]!.signal.aborted)
  })

  it('has only so many calls wait at once; for more each source counts as failed', async () => {
    const ended: string[] = []
    let answer: (said: Contribution) => void = () => {}
    const evidence = [
      anEvidence('list', () => new Promise<Contribution>((resolve) => (answer = resolve)), { onFailure: 'block' }),
    ]
    const screening = aScreening(
      {
        screen: () => ({ checks: [], exclusions: null }) as never,
        count: () => {},
        mayExclude: () => false,
        screenAgain: () => assert.fail(),
      },
      { evidence, maxWaiting: 1, onEnded: (_, result) => void ended.push(result) },
    )
    const first = screening.screen(ARRIVAL, null)
    const answerFirst = answer
    assert.equal(now(screening.screen(ARRIVAL, null)).rule, 'list:unavailable')
    answerFirst({})
    assert.equal((await first).refusal, null)
    const third = screening.screen(ARRIVAL, null)
    answer({})
    assert.equal((await third).refusal, null)
    assert.deepEqual(ended, ['full', 'answered', 'answered'])
  })

  it('asks what comes behind the law only for calls that the law has not refused, unless everything is collected', async () => {
    let asked = 0
    const evidence = [
      anEvidence('paid', () => Promise.resolve({ checks: [aCheck(`paid ${++asked}`, 'block')] }), {
        order: 'after-law',
      }),
    ]
    assert.equal((await screen({ evidence })).rule, 'paid 1')
    law = [aCheck('law', 'block')]
    assert.equal(now(screen({ evidence })).rule, 'law')
    assert.equal(asked, 1)
    const all = await screen({ evidence, stopsAtFirst: false })
    assert.deepEqual([rulesOf(all), all.rule], [['law', 'paid 2'], 'law'])
  })

  it('shows each call to the judges once, also one that is refused before them, and no ping', () => {
    const seen: string[] = []
    const judge: Judge = {
      name: 'fraud',
      observe: () => void seen.push('observed'),
      judge: () => (
        seen.push('judged'),
        { checks: [aCheck('fraud', 'block')], refusal: { reason: 'fraud', text: 'score 0.9' } }
      ),
    }
    assert.deepEqual(now(screen({ judges: [judge] })).refusal, { reason: 'fraud', text: 'score 0.9' })
    law = [aCheck('law', 'block')]
    assert.equal(now(screen({ judges: [judge] })).refusal!.reason, 'compliance')
    assert.deepEqual(seen.splice(0), ['observed', 'judged', 'observed'])
    law = []
    counted = 0
    now(screen({ judges: [judge] }, { ...ARRIVAL, invite: null }))
    assert.deepEqual([seen, counted], [['judged'], 0])
  })

  it('judges a call again by its place, and asks lists behind the law once more, of those that the law lets pass', async () => {
    const places: (string | null)[] = []
    const evidence = [
      anEvidence('list', ({ zip }) => (places.push(zip?.zip ?? null), Promise.resolve({ checks: [aCheck('list')] })), {
        order: 'after-law',
      }),
    ]
    let verdict = aCheck('hours')
    const again = () => ({ checks: [verdict], exclusions: null }) as unknown as ScreeningVerdict
    const compliance = { screen: again, count: () => {}, mayExclude: () => false, screenAgain: again }
    const screening = aScreening(compliance, { evidence })
    const there = { ...ARRIVAL, zip: { zip: '33101', city: 'Miami', places: [] } as never }
    const request = { ani: null, zip: null, trafficType: 'inbound', atMs: 0 } as const
    const screened = await screening.screenAgain(request, there, null)
    assert.deepEqual([rulesOf(screened), places], [['hours', 'list'], ['33101']])
    assert.deepEqual(
      screened.fromOutside.map(({ rule }) => rule),
      ['list'],
    )
    verdict = aCheck('hours', 'block')
    assert.deepEqual(rulesOf(now(screening.screenAgain(request, there, null))), ['hours'])
    assert.equal(places.length, 1)
  })

  it('ends no wait of a call by another’s', async () => {
    const answers: ((said: Contribution) => void)[] = []
    const evidence = [anEvidence('list', () => new Promise<Contribution>((resolve) => void answers.push(resolve)))]
    const gone = new AbortController()
    const first = screen({ evidence }, ARRIVAL, gone.signal)
    let isOver = false
    const second = Promise.resolve(screen({ evidence })).then((screened) => ((isOver = true), screened))
    gone.abort()
    await first
    await breathe()
    assert.equal(isOver, false)
    answers[1]!({ checks: [aCheck('list')] })
    assert.deepEqual(rulesOf(await second), ['list', 'law'])
  })
})
