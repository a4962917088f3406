import type { OpenCall, RecoveryStore } from '../gateway/needs.ts'
import type { SoldTerms } from '../model/cdr.ts'
import type { Hold } from '../model/ledger.ts'
import type { MinuteTerms } from '../model/per-minute.ts'
import type { Payout } from '../model/trunk.ts'
import { readCall } from './call-store.ts'
import { readMicros } from './columns.ts'
import type { Queries, Row } from './postgres.ts'

/** What a gateway that died left open. */
export class PostgresRecovery implements RecoveryStore {
  readonly #queries: Queries
  readonly #gatewayId: string

  constructor(queries: Queries, gatewayId: string) {
    this.#queries = queries
    this.#gatewayId = gatewayId
  }

  async openCalls(): Promise<OpenCall[]> {
    const rows = await this.#queries.rows(
      // Not by way of `known_calls`: a join with that view reads every call ever written, and a start must not wait for that.
      `select c.*, o.sale, greatest(c.alive_at, c.answered_at, m.at) as last_alive_at
       from open_calls o cross join json_populate_record(null::calls, o.sale -> 'call') c
         left join alive_marks m on m.call_id = o.call_id
       where o.gateway_id = $1 order by c.received_at, c.id`,
      [this.#gatewayId],
    )
    return rows.map(({ sale, last_alive_at: aliveAt, ...call }) => ({
      call: readCall({ ...call, alive_at: aliveAt }),
      sale:
        sale['terms'] === null || sale['hold'] === null
          ? null
          : { terms: readTerms(sale['terms']), hold: readHold(sale['hold']) },
      isSold: aliveAt !== null && sale['caller_dialog'] !== null && sale['buyer_dialog'] !== null,
      callerDialog: sale['caller_dialog'],
      buyerDialog: sale['buyer_dialog'],
    }))
  }
}

function readHold(hold: Row): Hold {
  return {
    id: hold['id'],
    callId: hold['call_id'],
    accountId: hold['account_id'],
    currency: hold['currency'],
    amountMicros: readMicros(hold['amount_micros']),
    heldAt: new Date(hold['held_at']),
  }
}

export function readTerms(terms: Row): SoldTerms {
  const { payout, minutes } = terms as { payout: Row; minutes?: Row }
  return {
    ...(terms as SoldTerms),
    priceMicros: readMicros(terms['priceMicros']),
    ...(terms['expectedMicros'] !== undefined && { expectedMicros: readMicros(terms['expectedMicros']) }),
    ...(minutes && { minutes: { ...minutes, rateMicros: readMicros(minutes['rateMicros']) } as MinuteTerms }),
    payout: readPayout(payout),
  }
}

function readPayout(payout: Row): Payout {
  switch (payout['type'] as Payout['type']) {
    case 'share':
      return { type: 'share', shareMillionths: BigInt(payout['shareMillionths']) }
    case 'fixed':
      return { type: 'fixed', amountMicros: readMicros(payout['amountMicros']) }
    case 'minute':
      return { ...(payout as Extract<Payout, { type: 'minute' }>), rateMicros: readMicros(payout['rateMicros']) }
  }
}
