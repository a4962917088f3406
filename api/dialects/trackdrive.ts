import { formatMoney } from '../../model/money.ts'
import type { PingAnswer } from '../../model/ping.ts'
import type { Answer } from '../endpoint.ts'
import { addressOf, given, others, type Dialect } from './dialect.ts'

const KNOWN = new Set([
  'caller_id',
  'trackdrive_number',
  'number',
  'zip',
  'caller_zip',
  'zip_code',
  'vertical',
  'ping_id',
  'buyer_id',
])

const readPing: Dialect['readPing'] = (params) => ({
  caller: given(params, 'caller_id'),
  number: given(params, 'trackdrive_number', 'number'),
  zip: given(params, 'zip', 'caller_zip', 'zip_code'),
  vertical: given(params, 'vertical'),
  tags: others(params, KNOWN),
})

const printFault: Dialect['printFault'] = ({ code, detail }) => ({
  ...refused([detail]),
  status: code === 'no_such_key' ? 401 : 422,
})

/** Trackdrive's ping: `/api/v1/inbound_webhooks/ping/{vanity_uri}`. Who bids is not told: the exchange is the one buyer. */
export const trackdrivePing: Dialect = {
  readPing,
  printFault,
  printAnswer(answer) {
    if (answer.kind !== 'accepted') return unsold(answer)
    const bid = Number(formatMoney(answer.payoutMicros))
    const buyer = { buyer_id: 1, id: 1, name: 'Exchange', bid, bid_price: bid, ping_id: answer.token }
    return {
      status: 200,
      body: { success: true, status: 'accepted', try_all_buyers_ping_id: answer.token, buyers: [buyer] },
    }
  },
}

/** Its post, which is told where the call goes: `/api/v1/inbound_webhooks/post/{vanity_uri}`. */
export const trackdrivePost: Dialect = {
  readPing,
  printFault,
  printAnswer(answer) {
    if (answer.kind !== 'accepted') return unsold(answer)
    return {
      status: 200,
      body: {
        success: true,
        status: 'accepted',
        ping_id: answer.token,
        forwarding_number: answer.number,
        forwarding_number_status: 'accepted',
        forwarding_number_sip_address: addressOf(answer.sipUri),
        expires_at: answer.expiresAt.toISOString(),
      },
    }
  },
}

function unsold(answer: Exclude<PingAnswer, { kind: 'accepted' }>): Answer {
  if (answer.kind === 'rejected') return refused(answer.reasons.map(({ reason }) => reason))
  const headers = { 'retry-after': String(answer.retryAfterSeconds) }
  return { ...refused([`at most ${answer.perSecond} pings a second`]), status: 429, headers }
}

function refused(errors: readonly string[]): Answer {
  return { status: 200, body: { success: false, status: 'rejected', errors, buyers: [] } }
}
