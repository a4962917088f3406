import { z } from 'zod'
import { FRAUD_ACTIONS, FRAUD_LABELS, type FraudFeedback, type FraudScore } from '../model/fraud.ts'
import type { AccountId, CallId } from '../model/ids.ts'
import { ADMIN, endpoint, type Endpoint } from './endpoint.ts'
import { notFound, type Kit } from './kit.ts'
import { invalid } from './problems.ts'
import * as s from './schemas.ts'
import { nameOf } from './suppression-import.ts'

const action = z.enum(FRAUD_ACTIONS)
const ScoreAnswer = z.strictObject({
  call_id: s.printedId(),
  at: s.printedTime(),
  from: z.string().nullable(),
  seller_id: s.printedId(),
  number_id: s.printedId(),
  trunk_id: s.printedId(),
  score: z.number(),
  action,
  enforced: z.boolean().meta({ description: 'False: a block was only reported' }),
  model_score: z.number().nullable(),
  reasons: z.array(z.strictObject({ rule: z.string(), score: z.number(), text: z.string() })),
})
const FeedbackAnswer = z.strictObject({
  call_id: s.printedId(),
  label: z.enum(FRAUD_LABELS),
  note: z.string(),
  by: z.string(),
  at: s.printedTime(),
})
const WholeScore = ScoreAnswer.extend({
  contributions: z
    .array(z.strictObject({ feature: z.string(), value: z.number(), contribution: z.number() }))
    .meta({ description: 'What features weighed most in the model’s score, in log odds; empty without a model' }),
  feedback: z.array(FeedbackAnswer),
})
const RulesAnswer = z.strictObject({
  data: z.array(z.strictObject({ rule: z.string(), fraud: z.int(), clean: z.int() })),
})
const Query = z.strictObject({
  ...s.pageQuery,
  seller_id: s.id<AccountId>().optional(),
  action: action.optional(),
  min_score: z.coerce.number().min(0).max(1).optional(),
  since: s.instant().optional(),
  until: s.instant().optional(),
})
const Feedback = z.strictObject({
  call_id: s.id<CallId>(),
  label: z.enum(FRAUD_LABELS),
  note: s.text(500).default(''),
})

function view(scored: FraudScore): z.input<typeof ScoreAnswer> {
  return {
    call_id: scored.callId,
    at: s.printTime(scored.at),
    from: scored.ani,
    seller_id: scored.sellerId,
    number_id: scored.numberId,
    trunk_id: scored.trunkId,
    score: scored.score,
    action: scored.action,
    enforced: scored.isEnforced,
    model_score: scored.modelScore,
    reasons: scored.reasons.map((reason) => ({ ...reason })),
  }
}

function viewFeedback({ callId, label, note, by: who, at }: FraudFeedback): z.input<typeof FeedbackAnswer> {
  return { call_id: callId, label, note, by: who, at: s.printTime(at) }
}

/** Calls whose score was worth a note, why, and what analysts say of them. */
export function fraudEndpoints(kit: Kit): Endpoint[] {
  const { stores } = kit
  const common = { tag: 'fraud', who: ADMIN } as const
  return [
    endpoint({
      ...common,
      method: 'get',
      path: '/fraud/scores',
      summary: 'List calls that were flagged, to be reviewed or blocked, newest first',
      query: Query,
      answers: { 200: s.pageOf(ScoreAnswer) },
      async handle({ query }) {
        const { seller_id: sellerId, action: only, min_score: minScore, since, until } = query
        if (since && until && since >= until) throw invalid('/until', 'must be later than since', 'out_of_order')
        const page = await stores.fraud.listScores(kit.cursors.request('fraud/scores', query), {
          ...(sellerId && { sellerId }),
          ...(only && { action: only }),
          ...(minScore !== undefined && { minScore }),
          ...(since && { since }),
          ...(until && { until }),
        })
        return { status: 200, body: kit.cursors.answer('fraud/scores', page, view) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/fraud/scores/{call_id}',
      summary:
        'Read why a call has its score: rules, the model’s contributions, and what analysts say; 404 for one below every threshold',
      answers: { 200: WholeScore },
      async handle({ params }) {
        const id = params['call_id'] as CallId
        const [scored, feedback] = await Promise.all([stores.fraud.findScore(id), stores.fraud.feedbackOf(id)])
        if (scored === null) throw notFound('fraud score')
        const contributions = scored.contributions.map((each) => ({ ...each }))
        return { status: 200, body: { ...view(scored), contributions, feedback: feedback.map(viewFeedback) } }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/fraud/feedback',
      summary:
        'Say what a call was: its caller’s next calls are judged by it, and the rules that spoke are counted by it',
      body: Feedback,
      answers: { 201: FeedbackAnswer },
      async handle({ body, caller }) {
        const call = kit.liveCalls.find(body.call_id) ?? (await stores.calls.find(body.call_id))
        if (call === null) throw invalid('/call_id', 'there is no such call', 'not_found')
        const { label, note } = body
        const kept = await stores.fraud.addFeedback({ callId: call.id, label, note, by: nameOf(caller) })
        if (call.ani !== null) kit.fraud?.label(call.ani, label)
        return { status: 201, body: viewFeedback(kept) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/fraud/rules',
      summary: 'How often analysts called fraud, and how often clean, what each rule spoke of',
      answers: { 200: RulesAnswer },
      async handle() {
        const data = (await stores.fraud.labelledRules()).map((each) => ({ ...each }))
        return { status: 200, body: { data } }
      },
    }),
  ]
}
