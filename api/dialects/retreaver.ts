import { formatMoney } from '../../model/money.ts'
import type { Answer } from '../endpoint.ts'
import { addressOf, given, others, type Dialect } from './dialect.ts'

const KNOWN = new Set(['key', 'caller_number', 'inbound_number', 'caller_zip', 'zip', 'vertical'])

/** A reservation of Retreaver's real-time bidding: `/rtbs.json?key=…`. */
export const retreaver: Dialect = {
  readPing: (params) => ({
    caller: given(params, 'caller_number'),
    number: given(params, 'inbound_number'),
    zip: given(params, 'caller_zip', 'zip'),
    vertical: given(params, 'vertical'),
    tags: others(params, KNOWN),
  }),

  printAnswer(answer) {
    if (answer.kind === 'limited') {
      const headers = { 'retry-after': String(answer.retryAfterSeconds) }
      return { ...refused('rate_limited', `at most ${answer.perSecond} a second`), status: 429, headers }
    }
    if (answer.kind === 'rejected') return refused('no_target', answer.reasons[0]!.reason, answer.auctionId)
    return {
      status: 200,
      body: {
        uuid: answer.auctionId,
        status: 'reserved',
        retreaver_payout: Number(formatMoney(answer.payoutMicros)),
        retreaver_seconds: answer.billableAfter,
        inbound_number: answer.number,
        sip_address: addressOf(answer.sipUri),
        expires_at: answer.expiresAt.toISOString(),
        ...(answer.isRepeated && { retreaver_ping_shield: true }),
      },
    }
  },

  printFault: ({ code, detail }) => ({ ...refused('failed', detail), status: code === 'no_such_key' ? 401 : 422 }),
}

function refused(status: string, error: string, uuid: string | null = null): Answer {
  return { status: 200, body: { uuid, status, retreaver_payout: 0, error } }
}
