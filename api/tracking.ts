import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Role } from '../model/account.ts'
import type { CallRecord } from '../model/cdr.ts'
import type { AccountId, CallId } from '../model/ids.ts'
import {
  TRACKING_REFUSALS,
  TRACKING_TYPES,
  type StoredTracking,
  type TrackedEvent,
  type TrackingId,
  type TrackingType,
} from '../model/tracking.ts'
import { mayReadCall } from './call-views.ts'
import { endpoint, EVERYONE, type Answer, type Endpoint } from './endpoint.ts'
import { notFound, type Kit } from './kit.ts'
import { StoreUnavailable } from './needs.ts'
import { invalid, Problem } from './problems.ts'
import { Recent } from './recent.ts'
import * as s from './schemas.ts'
import { tags } from './tags.ts'
import { createTrackingLinks, type TrackingLink } from './tracking-links.ts'

/** Calls looked up lately: a page's second event needs no database. */
const MAX_REMEMBERED = 10_000
const MEMORY_MS = 3_600_000
/** So long a report waits for its call to be looked up, ms; later it is taken unchecked. */
const LOOKUP_MS = 1_000
/** Look-ups at once: beyond it a report is taken unchecked, so that a slow database holds no crowd. */
const MAX_LOOKUPS = 200

const fields = {
  event_id: s
    .text(200)
    .optional()
    .meta({ description: 'As you number your reports: one that comes again under the same number changes nothing' }),
  transaction_id: s
    .text(200)
    .optional()
    .meta({ description: 'Without event_id: what tells several events of one type and call apart' }),
  amount: s
    .money()
    .optional()
    .meta({ description: 'Of a sale, what it sold for; of a refund, what went back (all if left out)' }),
  currency: s.currency().optional().meta({ description: 'The call’s, which it is if left out' }),
  occurred_at: s.instant().optional(),
}
const Body = z.strictObject({ ...fields, call_id: s.id<CallId>(), tags: tags.optional() })
const Query = z.strictObject({
  ...fields,
  key: z.string().max(100).meta({ description: 'From GET /calls/{id}/tracking-link' }),
})
type Details = Omit<z.output<typeof Body>, 'call_id'>

const Taken = z.strictObject({
  id: s.printedId(),
  call_id: s.printedId(),
  type: z.enum(TRACKING_TYPES),
  received_at: s.printedTime(),
  checked: z.boolean().meta({ description: 'False: whether the call is yours is seen when the database is back' }),
})

const EventAnswer = z.strictObject({
  id: s.printedId(),
  call_id: s.printedId(),
  account_id: s.printedId(),
  type: z.enum(TRACKING_TYPES),
  event_id: z.string().nullable(),
  transaction_id: z.string().nullable(),
  amount: s.printedMoney().nullable(),
  currency: z.string().nullable(),
  occurred_at: s.printedTime().nullable(),
  received_at: s.printedTime(),
  tags: z.record(z.string(), z.string()),
  counts: z.boolean(),
  refused: z.strictObject({ code: z.string(), reason: z.string() }).nullable(),
})
const ListQuery = z.strictObject({
  ...s.pageQuery,
  call_id: s.id<CallId>().optional(),
  type: z.enum(TRACKING_TYPES).optional(),
})

/** The smallest picture there is: 1 × 1, transparent. */
const PIXEL = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')

type Parties = Pick<CallRecord, 'sellerId' | 'buyerId' | 'currency'>

/** What became of a call: reported by those it was sold to and by, counted at once, kept whether or not the database is there. */
export function trackingEndpoints(kit: Kit): Endpoint[] {
  const { stores, liveCalls, clock } = kit
  const links = createTrackingLinks(kit.keys.privateKeyPem)
  const known = new Recent<Parties>(MAX_REMEMBERED, MEMORY_MS, () => clock.now())
  let lookups = 0

  /** Null: there is no such call. 'unknown': nobody can say now. */
  async function partiesOf(callId: CallId): Promise<Parties | null | 'unknown'> {
    const found = liveCalls.find(callId) ?? known.get(callId)
    if (found) return found
    if (lookups >= MAX_LOOKUPS) return 'unknown'
    lookups++
    const mayMiss = kit.tracking.mayMissCalls() // Before the look-up: what is missing then may be there right after it.
    const lookup = stores.calls.parties(callId).finally(() => lookups--)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'unknown'>((resolve) => (timer = setTimeout(() => resolve('unknown'), LOOKUP_MS)))
    try {
      const call = await Promise.race([lookup, late])
      if (call === null) return mayMiss ? 'unknown' : null
      if (call === 'unknown') return call
      const { sellerId, buyerId, currency } = call
      // What it was sold to is known for good only at its end.
      if (call.state === 'ended') known.set(callId, { sellerId, buyerId, currency })
      return call
    } catch (error) {
      if (error instanceof StoreUnavailable) return 'unknown'
      throw error
    } finally {
      lookup.catch(() => undefined) // When it came too late, it fails unheard.
      clearTimeout(timer)
    }
  }

  async function take(word: string, { callId, accountId, role }: TrackingLink, details: Details): Promise<Answer> {
    const type = TRACKING_TYPES.find((each) => each === word)
    if (!type) throw invalid('/type', `must be one of ${TRACKING_TYPES.join(', ')}`, 'unknown_type')
    if (type === 'sale' && details.amount === undefined) throw invalid('/amount', 'a sale has an amount', 'required')
    if (details.currency !== undefined && details.amount === undefined)
      throw invalid('/amount', 'a currency without an amount says nothing', 'required')
    const receivedAt = new Date(clock.now())
    if (details.occurred_at && details.occurred_at > new Date(receivedAt.getTime() + FUTURE_MS))
      throw invalid('/occurred_at', 'is in the future', 'in_future')
    const parties = await partiesOf(callId)
    const isChecked = parties !== 'unknown'
    if (isChecked) {
      if (!parties || !isParty(parties, accountId, role)) throw notFound('call')
      if (details.currency !== undefined && details.currency !== parties.currency)
        throw invalid('/currency', `the call is in ${parties.currency}`, 'wrong_currency')
    } else if (details.amount !== undefined && details.currency === undefined)
      // Nobody can say what the amount is in.
      throw new StoreUnavailable('the call’s currency cannot be looked up')
    const event: TrackedEvent = {
      id: trackingId(callId, accountId, type, details),
      callId,
      accountId,
      role,
      type,
      eventId: details.event_id ?? null,
      transactionId: details.transaction_id ?? null,
      amountMicros: details.amount ?? null,
      currency: details.amount === undefined ? null : (details.currency ?? (parties as Parties).currency),
      occurredAt: details.occurred_at ?? null,
      receivedAt,
      tags: details.tags ?? {},
    }
    await kit.tracking.add(event, isChecked)
    const body: z.input<typeof Taken> = {
      id: event.id,
      call_id: callId,
      type,
      received_at: s.printTime(receivedAt),
      checked: isChecked,
    }
    return { status: isChecked ? 200 : 202, body }
  }

  const tag = 'tracking'
  return [
    endpoint({
      tag,
      who: EVERYONE,
      method: 'post',
      path: '/track/{type}',
      bare: true,
      isBusy: true,
      summary: `Report what became of a call: ${TRACKING_TYPES.join(', ')}`,
      body: Body,
      answers: { 200: Taken, 202: Taken },
      handle({ caller, params, body }) {
        const { call_id: callId, ...details } = body
        return take(params['type']!, { callId, accountId: caller.accountId, role: caller.role }, details)
      },
    }),
    endpoint({
      tag,
      who: 'anyone',
      method: 'get',
      path: '/track/{type}',
      bare: true,
      summary: 'The same by a link with a key, as a pixel or a postback: answers with a picture',
      query: Query,
      otherTypes: ['image/gif'],
      answers: { 200: 'A transparent picture of one pixel', 202: 'The same: it is checked when the database is back' },
      async handle({ params, query }) {
        const { key, ...details } = query
        const link = links.read(key)
        if (!link) throw new Problem('unauthorized', 'The key is not one that was made here.')
        const { status } = await take(params['type']!, link, details)
        return { status, content: { type: 'image/gif', bytes: PIXEL } }
      },
    }),
    endpoint({
      tag,
      who: EVERYONE,
      method: 'get',
      path: '/calls/{id}/tracking-link',
      summary: 'A key with which whoever holds it reports on this call as you',
      answers: { 200: z.strictObject({ key: z.string(), path: z.string() }) },
      async handle({ caller, params }) {
        const callId = params['id'] as CallId
        const call = liveCalls.find(callId) ?? (await stores.calls.find(callId))
        if (!call || !mayReadCall(call, caller)) throw notFound('call')
        const key = links.keyOf({ callId, accountId: caller.accountId, role: caller.role })
        return { status: 200, body: { key, path: `/track/conversion?key=${key}` } }
      },
    }),
    endpoint({
      tag,
      who: EVERYONE,
      method: 'get',
      path: '/tracking-events',
      summary: 'What you have reported, newest first, and whether it counts',
      query: ListQuery,
      answers: { 200: s.pageOf(EventAnswer) },
      async handle({ caller, query }) {
        const page = await stores.tracking.list(kit.cursors.request('tracking', query), {
          ...(caller.role !== 'admin' && { accountId: caller.accountId }),
          ...(query.call_id && { callId: query.call_id }),
          ...(query.type && { type: query.type }),
        })
        return { status: 200, body: kit.cursors.answer('tracking', page, view) }
      },
    }),
  ]
}

/** Clocks of others are not ours. */
const FUTURE_MS = 3_600_000

function isParty(parties: Parties, accountId: AccountId, role: Role): boolean {
  return role === 'admin' || (role === 'seller' ? parties.sellerId : parties.buyerId) === accountId
}

/** The same for the same report: by its own number, else by its call, type and transaction. A UUID of version 8 (RFC 9562 §5.8). */
function trackingId(callId: CallId, accountId: AccountId, type: TrackingType, details: Details): TrackingId {
  const key =
    details.event_id === undefined
      ? ['transaction', accountId, callId, type, details.transaction_id ?? '']
      : ['event', accountId, details.event_id]
  const bytes = createHash('sha256').update(key.join('\n')).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join(
    '-',
  ) as TrackingId
}

function view(event: StoredTracking): z.input<typeof EventAnswer> {
  const { refused } = event
  return {
    id: event.id,
    call_id: event.callId,
    account_id: event.accountId,
    type: event.type,
    event_id: event.eventId,
    transaction_id: event.transactionId,
    amount: s.printMoney(event.amountMicros),
    currency: event.currency,
    occurred_at: s.printTime(event.occurredAt),
    received_at: s.printTime(event.receivedAt),
    tags: { ...event.tags },
    counts: refused === null,
    refused: refused && { code: refused, reason: TRACKING_REFUSALS[refused] },
  }
}
