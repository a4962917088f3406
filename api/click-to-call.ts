import { z } from 'zod'
import type { AccountId, TrunkId } from '../model/ids.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { Trunk } from '../model/trunk.ts'
import { endpoint, SELLERS, type Caller, type Endpoint } from './endpoint.ts'
import { IceServersAnswer, iceServersFor } from './ice-servers.ts'
import { maySee, phoneAt, type Kit } from './kit.ts'
import { invalid, Problem } from './problems.ts'
import { createRateLimit } from './rate-limit.ts'
import * as s from './schemas.ts'
import { sipUrlsFor } from './webrtc.ts'

const MAX_TTL_S = 300
const DEFAULT_TTL_S = 120
const MAX_USES = 10
/** A seller with more inbound trunks than this must say which. */
const MAX_TRUNKS_SEARCHED = 100

const origin = () =>
  z
    .string()
    .max(256)
    .transform((input, ctx): string => {
      const parsed = URL.parse(input)
      const isPlain = parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.origin === input.toLowerCase()
      if (isPlain) return parsed.origin
      return s.refuse(ctx, input, 'invalid_origin', 'must be an origin, such as https://www.example.com')
    })
    .meta({
      description: 'The page’s origin, as its browser says it: scheme, host, and the port if it is not the usual',
    })

const Create = z.strictObject({
  number: z.string().max(64).meta({ description: 'The seller’s number that may be called, and no other' }),
  origin: origin(),
  from: z
    .string()
    .max(64)
    .nullable()
    .default(null)
    .meta({ description: 'The consumer’s number, if the seller knows it' }),
  zip: z
    .string()
    .regex(/^\d{5}$/, 'must be five digits')
    .nullable()
    .default(null),
  uses: z.int().min(1).max(MAX_USES).default(1).meta({ description: 'How many calls it is good for' }),
  ttl: z.int().min(10).max(MAX_TTL_S).default(DEFAULT_TTL_S).meta({ description: 'Seconds' }),
  trunk_id: s.id<TrunkId>().optional().meta({ description: 'Needed when the seller has several inbound trunks' }),
})

const Answer = z.strictObject({
  token: z.string().nullable().meta({ description: '`username.password` of SIP digest; shown once, null in a repeat' }),
  number: z.string(),
  origin: z.string(),
  uses: z.int(),
  expires_at: s.printedTime(),
  sip: z.strictObject({ urls: z.array(z.string()), realm: z.string() }),
  ice_servers: IceServersAnswer.shape.ice_servers,
})

/** Click-to-call: what a seller's server hands to its page, so that a visitor may place one call and nothing else. */
export function clickToCallEndpoints(kit: Kit): Endpoint[] {
  const { stores, sip, clock, settings } = kit
  const rateLimit = createRateLimit(settings.webrtc.tokensPerMinute, clock)

  /** The number must be the caller's to sell; an administrator makes tokens for anybody's. Throws 422. */
  function sellerOf(caller: Caller, number: PhoneNumber): AccountId {
    const owner = kit.clickTokens.ownerOf(number)
    if (owner === null || !maySee(caller, owner)) throw invalid('/number', 'is none of your numbers', 'not_found')
    return owner
  }

  async function trunkFor(seller: AccountId, trunkId: TrunkId | undefined): Promise<Trunk> {
    if (trunkId !== undefined) {
      const trunk = await stores.trunks.find(trunkId)
      if (trunk?.accountId === seller && trunk.direction === 'inbound') return trunk
      throw invalid('/trunk_id', 'there is no such inbound trunk', 'not_found')
    }
    const { data } = await stores.trunks.list({ limit: MAX_TRUNKS_SEARCHED, cursor: null }, { accountId: seller })
    const inbound = data.filter(({ direction }) => direction === 'inbound')
    if (inbound.length === 1) return inbound[0]!
    const detail = inbound.length === 0 ? 'the seller has no inbound trunk' : 'say which of your inbound trunks'
    throw invalid('/trunk_id', detail, 'required')
  }

  return [
    endpoint({
      tag: 'click-to-call',
      who: SELLERS,
      method: 'post',
      path: '/click-to-call/tokens',
      summary: 'Make a token with which a visitor of your page may call your number',
      body: Create,
      answers: { 201: Answer },
      async handle({ caller, body, raw }) {
        rateLimit(caller.accountId, '')
        const number = phoneAt(kit, '/number', body.number)
        const from = body.from === null ? null : phoneAt(kit, '/from', body.from)
        const trunk = await trunkFor(sellerOf(caller, number), body.trunk_id)
        const ttlMs = body.ttl * 1000
        const { origin: page, zip, uses } = body
        const issued = kit.clickTokens.issue({ trunkId: trunk.id, number, from, zip, origin: page, uses, ttlMs })
        if (issued === null)
          throw new Problem('too_many_tokens', 'Others have not been used yet; try again in a minute.')
        const told = {
          number,
          origin: page,
          uses,
          expires_at: s.printTime(new Date(clock.now() + ttlMs)),
          sip: { urls: sipUrlsFor(kit, raw.headers.host), realm: sip.realm },
          ice_servers: iceServersFor(kit, issued.username).ice_servers,
        }
        return {
          status: 201,
          body: { token: `${issued.username}.${issued.password}`, ...told },
          bodyForRepeats: { token: null, ...told, ice_servers: [] },
        }
      },
    }),
  ]
}
