import { z } from 'zod'
import { ADMIN, endpoint, type Endpoint } from './endpoint.ts'
import type { Kit } from './kit.ts'
import type { SipBan, SipBans } from './sip-ban-list.ts'
import { Problem } from './problems.ts'
import * as s from './schemas.ts'

const BanAnswer = z.strictObject({
  address: z.string(),
  offence: z.enum(['requests', 'malformed', 'authentication', 'scanner']),
  until: s.printedTime(),
  times: z.int(),
  dropped: z.int(),
})
const LIST = 'sip bans'

/** Sources the SIP server does not listen to for a while. */
export function sipBanEndpoints(kit: Kit): Endpoint[] {
  const common = { tag: 'sip', who: ADMIN } as const
  const bans = (): SipBans => {
    if (kit.sipBans) return kit.sipBans
    throw new Problem('not_available', 'The SIP server is not the embedded one: it keeps no such list.')
  }
  const print = ({ address, offence, leftMs, times, dropped }: SipBan): z.input<typeof BanAnswer> => ({
    address,
    offence,
    until: s.printTime(new Date(kit.clock.now() + leftMs)),
    times,
    dropped,
  })
  return [
    endpoint({
      ...common,
      method: 'get',
      path: '/sip/bans',
      summary: 'List banned sources, the latest first',
      query: z.strictObject(s.pageQuery),
      answers: { 200: s.pageOf(BanAnswer) },
      async handle({ query }) {
        const { limit, cursor } = kit.cursors.request(LIST, query)
        const all = await bans().list()
        const start = Number(cursor ?? 0)
        const end = start + limit
        const page = { data: all.slice(start, end), nextCursor: end < all.length ? String(end) : null }
        return { status: 200, body: kit.cursors.answer(LIST, page, print) }
      },
    }),
    endpoint({
      ...common,
      method: 'delete',
      path: '/sip/bans/{address}',
      summary: 'Lift a ban, by the address listed or any in its block; what led to it is forgotten',
      answers: { 204: 'Gone' },
      async handle({ params }) {
        if (await bans().lift(params['address']!)) return { status: 204 }
        throw new Problem('not_found', 'There is no ban of this address.')
      },
    }),
  ]
}
