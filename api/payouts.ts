import { z } from 'zod'
import { createAchFile, traceNumber } from '../accounts/ach-file.ts'
import { bankClockAt } from '../accounts/banking-days.ts'
import { paySellers, returnPosting, settledPosting } from '../accounts/pay-sellers.ts'
import { Unsealable } from '../config/vault.ts'
import type { DomainEvent } from '../model/events.ts'
import { newId, type AccountId } from '../model/ids.ts'
import type { Payout, PayoutRun, PayoutRunId } from '../model/payout.ts'
import { maskedNumber, requireVault } from './bank-accounts.ts'
import { ADMIN, endpoint, SELLERS, type Endpoint } from './endpoint.ts'
import { maySee, notFound, type Kit } from './kit.ts'
import { invalid, Problem } from './problems.ts'
import { payoutTerms, toldSeller } from './payout-terms.ts'
import * as s from './schemas.ts'

const RunAnswer = z.strictObject({
  id: s.printedId(),
  number: z.int(),
  currency: z.string(),
  state: z.enum(['open', 'ready']),
  created_at: s.printedTime(),
  finished_at: s.printedTime().nullable(),
  statements_until: s.printedTime(),
  effective_on: z.string(),
  payouts: z.int(),
  prenotes: z.int(),
  amount: s.printedMoney(),
  settled: s.printedMoney(),
  returned: s.printedMoney(),
})
const PayoutAnswer = z.strictObject({
  id: s.printedId(),
  run_id: s.printedId(),
  account_id: s.printedId(),
  state: z.enum(['prenote', 'sent', 'settled', 'returned']),
  amount: s.printedMoney(),
  currency: z.string(),
  trace_number: z.string().nullable(),
  holder: z.string(),
  routing_number: z.string(),
  account_number: z.string(),
  created_at: s.printedTime(),
  settled_at: s.printedTime().nullable(),
  returned_at: s.printedTime().nullable(),
  return_code: z.string().nullable(),
})
const Returned = z.strictObject({
  trace_number: z.string().regex(/^\d{15}$/, 'must be the fifteen digits of the entry’s trace number'),
  code: z.string().regex(/^R\d\d$/, 'must be a return reason code, such as R03'),
})

/** Sellers' money to their banks: one file for all who are owed enough. */
export function payoutEndpoints(kit: Kit): Endpoint[] {
  const { payouts, payoutRuns, accounts } = kit.stores
  const common = { tag: 'payouts', who: ADMIN } as const
  const now = (): Date => new Date(kit.clock.now())
  const { originator, schedule, clearingId } = kit.payouts

  async function find(id: string): Promise<PayoutRun> {
    return (await payouts.findRun(id as PayoutRunId)) ?? fail(notFound('payout run'))
  }
  const view = (payout: Payout): z.input<typeof PayoutAnswer> => ({
    id: payout.id,
    run_id: payout.runId,
    account_id: payout.accountId,
    state: payout.state,
    amount: s.printMoney(payout.amountMicros),
    currency: payout.currency,
    trace_number: originator && traceNumber(originator.destination, payout.entry),
    holder: payout.holder,
    routing_number: payout.routingNumber,
    account_number: maskedNumber(payout),
    created_at: s.printTime(payout.createdAt),
    settled_at: s.printTime(payout.settledAt),
    returned_at: s.printTime(payout.returnedAt),
    return_code: payout.returnCode,
  })

  return [
    endpoint({
      ...common,
      method: 'post',
      path: '/payouts',
      summary: 'Pay the sellers what their closed statements say; goes on with a run that was cut off',
      answers: { 201: RunAnswer, 409: 'Nobody is owed enough', 503: 'payouts.ach is not set' },
      async handle() {
        requireVault(kit)
        requireOriginator(kit)
        const events: DomainEvent[] = []
        const terms = payoutTerms(kit, (event) => events.push(event))
        const run = await paySellers(payoutRuns, terms, schedule, now)
        if (!run) throw new Problem('nothing_to_pay', 'No seller with a bank account is owed enough.')
        for (const event of events) kit.events.publish(event)
        return { status: 201, body: viewRun(run), headers: { location: `/api/v1/payouts/${run.id}` } }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/payouts',
      summary: 'List payout runs, newest first',
      query: z.strictObject(s.pageQuery),
      answers: { 200: s.pageOf(RunAnswer) },
      async handle({ query }) {
        const page = await payouts.listRuns(kit.cursors.request('payouts', query))
        return { status: 200, body: kit.cursors.answer('payouts', page, viewRun) }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/payouts/returns',
      summary: 'Record that a bank sent a payout back: its seller has the money again',
      body: Returned,
      answers: { 200: PayoutAnswer, 409: 'It was returned for another reason' },
      async handle({ body }) {
        const payout = await payouts.findByTrace(BigInt(body.trace_number.slice(8)))
        if (!payout || view(payout).trace_number !== body.trace_number)
          throw invalid('/trace_number', 'no payout has it', 'not_found')
        if ((await find(payout.runId)).state !== 'ready') throw notReady()
        const events: DomainEvent[] = []
        const returned = await payouts.return(payout, body.code, now(), {
          createPosting: (current) =>
            returnPosting({
              postingId: newId(kit.clock),
              payoutId: current.id,
              code: body.code,
              accountId: current.accountId,
              fromId: current.state === 'settled' ? kit.house.externalId : clearingId,
              amountMicros: current.amountMicros,
              at: now(),
            }),
          announce(posting, balanceOf) {
            events.push(toldSeller(kit, posting, balanceOf))
            return events
          },
        })
        if (returned.returnCode !== body.code)
          throw new Problem('conflict', `The payout was returned already, for ${returned.returnCode}.`)
        for (const event of events) kit.events.publish(event)
        return { status: 200, body: view(returned) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/payouts/{id}',
      summary: 'Read a payout run',
      answers: { 200: RunAnswer },
      async handle({ params }) {
        return { status: 200, body: viewRun(await find(params['id']!)) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/payouts/{id}/entries',
      summary: 'List the payouts of a run',
      query: z.strictObject(s.pageQuery),
      answers: { 200: s.pageOf(PayoutAnswer) },
      async handle({ params, query }) {
        const { id } = await find(params['id']!)
        const list = `payouts ${id}`
        const page = await payouts.list({ runId: id }, kit.cursors.request(list, query))
        return { status: 200, body: kit.cursors.answer(list, page, view) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/payouts/{id}/file',
      summary: 'The run as an ACH file (Nacha), for the bank',
      answers: { 200: 'Records of 94 characters, the same each time', 409: 'The run is not finished' },
      otherTypes: ['text/plain'],
      async handle({ params }) {
        const run = await find(params['id']!)
        const file = await fileOf(kit, run)
        const headers = { 'content-disposition': `attachment; filename="payouts-${run.number}.ach"` }
        return { status: 200, content: { type: 'text/plain; charset=us-ascii', bytes: file }, headers }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/payouts/{id}/settle',
      summary: 'Record that the bank has paid what is under way of a run; a second time changes nothing',
      answers: { 200: RunAnswer, 409: 'The run is not finished' },
      async handle({ params }) {
        const run = await find(params['id']!)
        if (run.state !== 'ready') throw notReady()
        const { externalId } = kit.house
        await payouts.settle(run.id, now(), (amountMicros) =>
          settledPosting({ postingId: newId(kit.clock), run, clearingId, externalId, amountMicros, at: now() }),
        )
        return { status: 200, body: viewRun(await find(run.id)) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/accounts/{id}/payouts',
      who: SELLERS,
      summary: 'List the payouts of a seller, newest first',
      query: z.strictObject(s.pageQuery),
      answers: { 200: s.pageOf(PayoutAnswer) },
      async handle({ caller, params, query }) {
        const accountId = params['id'] as AccountId
        if (!maySee(caller, accountId) || !(await accounts.find(accountId))) throw notFound('account')
        const list = `payouts of ${accountId}`
        const page = await payouts.list({ accountId }, kit.cursors.request(list, query))
        return { status: 200, body: kit.cursors.answer(list, page, view) }
      },
    }),
  ]
}

async function fileOf(kit: Kit, run: PayoutRun): Promise<string> {
  if (run.state !== 'ready' || !run.finishedAt) throw notReady()
  const vault = requireVault(kit)
  const originator = requireOriginator(kit)
  const payouts = await kit.stores.payouts.entries(run.id)
  if (payouts.length === 0) throw new Problem('nothing_to_pay', 'Nobody was paid in this run.')
  const { day, time } = bankClockAt(run.finishedAt)
  try {
    const entries = payouts.map((payout) => ({ ...payout, number: vault.open(payout.numberSealed, payout.accountId) }))
    const file = { createdOn: day, createdAt: time, effectiveOn: run.effectiveOn, sequence: run.number - 1, entries }
    return createAchFile(file, originator)
  } catch (error) {
    if (error instanceof Unsealable) throw new Problem('not_configured', `${error.message}.`)
    throw error
  }
}

function requireOriginator({ payouts }: Kit) {
  if (payouts.originator) return payouts.originator
  throw new Problem(
    'not_configured',
    'Payouts need payouts.ach.destination, origin, company_id and the names beside them.',
  )
}

function notReady(): Problem {
  return new Problem('conflict', 'The run is not finished: POST /payouts goes on with it.')
}

function viewRun(run: PayoutRun): z.input<typeof RunAnswer> {
  const { totals } = run
  return {
    id: run.id,
    number: run.number,
    currency: run.currency,
    state: run.state,
    created_at: s.printTime(run.createdAt),
    finished_at: s.printTime(run.finishedAt),
    statements_until: s.printTime(run.statementsUntil),
    effective_on: run.effectiveOn,
    payouts: totals.payouts,
    prenotes: totals.prenotes,
    amount: s.printMoney(totals.amountMicros),
    settled: s.printMoney(totals.settledMicros),
    returned: s.printMoney(totals.returnedMicros),
  }
}

function fail(error: Error): never {
  throw error
}
