import { z } from 'zod'
import type { AccountId } from '../model/ids.ts'
import { systemRandom } from '../model/random.ts'
import {
  DELIVERY_STATES,
  WEBHOOK_EVENTS,
  WEBHOOK_STATUSES,
  type Webhook,
  type WebhookDelivery,
} from '../model/webhook.ts'
import { crud, given } from './crud.ts'
import { endpoint, EVERYONE, type Caller, type Endpoint } from './endpoint.ts'
import { maySee, notFound, type Kit } from './kit.ts'
import { requireMatch } from './preconditions.ts'
import { invalid, Problem } from './problems.ts'
import * as s from './schemas.ts'

/** More than an account has systems. */
const MOST_WEBHOOKS = 20
const SECRET_BYTES = 32
const SETTABLE = ['active', 'paused'] as const

const fields = {
  url: z
    .string()
    .max(2048)
    .meta({ description: 'https:// or http://, at a public address; redirects are not followed' }),
  event_types: z
    .array(z.enum(WEBHOOK_EVENTS))
    .min(1)
    .max(WEBHOOK_EVENTS.length)
    .transform((types) => [...new Set(types)]),
  description: s.text(200),
  status: z.enum(SETTABLE).meta({ description: 'What happens while it is paused is not sent later' }),
}
const Patch = z.strictObject(fields).partial()
const Create = z.strictObject({
  account_id: s.id<AccountId>().optional(),
  url: fields.url,
  event_types: fields.event_types,
  description: fields.description.optional(),
  status: fields.status.default('active'),
})
const Answer = z.strictObject({
  id: s.printedId(),
  account_id: s.printedId(),
  url: z.string(),
  event_types: z.array(z.enum(WEBHOOK_EVENTS)),
  description: z.string(),
  status: z.enum(WEBHOOK_STATUSES),
  disabled_reason: z.string().nullable(),
  ...s.printedStored,
})
const WithSecret = Answer.extend({
  secret: z.string().nullable().meta({ description: 'Shown once; null in a repeat' }),
})

const print = (webhook: Webhook): z.input<typeof Answer> => ({
  id: webhook.id,
  account_id: webhook.accountId,
  url: webhook.url,
  event_types: [...webhook.eventTypes],
  description: webhook.description,
  status: webhook.status,
  disabled_reason: webhook.disabledReason,
  ...s.printStored(webhook),
})

const DeliveryAnswer = z.strictObject({
  event_id: s.printedId(),
  type: z.string(),
  state: z.enum(DELIVERY_STATES),
  created_at: s.printedTime(),
  attempts: z.int(),
  next_attempt_at: s.printedTime().nullable(),
  ended_at: s.printedTime().nullable(),
  status: z.int().nullable(),
  error: z.string().nullable(),
})

const printDelivery = (delivery: WebhookDelivery): z.input<typeof DeliveryAnswer> => ({
  event_id: delivery.eventId,
  type: delivery.type,
  state: delivery.state,
  created_at: s.printTime(delivery.createdAt),
  attempts: delivery.attempts,
  next_attempt_at: delivery.state === 'pending' ? s.printTime(delivery.dueAt) : null,
  ended_at: s.printTime(delivery.endedAt),
  status: delivery.status,
  error: delivery.error,
})

const Replay = z.strictObject({
  state: z.enum(['dead', 'delivered']).default('dead'),
  since: s.instant().optional().meta({ description: 'Only events of then and later' }),
})
const Replayed = z.strictObject({ replayed: z.int().meta({ description: 'At most 10,000: ask again for more' }) })

/** Where an account has its events sent to, signed. */
export function webhookEndpoints(kit: Kit): Endpoint[] {
  const { stores } = kit

  /** Throws 422 for what is no URL that may be called. What its name leads to is looked at again at every connection. */
  function requireUrl(text: string): string {
    const url = URL.parse(text)
    if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
      throw invalid('/url', 'must be an http:// or https:// URL', 'invalid_url')
    if (url.username !== '' || url.password !== '')
      throw invalid('/url', 'must not contain credentials: messages are signed', 'invalid_url')
    if (!kit.mayCall(url.hostname)) throw invalid('/url', 'leads to an address that is not called', 'private_address')
    url.hash = ''
    return url.href
  }

  async function find(caller: Caller, id: string): Promise<Webhook> {
    const webhook = await stores.webhooks.find(id)
    if (!webhook || !maySee(caller, webhook.accountId)) throw notFound('webhook')
    return webhook
  }

  const newSecret = (): string => Buffer.from(systemRandom.bytes(SECRET_BYTES)).toString('base64')
  const withSecret = (webhook: Webhook) => ({
    body: { ...print(webhook), secret: `whsec_${webhook.secret}` },
    bodyForRepeats: { ...print(webhook), secret: null },
    version: webhook.version,
  })

  const common = { tag: 'webhooks', who: EVERYONE } as const
  const [create, ...others] = crud(kit, {
    name: 'webhooks',
    noun: 'webhook',
    statuses: WEBHOOK_STATUSES,
    store: stores.webhooks,
    who: EVERYONE,
    ownerTypes: ['buyer', 'seller', 'operator'],
    create: Create,
    patch: Patch,
    answer: Answer,
    async draft(body, owner) {
      const url = requireUrl(body.url)
      const existing = await stores.webhooks.list({ limit: MOST_WEBHOOKS, cursor: null }, { accountId: owner.id })
      if (existing.data.length >= MOST_WEBHOOKS)
        throw new Problem('conflict', `An account has at most ${MOST_WEBHOOKS} webhooks; delete one first.`)
      return {
        accountId: owner.id,
        url,
        eventTypes: body.event_types,
        description: body.description ?? '',
        status: body.status,
        secret: newSecret(),
        disabledReason: null,
      }
    },
    changes: (body) =>
      given({
        url: body.url === undefined ? undefined : requireUrl(body.url),
        eventTypes: body.event_types,
        description: body.description,
        status: body.status,
        disabledReason: body.status === undefined ? undefined : null,
      }),
    print,
  })

  return [
    {
      ...create!,
      summary: 'Have events sent to a URL; the secret they are signed with is in this answer only',
      answers: { 201: WithSecret },
      async handle(request) {
        const answer = await create!.handle(request)
        const webhook = await stores.webhooks.find((answer.body as z.input<typeof Answer>).id)
        if (!webhook) throw notFound('webhook') // Deleted by somebody at once.
        return { ...answer, ...withSecret(webhook) }
      },
    },
    ...others,
    endpoint({
      ...common,
      method: 'post',
      path: '/webhooks/{id}/secret',
      summary: 'A new secret in place of the old one, which signs nothing any more; in this answer only',
      answers: { 200: WithSecret },
      async handle({ caller, params, ifMatch }) {
        const current = await find(caller, params['id']!)
        const version = requireMatch(ifMatch, current.version)
        const changed = await stores.webhooks.update(current.id, { secret: newSecret() }, version)
        if (!changed) throw notFound('webhook')
        return { status: 200, ...withSecret(changed) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/webhooks/{id}/deliveries',
      summary: 'What was sent, is to be sent, or was given up (dead), newest first',
      query: z.strictObject({ ...s.pageQuery, state: z.enum(DELIVERY_STATES).optional() }),
      answers: { 200: s.pageOf(DeliveryAnswer) },
      async handle({ caller, params, query }) {
        const { id } = await find(caller, params['id']!)
        const list = `deliveries of ${id}`
        const filter = query.state ? { state: query.state } : {}
        const page = await stores.deliveries.list(id, kit.cursors.request(list, query), filter)
        return { status: 200, body: kit.cursors.answer(list, page, printDelivery) }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/webhooks/{id}/deliveries/{event_id}/replay',
      summary: 'Send one event again, under its own id',
      answers: { 202: Replayed },
      async handle({ caller, params }) {
        const { id } = await find(caller, params['id']!)
        const replayed = await stores.deliveries.replay(id, { eventId: params['event_id']! })
        if (replayed === 0) throw notFound('delivery that is over')
        return { status: 202, body: { replayed } }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/webhooks/{id}/replay',
      summary: 'Send again what was given up, or what was delivered',
      body: Replay,
      bodyOptional: true,
      answers: { 202: Replayed },
      async handle({ caller, params, body }) {
        const { id } = await find(caller, params['id']!)
        const { since, state } = body
        const replayed = await stores.deliveries.replay(id, { state, ...(since && { since }) })
        return { status: 202, body: { replayed } }
      },
    }),
  ]
}
