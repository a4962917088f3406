import { z } from 'zod'
import type { Account } from '../model/account.ts'
import type { AccountId, TrunkId } from '../model/ids.ts'
import type { SipUser } from '../model/sip-user.ts'
import { crud, given } from './crud.ts'
import { EVERYONE, type Endpoint } from './endpoint.ts'
import type { Kit } from './kit.ts'
import { invalid } from './problems.ts'
import * as s from './schemas.ts'

const STATUSES = ['active', 'suspended'] as const

const fields = {
  password: s.newPassword(),
  status: z.enum(STATUSES),
  trunk_id: s.id<TrunkId>().nullable(),
}
const Create = z.strictObject({
  account_id: s.id<AccountId>().optional(),
  // RFC 3261 §25.1 `user`, less escapes and what would have to be escaped elsewhere.
  username: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.!~*+-]{0,63}$/, 'must be at most 64 letters, digits and _.!~*+-')
    .meta({ description: 'The user part of the address of record; it stays' }),
  ...fields,
  status: fields.status.default('active'),
  trunk_id: fields.trunk_id.default(null),
})
const Patch = z.strictObject(fields).partial()

const Binding = z.strictObject({
  contact: z.string(),
  transport: z.string(),
  source: z.string(),
  user_agent: z.string().nullable(),
  expires_at: s.printedTime(),
})
const Answer = z.strictObject({
  id: s.printedId(),
  account_id: s.printedId(),
  username: z.string(),
  realm: z.string(),
  uri: z.string(),
  status: z.enum(STATUSES),
  trunk_id: s.printedId().nullable(),
  bindings: z.array(Binding),
  ...s.printedStored,
})

/** SIP users: a buyer's agents, whose phones won calls may ring, and a seller's browser callers. */
export function sipUserEndpoints(kit: Kit): Endpoint[] {
  const { sip, stores } = kit

  /** Everything of a user but its password, which only goes in; and where it is registered now. */
  const print = (user: SipUser): z.input<typeof Answer> => ({
    id: user.id,
    account_id: user.accountId,
    username: user.username,
    realm: user.digest.realm,
    uri: `sip:${user.username}@${sip.realm}`,
    status: user.status,
    trunk_id: user.trunkId,
    bindings: sip.bindingsOf(user.id).map((binding) => ({
      contact: binding.contact,
      transport: binding.source.transport,
      source: `${binding.source.host}:${binding.source.port}`,
      user_agent: binding.userAgent,
      expires_at: s.printTime(new Date(binding.expiresAtMs)),
    })),
    ...s.printStored(user),
  })

  /** A seller's users call, on one of its inbound trunks; a buyer's are called. Throws 422. */
  async function requireTrunk(owner: Pick<Account, 'id' | 'type'>, trunkId: TrunkId | null): Promise<void> {
    if (owner.type === 'buyer') {
      if (trunkId !== null) throw invalid('/trunk_id', 'a buyer’s users send no calls', 'not_allowed')
      return
    }
    if (trunkId === null) throw invalid('/trunk_id', 'a seller’s user needs the trunk its calls count as', 'required')
    const trunk = await stores.trunks.find(trunkId)
    if (trunk?.accountId !== owner.id || trunk.direction !== 'inbound')
      throw invalid('/trunk_id', 'there is no such inbound trunk', 'not_found')
  }

  return crud(kit, {
    name: 'sip-users',
    noun: 'SIP user',
    store: stores.sipUsers,
    who: EVERYONE,
    ownerTypes: ['buyer', 'seller'],
    statuses: STATUSES,
    create: Create,
    patch: Patch,
    answer: Answer,
    draft: async (body, owner) => {
      await requireTrunk(owner, body.trunk_id)
      return {
        accountId: owner.id,
        username: body.username,
        status: body.status,
        trunkId: body.trunk_id,
        digest: sip.digestOf(body.username, body.password),
      }
    },
    changes: async (body, current) => {
      if (body.trunk_id !== undefined) {
        const owner = await stores.accounts.find(current.accountId)
        if (owner) await requireTrunk(owner, body.trunk_id)
      }
      return given({
        status: body.status,
        trunkId: body.trunk_id,
        digest: body.password === undefined ? undefined : sip.digestOf(current.username, body.password),
      })
    },
    print,
  })
}
