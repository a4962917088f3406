import { z } from 'zod'
import type { AccountId } from '../model/ids.ts'
import { BUYERS, endpoint, SELLERS, type Caller, type Endpoint } from './endpoint.ts'
import { maySee, notFound, type Kit } from './kit.ts'
import type { QualityWindow } from '../model/quality-window.ts'
import * as s from './schemas.ts'

const ratio = z.number().min(0).max(1).nullable()
export const QualityWindowAnswer = z.strictObject({
  seconds: z.int(),
  attempts: z.int(),
  answered: z.int(),
  effective: z.int(),
  asr: ratio.meta({ description: 'Answered ÷ attempts' }),
  ner: ratio.meta({ description: 'Effective (answered, busy, rung in vain, declined) ÷ attempts: ITU-T E.425' }),
  acd: z.number().nullable().meta({ description: 'Mean talk of answered calls, seconds' }),
  pdd_ms: z.number().nullable().meta({ description: 'Mean time from the INVITE to ringing' }),
})
const QualityAnswer = z.strictObject({ id: s.printedId(), windows: z.array(QualityWindowAnswer) })

/** What the answers of trunks and targets themselves tell: the last hour. */
export function printHour(windows: readonly QualityWindow[]): z.input<typeof QualityWindowAnswer> | null {
  const hour = windows.find(({ seconds }) => seconds === 3600)
  return hour ? print(hour) : null
}

/** ASR, NER, ACD and PDD of a trunk or target, over the last five minutes, hour and day. */
export function qualityEndpoints(kit: Kit): Endpoint[] {
  const { stores, quality } = kit
  const visible = async (noun: string, caller: Caller, thing: { accountId: AccountId } | null): Promise<void> => {
    if (!thing || !maySee(caller, thing.accountId)) throw notFound(noun)
  }
  const common = { method: 'get', answers: { 200: QualityAnswer } } as const
  return [
    endpoint({
      ...common,
      tag: 'trunks',
      who: SELLERS,
      path: '/trunks/{id}/quality',
      summary: 'Read how the calls of a trunk went: ASR, NER, ACD and PDD',
      async handle({ caller, params }) {
        const id = params['id']!
        await visible('trunk', caller, await stores.trunks.find(id))
        return { status: 200, body: { id, windows: quality.ofTrunk(id).map(print) } }
      },
    }),
    endpoint({
      ...common,
      tag: 'targets',
      who: BUYERS,
      path: '/targets/{id}/quality',
      summary: 'Read how a target took its calls: ASR, NER, ACD and PDD',
      async handle({ caller, params }) {
        const id = params['id']!
        await visible('target', caller, await stores.targets.find(id))
        return { status: 200, body: { id, windows: quality.ofTarget(id).map(print) } }
      },
    }),
  ]
}

const thousandths = (value: number | null): number | null => value && Math.round(value * 1000) / 1000

function print(window: QualityWindow): z.input<typeof QualityWindowAnswer> {
  return {
    seconds: window.seconds,
    attempts: window.attempts,
    answered: window.answered,
    effective: window.effective,
    asr: thousandths(window.asr),
    ner: thousandths(window.ner),
    acd: thousandths(window.acdSeconds),
    pdd_ms: thousandths(window.pddMs),
  }
}
