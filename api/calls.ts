import { z } from 'zod'
import type { CallMonitor } from '../model/call-monitor.ts'
import type { CallRecord } from '../model/cdr.ts'
import type { AccountId, CallId } from '../model/ids.ts'
import { CallAnswer, mayReadCall, viewCall } from './call-views.ts'
import { tellDecision } from './decision-words.ts'
import { endpoint, EVERYONE, type Caller, type Endpoint } from './endpoint.ts'
import { notFound, phoneAt, type Kit } from './kit.ts'
import type { CallFilter, Page, PageRequest } from './needs.ts'
import { Problem } from './problems.ts'
import * as s from './schemas.ts'

const OUTCOMES = ['answered', 'refused', 'no_sale', 'busy', 'no_answer', 'failed', 'cancelled', 'interrupted'] as const
const STATES = ['received', 'screening', 'auction', 'ringing', 'answered', 'ended'] as const

const Query = z.strictObject({
  ...s.pageQuery,
  state: z.enum(STATES).optional(),
  outcome: z.enum(OUTCOMES).optional(),
  from: z.string().max(64).optional(),
  to: z.string().max(255).optional(),
  sip_call_id: z
    .string()
    .max(1024)
    .regex(/^[\x21-\x7e]+$/)
    .describe('The Call-ID of the carrier’s INVITE; buyers find nothing by it')
    .optional(),
  since: s.instant().optional(),
  until: s.instant().optional(),
  seller_id: s.id<AccountId>().optional(),
  buyer_id: s.id<AccountId>().optional(),
})

/** Calls, those in progress first: what is up is read from the gateway's memory, what is over from the records. */
export function callEndpoints(kit: Kit): Endpoint[] {
  const { stores, liveCalls } = kit

  async function find(caller: Caller, id: CallId): Promise<CallRecord> {
    const call = liveCalls.find(id) ?? (await stores.calls.find(id))
    if (!call || !mayReadCall(call, caller)) throw notFound('call')
    return call
  }

  /** What is up is told from memory, also while the database is away: without its recording then. */
  async function view(call: CallRecord, caller: Caller): Promise<ReturnType<typeof viewCall>> {
    const reading = kit.recordings.of([call.id])
    const recordings = call.state === 'ended' ? await reading : await reading.catch(() => [])
    return viewCall(call, caller, recordings, monitorsOf(call))
  }

  /** How its auction came out, as far as the caller may know; null also while the database is away. */
  async function decisionOf({ id, auctionId, bidId }: CallRecord, caller: Caller): Promise<string[] | null> {
    if (auctionId === null || caller.role === 'seller') return null
    const auction = liveCalls.findAuctionByCall(id) ?? (await stores.auctions.findByCall(id).catch(() => null))
    if (auction === null) return null
    const lines = tellDecision(auction, caller.role === 'buyer' ? { buyerId: caller.accountId, wonBidId: bidId } : null)
    return lines.length > 0 ? lines : null
  }

  /** One that has ended has none, though their ends may still be being written. */
  function monitorsOf({ id, state }: CallRecord): readonly CallMonitor[] {
    return state === 'ended' ? [] : kit.monitoring.of(id)
  }

  /** First the calls in progress, then the store's pages; the cursor says which of the two it is in. */
  async function page({ limit, cursor }: PageRequest, filter: CallFilter): Promise<Page<CallRecord>> {
    const stored = cursor?.startsWith('stored ') ? cursor.slice(7) : null
    const live = stored === null ? liveAfter(cursor?.slice(5) ?? null, filter).slice(0, limit) : []
    if (live.length === limit) return { data: live, nextCursor: `live ${live.at(-1)!.id}` }
    const rest = await stores.calls.list({ limit: limit - live.length, cursor: stored === '' ? null : stored }, filter)
    // A call in progress may be stored too, since its answer, and may have ended while the store was read: listed once.
    const listed = new Set(live.map((call) => call.id))
    const ended = rest.data.filter((call) => !listed.has(call.id) && liveCalls.find(call.id) === null)
    return { data: [...live, ...ended], nextCursor: rest.nextCursor === null ? null : `stored ${rest.nextCursor}` }
  }

  /** Calls in progress older than the one named, newest first; ids of version 7 sort by time. */
  function liveAfter(after: string | null, filter: CallFilter): CallRecord[] {
    return liveCalls.list().filter((call) => (after === null || call.id < after) && matches(call, filter))
  }

  const common = { tag: 'calls', who: EVERYONE } as const
  return [
    endpoint({
      ...common,
      method: 'get',
      path: '/calls',
      summary: 'List calls, those in progress first, then newest first',
      query: Query,
      answers: { 200: s.pageOf(CallAnswer) },
      async handle({ caller, query }) {
        const request = kit.cursors.request('calls', query)
        const filter = filterOf(kit, query, caller)
        const found = filter ? await page(request, filter) : { data: [], nextCursor: null }
        const recordings = await kit.recordings.of(found.data.map(({ id }) => id))
        const print = (call: CallRecord) => viewCall(call, caller, recordings, monitorsOf(call))
        return { status: 200, body: kit.cursors.answer('calls', found, print) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/calls/{id}',
      summary: 'Read a call: legs, CDR and decision trace',
      answers: { 200: CallAnswer },
      async handle({ caller, params }) {
        const call = await find(caller, params['id'] as CallId)
        const [body, decision] = await Promise.all([view(call, caller), decisionOf(call, caller)])
        return { status: 200, body: { ...body, decision } }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/calls/{id}/hangup',
      summary: 'Hang up a call in progress; its end is announced as call.ended',
      answers: { 202: CallAnswer },
      async handle({ caller, params }) {
        const call = await find(caller, params['id'] as CallId)
        // One that has just ended stays among the live ones for a moment: there is nothing left to hang up.
        if (call.state === 'ended' || !liveCalls.hangUp(call.id)) {
          throw new Problem('call_not_up', 'The call has ended already.')
        }
        return { status: 202, body: await view(liveCalls.find(call.id) ?? call, caller) }
      },
    }),
  ]
}

/** What to look for, within what the caller may see; null when that is nothing. */
function filterOf(kit: Kit, query: z.output<typeof Query>, caller: Caller): CallFilter | null {
  let { seller_id: sellerId, buyer_id: buyerId } = query
  if (caller.role === 'seller') {
    if (buyerId !== undefined || (sellerId ?? caller.accountId) !== caller.accountId) return null
    sellerId = caller.accountId
  }
  if (caller.role === 'buyer') {
    if ((buyerId ?? caller.accountId) !== caller.accountId || query.sip_call_id !== undefined) return null
    buyerId = caller.accountId
  }
  const to = query.to === undefined ? undefined : (kit.validatePhone(query.to).e164 ?? query.to)
  return {
    ...(sellerId ? { sellerId } : {}),
    ...(buyerId ? { buyerId } : {}),
    ...(query.outcome ? { outcome: query.outcome } : {}),
    ...(query.state ? { state: query.state } : {}),
    ...(query.from ? { from: phoneAt(kit, '/query/from', query.from) } : {}),
    ...(to ? { to } : {}),
    ...(query.sip_call_id === undefined ? {} : { sipCallId: query.sip_call_id }),
    ...(query.since ? { since: query.since } : {}),
    ...(query.until ? { until: query.until } : {}),
  }
}

/** The store's filter, for calls it does not have yet: `since` inclusive, `until` exclusive. */
function matches(call: CallRecord, filter: CallFilter): boolean {
  return (
    (filter.sellerId === undefined || call.sellerId === filter.sellerId) &&
    (filter.buyerId === undefined || call.buyerId === filter.buyerId) &&
    (filter.outcome === undefined || call.outcome === filter.outcome) &&
    (filter.state === undefined || call.state === filter.state) &&
    (filter.from === undefined || call.ani === filter.from) &&
    (filter.to === undefined || call.dnis === filter.to) &&
    (filter.sipCallId === undefined || call.legs[0]?.sipCallId === filter.sipCallId) &&
    (filter.since === undefined || call.receivedAt >= filter.since) &&
    (filter.until === undefined || call.receivedAt < filter.until)
  )
}
