import { z } from 'zod'
import { isOfRule } from '../compliance/fraud/rules/timed-blocks.ts'
import { FRAUD_BLOCK_KINDS, type FraudBlock, type FraudBlockKind } from '../model/fraud.ts'
import type { AccountId } from '../model/ids.ts'
import { crud, given } from './crud.ts'
import { ADMIN, type Endpoint } from './endpoint.ts'
import { phoneAt, type Kit } from './kit.ts'
import { invalid } from './problems.ts'
import * as s from './schemas.ts'
import { nameOf } from './suppression-import.ts'

/** A year: what is to be refused for ever is a matter for the list of blocked callers. */
const MAX_MINUTES = 525_600
/** A block of a thousand numbers: `+1`, area code, exchange and one digit. */
const BLOCK = /^\+1[2-9]\d{2}[2-9]\d{2}\d$/

const minutes = z.int().min(1).max(MAX_MINUTES)
const Create = z.strictObject({
  kind: z.enum(FRAUD_BLOCK_KINDS),
  value: z.string().max(64).meta({
    description: 'caller: a number; block: +1NPANXXX; number and trunk: an id',
  }),
  seller_id: s
    .id<AccountId>()
    .nullable()
    .default(null)
    .meta({ description: 'Of a caller or block: only calls through this seller; null: through every one' }),
  minutes,
  reason: s.text(200),
})
const Patch = z.strictObject({ minutes, reason: s.text(200) }).partial()
const Answer = z.strictObject({
  id: s.printedId(),
  kind: z.enum(FRAUD_BLOCK_KINDS),
  value: z.string(),
  seller_id: s.printedId().nullable(),
  until: s.printedTime(),
  active: z.boolean(),
  reason: z.string(),
  made_by: z.string(),
  ...s.printedStored,
})

/**
 * Timed blocks: those that rules have made and those that people make. Deleting one lifts it for the next call; whoever changes one that a rule
 * has made takes it over, and it is a person's from then on: in force whatever `fraud.mode` is.
 */
export function fraudBlockEndpoints(kit: Kit): Endpoint[] {
  const { stores, clock } = kit
  const end = (forMinutes: number): Date => new Date(clock.now() + forMinutes * 60_000)

  async function valueOf(kind: FraudBlockKind, value: string): Promise<string> {
    if (kind === 'caller') return phoneAt(kit, '/value', value)
    if (kind === 'block') {
      if (!BLOCK.test(value)) throw invalid('/value', 'must be +1, area code, exchange and one digit', 'invalid_block')
      return value
    }
    const found = kind === 'number' ? await stores.numbers.find(value) : await stores.trunks.find(value)
    if (found === null) throw invalid('/value', `there is no such ${kind}`, 'not_found')
    return value
  }

  async function checkSeller(kind: FraudBlockKind, sellerId: AccountId | null): Promise<void> {
    if (sellerId === null) return
    if (kind !== 'caller' && kind !== 'block')
      throw invalid('/seller_id', 'is of blocks of a caller or of a block of numbers', 'not_allowed')
    if ((await stores.accounts.find(sellerId))?.type !== 'seller')
      throw invalid('/seller_id', 'there is no such seller', 'not_found')
  }

  return crud(kit, {
    name: 'fraud/blocks',
    noun: 'fraud block',
    store: stores.fraudBlocks,
    who: ADMIN,
    ownerTypes: ['operator'],
    create: Create,
    patch: Patch,
    answer: Answer,
    owner: async (_body, caller) => (await stores.accounts.find(caller.accountId))!,
    async draft({ kind, value: named, seller_id: sellerId, minutes: long, reason }, _owner, caller) {
      const { accountId } = caller
      await checkSeller(kind, sellerId)
      const value = await valueOf(kind, named)
      return { accountId, kind, value, sellerId, until: end(long), reason, madeBy: nameOf(caller) }
    },
    changes({ minutes: long, reason }, current, caller) {
      const isTakenOver = isOfRule(current) && (long !== undefined || reason !== undefined)
      const madeBy = isTakenOver ? `${nameOf(caller)}, after ${current.madeBy}` : undefined
      return given({ until: long === undefined ? undefined : end(long), reason, madeBy })
    },
    print({ id, kind, value, sellerId, until, reason, madeBy, ...stored }: FraudBlock): z.input<typeof Answer> {
      const active = until.getTime() > clock.now()
      return {
        id,
        kind,
        value,
        seller_id: sellerId,
        until: s.printTime(until),
        active,
        reason,
        made_by: madeBy,
        ...s.printStored(stored),
      }
    },
  })
}
