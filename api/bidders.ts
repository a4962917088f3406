import { z } from 'zod'
import type { Account } from '../model/account.ts'
import { ANY_CALL } from '../model/bid.ts'
import type { Bidder } from '../model/bidder.ts'
import type { BidderState } from '../model/bidder-state.ts'
import type { AccountId, CampaignId, TargetId } from '../model/ids.ts'
import { CENT, type Currency } from '../model/money.ts'
import {
  AnswerAnswer,
  AnswerInput,
  PostAnswer,
  PostInput,
  printAnswer,
  printPost,
  printRequest,
  readAnswer,
  readPost,
  readRequest,
  RequestAnswer,
  RequestInput,
  requireUrl,
  secretsAsked,
} from './bidder-templates.ts'
import { CriteriaAnswer, CriteriaInput, printCriteria, readCriteria, tagKey } from './criteria.ts'
import { crud, given } from './crud.ts'
import { BUYERS, type Endpoint } from './endpoint.ts'
import { ownedThings } from './owned-things.ts'
import type { Kit } from './kit.ts'
import { invalid, Problem } from './problems.ts'
import * as s from './schemas.ts'

const MAX_BILLABLE_AFTER = 3600
const MIN_TIMEOUT_MS = 10
const MAX_TIMEOUT_MS = 2000
const MAX_SECRETS = 20
/** Of one account: a call asks a bounded number of bidders, of all buyers together. */
const MOST_BIDDERS = 20
const STATUSES = ['active', 'paused'] as const
const DIALECTS = ['template', 'openrtb'] as const

const noticeUrl = z.string().trim().min(1).max(2048).nullable()
const fields = {
  name: s.text(200),
  status: z.enum(STATUSES),
  target_id: s.id<TargetId>(),
  campaign_id: s.id<CampaignId>(),
  dialect: z.enum(DIALECTS),
  criteria: CriteriaInput,
  max_bid: s.money(CENT),
  billable_after: z.int().min(0).max(MAX_BILLABLE_AFTER),
  max_concurrent_calls: z.int().min(1).max(100_000).nullable(),
  timeout_ms: z.int().min(MIN_TIMEOUT_MS).max(MAX_TIMEOUT_MS),
  ping: RequestInput,
  answer: AnswerInput.nullable(),
  post: PostInput.nullable(),
  win_url: noticeUrl,
  loss_url: noticeUrl,
  secrets: z
    .record(tagKey, z.string().min(1).max(1024).nullable())
    .refine((value) => Object.keys(value).length <= MAX_SECRETS, { error: `must be at most ${MAX_SECRETS}` })
    .meta({
      description: 'What templates call {{secret:name}}: never shown again; null takes one away, the others stay',
    }),
}
const Patch = z.strictObject(fields).partial()
const Create = z.strictObject({
  ...fields,
  account_id: s.id<AccountId>().optional(),
  status: fields.status.default('active'),
  target_id: fields.target_id.optional(),
  campaign_id: fields.campaign_id.optional(),
  dialect: fields.dialect.default('template'),
  criteria: fields.criteria.optional(),
  billable_after: fields.billable_after.default(0),
  max_concurrent_calls: fields.max_concurrent_calls.default(null),
  timeout_ms: fields.timeout_ms.default(1000),
  answer: fields.answer.default(null),
  post: fields.post.default(null),
  win_url: noticeUrl.default(null),
  loss_url: noticeUrl.default(null),
  secrets: fields.secrets.default({}),
})

const State = z.strictObject({
  circuit: z.enum(['closed', 'open', 'half_open']),
  waits_ms: z.int().meta({ description: 'How long it is waited for at present, by how fast it has been' }),
  p95_ms: z.number().nullable().meta({ description: 'Of its latest answers; null before the first' }),
  asked: z.int(),
  bids: z.int(),
  outcomes: z.record(z.string(), z.int()).meta({ description: 'How often what came of it, by code, since the start' }),
})
const Answer = z.strictObject({
  id: s.printedId(),
  account_id: s.printedId(),
  target_id: s.printedId(),
  campaign_id: s.printedId(),
  name: z.string(),
  status: z.enum(STATUSES),
  dialect: z.enum(DIALECTS),
  criteria: CriteriaAnswer,
  max_bid: s.printedMoney(),
  currency: z.string(),
  billable_after: z.int(),
  max_concurrent_calls: z.int().nullable(),
  timeout_ms: z.int(),
  ping: RequestAnswer,
  answer: AnswerAnswer.nullable(),
  post: PostAnswer.nullable(),
  win_url: z.string().nullable(),
  loss_url: z.string().nullable(),
  secrets: z.array(z.string()).meta({ description: 'Their names' }),
  state: State,
  ...s.printedStored,
})

const UNKNOWN: BidderState = { circuit: 'closed', waitsMs: 0, p95Ms: null, asked: 0, bids: 0, outcomes: {} }

const print = (bidder: Bidder, state: BidderState, currency: Currency): z.input<typeof Answer> => ({
  id: bidder.id,
  account_id: bidder.accountId,
  target_id: bidder.targetId,
  campaign_id: bidder.campaignId,
  name: bidder.name,
  status: bidder.status,
  dialect: bidder.dialect,
  criteria: printCriteria(bidder.criteria),
  max_bid: s.printMoney(bidder.maxBidMicros),
  currency,
  billable_after: bidder.billableAfter,
  max_concurrent_calls: bidder.maxConcurrentCalls,
  timeout_ms: bidder.timeoutMs,
  ping: printRequest(bidder.ping),
  answer: bidder.answer && printAnswer(bidder.answer),
  post: bidder.post && printPost(bidder.post),
  win_url: bidder.winUrl,
  loss_url: bidder.lossUrl,
  secrets: Object.keys(bidder.secrets),
  state: {
    circuit: state.circuit,
    waits_ms: state.waitsMs,
    p95_ms: state.p95Ms,
    asked: state.asked,
    bids: state.bids,
    outcomes: { ...state.outcomes },
  },
  ...s.printStored(bidder),
})

/** Bidders: a buyer's programs that are asked by HTTP what they would pay for a call. */
export function bidderEndpoints(kit: Kit): Endpoint[] {
  const { stores } = kit
  const { targetOf, campaignOf, onlyTarget } = ownedThings(kit)

  /** What a bidder says must fit together, however it came to say it. Throws 422. */
  function requireWhole(
    bidder: Pick<Bidder, 'dialect' | 'ping' | 'answer' | 'post' | 'winUrl' | 'lossUrl' | 'secrets'>,
  ) {
    const { dialect, ping, answer, post, winUrl, lossUrl, secrets } = bidder
    if (dialect === 'template' && answer === null)
      throw invalid('/answer', 'say where in its answers the bid stands', 'required')
    if (dialect === 'openrtb' && answer !== null)
      throw invalid('/answer', 'the openrtb dialect has its own', 'not_allowed')
    if (dialect === 'openrtb' && ping.body !== null)
      throw invalid('/ping/body', 'the openrtb dialect has its own', 'not_allowed')
    if (dialect === 'openrtb' && ping.method === 'GET')
      throw invalid('/ping/method', 'the openrtb dialect is sent in a body: POST or PUT', 'not_allowed')
    const requests = [
      { template: ping, pointer: '/ping' },
      { template: post && post.request, pointer: '/post' },
    ]
    for (const [name, pointer] of secretsAsked(requests, { '/win_url': winUrl, '/loss_url': lossUrl }))
      if (!Object.hasOwn(secrets, name)) throw invalid(pointer, `there is no secret ${name}`, 'not_found')
  }

  function readUrl(url: string | null, pointer: string): string | null {
    if (url !== null) requireUrl(kit, url, pointer, 'notice')
    return url
  }

  function mergeSecrets(
    current: Bidder['secrets'],
    changes: Readonly<Record<string, string | null>>,
  ): Bidder['secrets'] {
    const merged = new Map(Object.entries(current))
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) merged.delete(name)
      else merged.set(name, kit.bidders.seal(value))
    }
    if (merged.size > MAX_SECRETS) throw invalid('/secrets', `must be at most ${MAX_SECRETS}`)
    return Object.fromEntries(merged)
  }

  const wholeOf = <T extends Parameters<typeof requireWhole>[0]>(bidder: T): T => {
    requireWhole(bidder)
    return bidder
  }

  return crud(kit, {
    name: 'bidders',
    noun: 'bidder',
    statuses: STATUSES,
    store: stores.bidders,
    who: BUYERS,
    ownerTypes: ['buyer'],
    create: Create,
    patch: Patch,
    answer: Answer,
    async draft(body, owner: Account) {
      const existing = await stores.bidders.list({ limit: MOST_BIDDERS, cursor: null }, { accountId: owner.id })
      if (existing.data.length >= MOST_BIDDERS)
        throw new Problem('conflict', `An account has at most ${MOST_BIDDERS} bidders; delete one first.`)
      return wholeOf({
        accountId: owner.id,
        targetId: body.target_id ? (await targetOf(owner.id, body.target_id)).id : await onlyTarget(owner.id),
        campaignId: body.campaign_id
          ? (await campaignOf(owner.id, body.campaign_id)).id
          : await stores.defaultCampaign(owner.id),
        name: body.name,
        status: body.status,
        dialect: body.dialect,
        criteria: body.criteria ? readCriteria(kit, body.criteria, owner.timezone) : ANY_CALL,
        maxBidMicros: body.max_bid,
        billableAfter: body.billable_after,
        maxConcurrentCalls: body.max_concurrent_calls,
        timeoutMs: body.timeout_ms,
        ping: readRequest(kit, body.ping, 'ping'),
        answer: body.answer && readAnswer(body.answer),
        post: body.post && readPost(kit, body.post),
        winUrl: readUrl(body.win_url, '/win_url'),
        lossUrl: readUrl(body.loss_url, '/loss_url'),
        secrets: mergeSecrets({}, body.secrets),
      })
    },
    async changes(body, current) {
      const owner = body.criteria ? await stores.accounts.find(current.accountId) : null
      if (body.target_id) await targetOf(current.accountId, body.target_id)
      if (body.campaign_id) await campaignOf(current.accountId, body.campaign_id)
      const changes = given({
        targetId: body.target_id,
        campaignId: body.campaign_id,
        name: body.name,
        status: body.status,
        dialect: body.dialect,
        criteria: owner && body.criteria ? readCriteria(kit, body.criteria, owner.timezone) : undefined,
        maxBidMicros: body.max_bid,
        billableAfter: body.billable_after,
        maxConcurrentCalls: body.max_concurrent_calls,
        timeoutMs: body.timeout_ms,
        ping: body.ping && readRequest(kit, body.ping, 'ping'),
        answer: body.answer && readAnswer(body.answer),
        post: body.post && readPost(kit, body.post),
        winUrl: body.win_url === undefined ? undefined : readUrl(body.win_url, '/win_url'),
        lossUrl: body.loss_url === undefined ? undefined : readUrl(body.loss_url, '/loss_url'),
        secrets: body.secrets && mergeSecrets(current.secrets, body.secrets),
      })
      requireWhole({ ...current, ...changes })
      return changes
    },
    print: (bidder, currency) =>
      print(bidder, kit.bidders.stateOf(bidder.id) ?? { ...UNKNOWN, waitsMs: bidder.timeoutMs }, currency),
  })
}
