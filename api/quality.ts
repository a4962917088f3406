import { z } from 'zod'
import type { AccountId, TargetId } from '../model/ids.ts'
import type { TargetQuality } from '../model/outcome.ts'
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
const RankingAnswer = z.strictObject({
  quality: z.string().meta({
    description: 'What its bids are multiplied by in rankings, "0.500" to "1.500"; "1.000" is the average here',
  }),
  measured: z.boolean().meta({ description: 'False: too few calls to tell, and "1.000"' }),
  attempts: z.number().meta({ description: 'Calls it was rung for; three days ago counts a half' }),
  answer_rate: ratio.meta({ description: 'Answered of the attempts' }),
  conversion_rate: ratio.meta({ description: 'Billed or converted of the answered' }),
  short_rate: ratio.meta({ description: 'Of the answered, over within ten seconds' }),
  complaint_rate: ratio.meta({ description: 'Of the billed or converted, disputed and given back' }),
})
const TargetAnswer = z.strictObject({
  id: s.printedId(),
  windows: z.array(QualityWindowAnswer),
  ranking: RankingAnswer.nullable().meta({ description: 'Null without calls of late' }),
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
  return [
    endpoint({
      method: 'get',
      answers: { 200: QualityAnswer },
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
      method: 'get',
      answers: { 200: TargetAnswer },
      tag: 'targets',
      who: BUYERS,
      path: '/targets/{id}/quality',
      summary: 'Read how a target took its calls: ASR, NER, ACD, PDD, and what rankings make of them',
      async handle({ caller, params }) {
        const id = params['id']!
        await visible('target', caller, await stores.targets.find(id))
        const ranking = printRanking(kit.outcomes.of(id as TargetId))
        return { status: 200, body: { id, windows: quality.ofTarget(id).map(print), ranking } }
      },
    }),
  ]
}

const thousandths = (value: number | null): number | null => value && Math.round(value * 1000) / 1000

function printRanking(quality: TargetQuality | null): z.input<typeof RankingAnswer> | null {
  return (
    quality && {
      quality: (quality.thousandths / 1000).toFixed(3),
      measured: quality.isMeasured,
      attempts: thousandths(quality.attempts) ?? 0,
      answer_rate: thousandths(quality.answerRate),
      conversion_rate: thousandths(quality.conversionRate),
      short_rate: thousandths(quality.shortRate),
      complaint_rate: thousandths(quality.complaintRate),
    }
  )
}

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
