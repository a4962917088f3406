import { z } from 'zod'
import type { Account, ApiKey } from '../model/account.ts'
import type { AccountId, ApiKeyId } from '../model/ids.ts'
import { endpoint, EVERYONE, type Caller, type Endpoint } from './endpoint.ts'
import { maySee, notFound, type Kit } from './kit.ts'
import { invalid, Problem } from './problems.ts'
import * as s from './schemas.ts'

/** More than any account rotates at once; a loop that makes keys is a mistake. */
const MAX_KEYS_PER_ACCOUNT = 100

const SCOPES = ['all', 'ping'] as const

const KeyAnswer = z.strictObject({
  id: s.printedId(),
  name: z.string(),
  scope: z.enum(SCOPES),
  created_at: s.printedTime(),
})
const NewKeyAnswer = KeyAnswer.extend({
  secret: z.string().nullable().meta({ description: 'Shown once; null in a repeat' }),
})

const print = (key: ApiKey): z.input<typeof KeyAnswer> => ({
  id: key.id,
  name: key.name,
  scope: key.scope,
  created_at: s.printTime(key.createdAt),
})

/** API keys: what programs send in place of an access token. */
export function apiKeyEndpoints(kit: Kit): Endpoint[] {
  const { stores, apiKeys, authenticator } = kit

  async function requireAccount(caller: Caller, id: string): Promise<Account> {
    const account = maySee(caller, id as AccountId) ? await stores.accounts.find(id) : null
    if (!account || account.type === 'external') throw notFound('account')
    return account
  }

  const common = { tag: 'api-keys', who: EVERYONE } as const
  return [
    endpoint({
      ...common,
      method: 'post',
      path: '/accounts/{id}/api-keys',
      summary: 'Make an API key; its secret is in this answer only',
      body: z.strictObject({
        name: s.text(100),
        scope: z
          .enum(SCOPES)
          .default('all')
          .meta({ description: 'ping: for asking what calls would bring alone; only such a key may stand in a URL' }),
      }),
      answers: { 201: NewKeyAnswer },
      async handle({ caller, params, body }) {
        const { id: accountId, type } = await requireAccount(caller, params['id']!)
        if (body.scope === 'ping' && type !== 'seller') throw invalid('/scope', 'pings are for sellers', 'wrong_type')
        if ((await stores.apiKeys.list(accountId)).length >= MAX_KEYS_PER_ACCOUNT) {
          throw new Problem('conflict', `An account has at most ${MAX_KEYS_PER_ACCOUNT} keys; delete one first.`)
        }
        const { secret, hash } = apiKeys.generate()
        const key = await stores.apiKeys.create({ accountId, name: body.name, scope: body.scope, secretHash: hash })
        // A repeat under the same Idempotency-Key hears of the key, not its secret: secrets are never stored.
        const bodyForRepeats = { ...print(key), secret: null }
        return { status: 201, body: { ...print(key), secret }, bodyForRepeats }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/accounts/{id}/api-keys',
      summary: 'List the account’s API keys, without their secrets',
      answers: { 200: s.pageOf(KeyAnswer) },
      async handle({ caller, params }) {
        const keys = await stores.apiKeys.list((await requireAccount(caller, params['id']!)).id)
        return { status: 200, body: { data: keys.map(print), next_cursor: null } }
      },
    }),
    endpoint({
      ...common,
      method: 'delete',
      path: '/accounts/{id}/api-keys/{key_id}',
      summary: 'Withdraw an API key: at once here, within seconds in other processes',
      answers: { 204: 'Gone' },
      async handle({ caller, params }) {
        const { id: accountId } = await requireAccount(caller, params['id']!)
        if (!(await stores.apiKeys.remove(accountId, params['key_id'] as ApiKeyId))) throw notFound('API key')
        authenticator.forget()
        return { status: 204 }
      },
    }),
  ]
}
