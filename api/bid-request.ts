import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import type { AccountId } from '../model/ids.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import { pingReason, type Ping, type PingAnswer } from '../model/ping.ts'
import { endpoint, SELLERS, type Answer, type Caller, type Endpoint } from './endpoint.ts'
import { maySee, phoneAt, type Kit } from './kit.ts'
import { tags } from './tags.ts'
import { invalid, Problem } from './problems.ts'
import * as s from './schemas.ts'

const Body = z.strictObject({
  caller: z.string().max(64).nullable().meta({ description: 'E.164; null when the caller withholds it' }),
  number: z.string().max(64).meta({ description: 'Your number the call would come to, E.164' }),
  vertical: s.vertical().optional().meta({ description: 'In place of the number’s' }),
  zip: z
    .string()
    .regex(/^\d{5}$/, 'must be five digits')
    .optional()
    .meta({ description: 'Where the caller is, if you know' }),
  tags: tags.optional().meta({ description: 'Beside the number’s own' }),
})

const Reason = z.strictObject({ code: z.string(), number: z.int(), reason: z.string() })
const Accepted = z.strictObject({
  accepted: z.literal(true),
  bid_amount: s.printedMoney().meta({ description: 'What you are paid' }),
  currency: z.string(),
  billable_after: z.int().meta({ description: 'Seconds the call must last to be paid' }),
  expires_at: s.printedTime(),
  sip_uri: z.string().meta({ description: 'Where to send the call; its token is in the user part' }),
  number: z.string().meta({ description: 'Or where to call, from the same caller' }),
  token: z.string(),
  auction_id: s.printedId(),
})
const Rejected = z.strictObject({
  accepted: z.literal(false),
  reasons: z.array(Reason),
  auction_id: s.printedId().nullable(),
})
type View = z.input<typeof Accepted> | z.input<typeof Rejected>

/** Ping and post: what would a call bring? */
export function bidRequestEndpoints(kit: Kit): Endpoint[] {
  return [
    endpoint({
      tag: 'ping and post',
      who: SELLERS,
      takesPingKeys: true,
      method: 'post',
      path: '/bid-request',
      bare: true,
      isBusy: true,
      summary: 'Ask what a call would bring; the call that follows in time gets that price',
      body: Body,
      answers: { 200: z.union([Accepted, Rejected]) },
      async handle({ caller, body, raw }): Promise<Answer> {
        const number = phoneAt(kit, '/number', body.number)
        const ping: Ping = {
          sellerId: sellerOf(kit, caller, number),
          caller: body.caller === null ? null : phoneAt(kit, '/caller', body.caller),
          number,
          vertical: body.vertical ?? null,
          zip: body.zip ?? null,
          tags: body.tags ?? {},
        }
        return { status: 200, body: view(unlimited(await askOnce(kit, ping, raw))) }
      },
    }),
  ]
}

/** What a ping is answered; one of our own to a bidder, sent on to us, has gone round in a circle. */
export function askOnce(kit: Kit, ping: Ping, { headers }: IncomingMessage): PingAnswer | Promise<PingAnswer> {
  const mark = headers['x-dce-ping']
  if (kit.bidders.isOurs(typeof mark === 'string' ? mark : undefined))
    return { kind: 'rejected', auctionId: null, reasons: [pingReason('loop')] }
  return kit.pings.ask(ping)
}

/** The number must be the caller's to sell; an administrator asks for anybody. Throws 422. */
function sellerOf(kit: Kit, caller: Caller, number: PhoneNumber): AccountId {
  const owner = kit.pings.ownerOf(number)
  if (owner === null || !maySee(caller, owner)) throw invalid('/number', 'is none of your numbers', 'not_found')
  return owner
}

/** Throws 429 for a seller that asks too often. */
function unlimited(answer: PingAnswer): Exclude<PingAnswer, { kind: 'limited' }> {
  if (answer.kind !== 'limited') return answer
  const { perSecond, retryAfterSeconds } = answer
  throw new Problem('too_many_requests', `At most ${perSecond} pings a second; try again in ${retryAfterSeconds} s.`, {
    headers: { 'retry-after': String(retryAfterSeconds) },
  })
}

function view(answer: Exclude<PingAnswer, { kind: 'limited' }>): View {
  if (answer.kind === 'rejected') {
    return { accepted: false, reasons: [...answer.reasons], auction_id: answer.auctionId }
  }
  return {
    accepted: true,
    bid_amount: s.printMoney(answer.payoutMicros),
    currency: answer.currency,
    billable_after: answer.billableAfter,
    expires_at: s.printTime(answer.expiresAt),
    sip_uri: answer.sipUri,
    number: answer.number,
    token: answer.token,
    auction_id: answer.auctionId,
  }
}
